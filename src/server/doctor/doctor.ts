/*
 * walctl doctor: runs the checks one after another, from the server outwards. inspect-* reads, *-findings judges.
 * Law: it only reads. Pasting a fix that it prints loses nothing.
 * Way in: examine().
 */

import type { Client } from "pg";
import { type Check, ok } from "../../reports.ts";
import { readAdministration } from "../settings/administration.ts";
import { type ConnectionTarget, describeHost } from "../target/target.ts";
import {
  type ServerFacts,
  inspectCheckpoints,
  inspectRole,
  inspectServer,
} from "./inspect-server.ts";
import {
  type Scope,
  inspectConnection,
  inspectPublications,
  inspectSlots,
} from "./inspect-stream.ts";
import { readForgotten } from "../slot/open-transactions.ts";
import {
  checkpointFindings,
  unlessDenied,
  roleFindings,
  serverFindings,
} from "./server-findings.ts";
import { TRANSACTIONS, transactionFindings } from "./transaction-findings.ts";
import { publicationFindings } from "./publication-findings.ts";
import { connectionFindings, slotFindings } from "./stream-findings.ts";

/** Checks everything that logical replication needs, and yields each check as soon as its answer is known. */
export async function* examine(
  client: Client,
  target: ConnectionTarget,
  scope: Scope,
): AsyncGenerator<Check> {
  yield ok("connection", `server at ${describeHost(target)}, database "${target.database}"`);
  // Commands that need an administrator name that role, whatever role runs doctor.
  const administration = await readAdministration(client, target);
  const server = await inspectServer(client);
  yield* serverFindings(server, administration, scope.slots);
  yield* await inspectCheckpoints(client, server.version)
    .then((facts) => checkpointFindings(facts, administration))
    .catch(unlessDenied("checkpoints"));
  yield* await inspectRole(client, server.version)
    .then((facts) => roleFindings(facts, administration, target.user))
    .catch(unlessDenied("role_replication"));
  yield* await inspectConnection(client, target)
    .then((facts) => connectionFindings(facts, target, administration, isInUse(server, scope)))
    .catch(unlessDenied("replication_connection"));
  yield* await inspectPublications(client, target, server.version, scope.publications)
    .then((facts) => publicationFindings(facts, target, administration, scope.publications))
    .catch(unlessDenied("publication"));
  yield* await readForgotten(client).then(transactionFindings).catch(unlessDenied(TRANSACTIONS));
  yield* await inspectSlots(client, scope)
    .then((facts) => slotFindings(facts, scope, target, administration))
    .catch(unlessDenied("slot"));
}

/** Whether the slots that are asked for have a reader already. */
function isInUse(server: ServerFacts, { slots }: Scope): boolean {
  return slots.length > 0 && slots.every((slot) => server.active.includes(slot));
}
