/*
 * walctl doctor: one check after another, from the connection outwards, each reported as soon as it is known.
 * Law: it only reads. A fix that it prints can be pasted without loss.
 * Way in: examine().
 */

import { WalctlError } from "../../errors.ts";
import { readAdministration } from "../settings/administration.ts";
import { type Check, fail, ok } from "./check.ts";
import { checkConnection } from "./connection-checks.ts";
import { connect } from "../connection/connect.ts";
import { readServerVersion } from "../settings/preflight.ts";
import { checkPublications } from "./publication-checks.ts";
import { checkRole } from "./role-checks.ts";
import { checkCheckpoints } from "./checkpoint-check.ts";
import { checkServer } from "./server-checks.ts";
import { checkSlots } from "./slot-checks.ts";
import { type ConnectionTarget, describeHost } from "../target/target.ts";

/** What is looked at beside the server itself; empty: all there are. */
export interface Scope {
  readonly publications: readonly string[];
  readonly slots: readonly string[];
}

/** All that logical replication needs, from the server outwards; each thing told as soon as it is known. */
export async function* examine(
  target: ConnectionTarget,
  { publications, slots }: Scope,
  stop: AbortSignal,
): AsyncGenerator<Check> {
  const client = await connect(target, "ordinary").catch((error: unknown) => {
    if (error instanceof WalctlError) return error;
    throw error;
  });
  if (client instanceof WalctlError) {
    const more = client.hint === undefined ? "" : `; ${client.hint}`;
    yield fail("connection", `${client.message}${more}`, null);
    return;
  }
  const end = (): void => void client.end().catch(() => {});
  stop.addEventListener("abort", end);
  try {
    yield ok("connection", `server at ${describeHost(target)}, database "${target.database}"`);
    const version = await readServerVersion(client);
    // Commands that take an administrator are for one, whoever runs this.
    const administration = await readAdministration(client, target);
    const { admin } = administration;
    yield* await checkServer(client, administration, version, slots);
    yield* await checkCheckpoints(client, administration, version);
    yield* await checkRole(client, administration);
    yield* await checkConnection(client, target, administration, slots);
    yield* await checkPublications(client, target, admin, version, publications);
    yield* await checkSlots(client, target, administration, slots, publications);
  } catch (error) {
    throw stop.aborted ? new WalctlError("interrupted", { cause: error }) : error;
  } finally {
    stop.removeEventListener("abort", end);
    await client.end().catch(() => {});
  }
}
