/*
 * walctl doctor: one question after another, from the server outwards. inspect-* asks, *-findings judges.
 * Law: it only reads. A fix that it prints can be pasted without loss.
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
  // Commands that take an administrator are for one, whoever runs this.
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
