/*
 * walctl doctor: runs the checks one after another, from the server outwards. inspect-* reads, *-findings judges.
 * Law: it only reads. Pasting a fix that it prints loses nothing.
 * Way in: examine().
 */

import type { Client } from "pg";
import { type Check, ok } from "../../reports.ts";
import { readAdministration } from "../settings/administration.ts";
import { type ConnectionTarget, describeHost } from "../target/target.ts";
import { inspectCheckpoints, inspectRole, inspectServer } from "./inspect-server.ts";
import {
  type Scope,
  inspectConnection,
  inspectPublications,
  inspectSlots,
} from "./inspect-stream.ts";
import { checkpointFindings, roleFindings, serverFindings } from "./server-findings.ts";
import { connectionFindings, publicationFindings, slotFindings } from "./stream-findings.ts";

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
  yield* checkpointFindings(await inspectCheckpoints(client, server.version), administration);
  yield* roleFindings(await inspectRole(client), administration);
  const inUse = scope.slots.length > 0 && scope.slots.every((slot) => server.active.includes(slot));
  yield* connectionFindings(await inspectConnection(client, target), target, administration, inUse);
  const publications = await inspectPublications(
    client,
    target,
    server.version,
    scope.publications,
  );
  yield* publicationFindings(publications, target, administration);
  yield* slotFindings(await inspectSlots(client, scope), scope, target, administration);
}
