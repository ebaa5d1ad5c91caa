/** Transactions for whose end a new slot has to wait, and what ends them. */
import type { Client } from "pg";
import { type Session, describeSession } from "../query/describe-session.ts";
import { printableSql, quoteLiteral } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

export interface OpenTransaction extends Session {
  /** Null: it is not prepared. */
  readonly gid: string | null;
  readonly database: string | null;
  readonly state: string | null;
  /** The start of the transaction; of a prepared one, when it was prepared. */
  readonly since: string | null;
  readonly seconds: number | null;
}

const PREPARED = `SELECT 0 AS pid, NULL::text AS application, p.owner::text AS role, p.gid, p.database::text,
    NULL::text AS state, p.prepared AS start, p.transaction AS xid FROM pg_catalog.pg_prepared_xacts p`;
const SESSIONS = `SELECT a.pid, a.application_name AS application, a.usename::text AS role, NULL::text AS gid,
    a.datname::text AS database, a.state, a.xact_start AS start, a.backend_xid AS xid FROM pg_catalog.pg_stat_activity a`;
const COLUMNS = `pid, application, role, gid, database, state, date_trunc('second', start)::text AS since,
    extract(epoch FROM clock_timestamp() - start)::float8 AS seconds`;

/** What the walsender of that pid waits for; none at the moment: empty. */
export async function readBlockers(
  client: Client,
  pid: number,
): Promise<readonly OpenTransaction[]> {
  // pg_blocking_pids reports a prepared transaction as 0.
  return await queryRows<OpenTransaction & Record<string, unknown>>(
    client,
    `SELECT ${COLUMNS} FROM (
       SELECT b.pid, a.application, a.role, a.gid, a.database, a.state, a.start
       FROM unnest(pg_catalog.pg_blocking_pids(${pid})) AS b (pid) LEFT JOIN (${SESSIONS}) a ON a.pid = b.pid
       WHERE b.pid <> 0
       UNION ALL SELECT p.pid, p.application, p.role, p.gid, p.database, p.state, p.start FROM (${PREPARED}) p
       JOIN pg_catalog.pg_locks l ON l.transactionid = p.xid AND l.pid = ${pid} AND NOT l.granted) AS t
     ORDER BY start`,
    "see whom the server waits for",
  );
}

/** Prepared transactions, and sessions that have been idle in a transaction that a new slot would wait for. */
export async function readForgotten(client: Client): Promise<readonly OpenTransaction[]> {
  return await queryRows<OpenTransaction & Record<string, unknown>>(
    client,
    `SELECT ${COLUMNS} FROM (${PREPARED} UNION ALL ${SESSIONS}
       WHERE a.backend_xid IS NOT NULL AND a.state LIKE 'idle in%' AND a.state_change < clock_timestamp() - '1 s'::interval) AS t
     ORDER BY start`,
    "look for transactions that were forgotten",
  );
}

export function describeTransaction(one: OpenTransaction): string {
  const { gid, database, state, since, seconds } = one;
  const age = seconds === null ? null : ageText(seconds);
  if (gid === null) {
    return describeSession(one, [
      database === null ? null : `database "${database}"`,
      state,
      since === null ? null : `in a transaction since ${since}, ${age}`,
    ]);
  }
  return `prepared transaction ${printableSql(quoteLiteral(gid))} (database "${database}", owner "${one.role}", prepared ${since}, ${age} ago)`;
}

/** What ends a forgotten transaction. */
export function endingOf({ gid, pid, database }: OpenTransaction): string {
  if (gid !== null) {
    const name = printableSql(quoteLiteral(gid));
    return `in database "${database}" its owner or a superuser ends it: COMMIT PREPARED ${name} keeps its changes, ROLLBACK PREPARED ${name} loses them`;
  }
  return `the program of pid ${pid} has to commit or roll back; SELECT pg_terminate_backend(${pid}) ends its session, and loses the transaction's changes`;
}

/** In the unit that leaves two digits or so. */
function ageText(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} days`;
}
