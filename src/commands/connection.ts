import type { Client } from "pg";
import { WalctlError } from "../errors.ts";
import { connect } from "../replication/connect.ts";
import type { ConnectionKind } from "../replication/session-settings.ts";
import type { ConnectionTarget } from "../replication/target.ts";

/**
 * Connects, runs `body`, and closes the connection whatever happens.
 * A signal ends it: what the server has not committed by then it rolls back.
 */
export async function withConnection<Result>(
  target: ConnectionTarget,
  kind: ConnectionKind,
  stop: AbortSignal,
  body: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await connect(target, kind);
  const end = (): void => void client.end().catch(() => {});
  stop.addEventListener("abort", end);
  try {
    return await body(client);
  } catch (error) {
    throw stop.aborted ? new WalctlError("interrupted", { cause: error }) : error;
  } finally {
    stop.removeEventListener("abort", end);
    await client.end().catch(() => {});
  }
}
