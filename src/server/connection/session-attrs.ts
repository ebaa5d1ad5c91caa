import type pg from "pg";
import { queryRows } from "../query/statement.ts";
import type { SessionAttrs } from "../target/target.ts";

/** The server is not what target_session_attrs asks for; after a failover it may become so. */
export class WrongSession extends Error {
  override readonly name = "WrongSession";
  readonly code = "WRONG_SESSION";
}

interface Session {
  readonly standby: boolean;
  /** The default of transactions. */
  readonly readOnly: boolean;
}

/** @throws WrongSession */
export async function requireSession(client: pg.Client, attrs: SessionAttrs): Promise<void> {
  if (attrs === "any") return;
  const fault = findFault(await readSession(client), attrs);
  if (fault !== undefined) throw new WrongSession(fault);
}

function findFault({ standby, readOnly }: Session, attrs: SessionAttrs): string | undefined {
  if (attrs === "read-write" && (standby || readOnly)) return "session is read-only";
  if (attrs === "read-only" && !standby && !readOnly) return "session is not read-only";
  if (attrs === "primary" && standby) return "server is in hot standby mode";
  if (attrs === "standby" && !standby) return "server is not in hot standby mode";
  return undefined;
}

async function readSession(client: pg.Client): Promise<Session> {
  // Uses no operator: search_path is still the role's own.
  const [row] = await queryRows<{ standby: boolean; setting: string }>(
    client,
    `SELECT pg_catalog.pg_is_in_recovery() AS standby,
            pg_catalog.current_setting('default_transaction_read_only') AS setting`,
    "see whether the server takes writes",
  );
  return { standby: row?.standby === true, readOnly: row?.setting === "on" };
}
