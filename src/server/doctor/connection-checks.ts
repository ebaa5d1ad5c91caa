/** doctor: whether a stream could start: the replication protocol, poolers in between, pg_hba.conf. */
import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { type Administration, mayReplicateSql } from "../settings/administration.ts";
import { type Check, fail, ok, warning } from "./check.ts";
import { connectBeside } from "../connection/connect.ts";
import { psqlCommand, walctlCommand } from "../target/paste.ts";
import { sqlStateOf } from "../query/server-errors.ts";
import { quoteIdentifier, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import { type ConnectionTarget, hostOf, portOf, targetAt } from "../target/target.ts";

/** protocol_violation: a pooler that does not know the startup parameter `replication`. */
const PROTOCOL_VIOLATION = "08P01";
/** syntax_error: one that swallowed it, so that the server took IDENTIFY_SYSTEM for SQL. */
const SYNTAX_ERROR = "42601";
const INSUFFICIENT_PRIVILEGE = "42501";
const TOO_MANY_CONNECTIONS = "53300";

/** @param asked slots that a stream is to use */
export async function checkConnection(
  client: Client,
  target: ConnectionTarget,
  administration: Administration,
  asked: readonly string[],
): Promise<readonly Check[]> {
  return [
    await checkPooler(client, target),
    await checkReplicationConnection(client, target, administration, asked),
    ...(await checkHbaFile(client, administration.admin)),
  ];
}

/** Whoever is connected to the server itself has been told the process id that the server knows it by. */
async function checkPooler(client: Client, target: ConnectionTarget): Promise<Check> {
  const [row] = await queryRows<{ pid: number }>(
    client,
    "SELECT pg_catalog.pg_backend_pid() AS pid",
    "ask for the session's process id",
  );
  const told: unknown = Reflect.get(client, "processID");
  if (told === row?.pid) return ok("pooler", "none between here and the server");
  return warning(
    "pooler",
    "a pooler or proxy stands between here and the server: a stream needs one that passes replication connections, or none",
    await directly(client, target),
  );
}

async function checkReplicationConnection(
  client: Client,
  target: ConnectionTarget,
  { admin, service }: Administration,
  asked: readonly string[],
): Promise<Check> {
  const name = "replication_connection";
  let walsender: Client | undefined;
  try {
    walsender = await connectBeside(target, "logical");
    await queryRows(walsender, "IDENTIFY_SYSTEM", "speak the replication protocol");
    return ok(name, `accepted for database ${quoteIdentifier(target.database)}`);
  } catch (error) {
    if (!(error instanceof WalctlError)) throw error;
    const state = sqlStateOf(error);
    if (state === PROTOCOL_VIOLATION || state === SYNTAX_ERROR) {
      const message =
        "what answers here does not speak the replication protocol, as poolers do not; connect to the server itself";
      return fail(name, message, await directly(client, target));
    }
    if (state === INSUFFICIENT_PRIVILEGE) {
      const sql = mayReplicateSql(service, target.user);
      return fail(name, `${error.message}; an administrator gives it`, psqlCommand(sql, admin));
    }
    if (state === TOO_MANY_CONNECTIONS && (await allInUse(client, asked))) {
      return ok(name, "not tried: no WAL sender is left, since these slots have theirs");
    }
    const more = error.hint === undefined ? "" : `; ${error.hint}`;
    return fail(name, `${error.message}${more}`, null);
  } finally {
    await walsender?.end().catch(() => {});
  }
}

/** Whether each of the slots has its reader, so that no further connection is needed. */
async function allInUse(client: Client, slots: readonly string[]): Promise<boolean> {
  if (slots.length === 0) return false;
  const rows = await queryRows(
    client,
    `SELECT FROM pg_catalog.pg_replication_slots s WHERE s.active AND s.slot_name = ANY (${quoteTextArray(slots)})`,
    "see whether the slots are in use",
  );
  return rows.length === new Set(slots).size;
}

/** The command with the address at which the server itself says that it listens; null: a socket, or it does not tell. */
async function directly(client: Client, target: ConnectionTarget): Promise<string | null> {
  const [row] = await queryRows<{ host: string | null; port: number | null }>(
    client,
    "SELECT host(pg_catalog.inet_server_addr()) AS host, pg_catalog.inet_server_port() AS port",
    "ask for the server's address",
  );
  if (row === undefined || row.host === null || row.port === null) return null;
  if (row.host === hostOf(target) && String(row.port) === portOf(target)) return null;
  const place = { host: row.host, hostaddr: undefined, port: row.port };
  return walctlCommand(["doctor"], targetAt(target, place));
}

/** Superusers only may read it, or whom they let. A line at fault makes the server keep to the file as it was before. */
async function checkHbaFile(client: Client, admin: ConnectionTarget): Promise<readonly Check[]> {
  const [row] = await queryRows<{ faults: number }>(
    client,
    `SELECT CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'EXECUTE')
       AND pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'SELECT') THEN 1 END AS faults`,
    "see whether pg_hba.conf may be read",
  );
  if (row?.faults !== 1) return [];
  const faults = await queryRows<{ line: number; error: string }>(
    client,
    "SELECT line_number AS line, error FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL",
    "read pg_hba.conf",
  );
  const [first] = faults;
  if (first === undefined) return [ok("pg_hba", "no line is at fault")];
  const show = psqlCommand(
    "SELECT line_number, error FROM pg_catalog.pg_hba_file_rules WHERE error IS NOT NULL",
    admin,
  );
  return [
    warning(
      "pg_hba",
      `line ${first.line}: ${first.error}; the server keeps to the file as it was before`,
      show,
    ),
  ];
}
