/** The settings of walctl's sessions. They make output and names independent of the settings of role and database. */

/** `logical`: a walsender, which takes SQL (simple queries only) and the replication grammar. */
export type ConnectionKind = "ordinary" | "logical";

/**
 * A role that may create functions, operators, types or tables in a schema on the path could make walctl call or read
 * them (CVE-2018-1058), even in a superuser's session. pg_temp is searched first unless it is listed.
 */
const SAFE_PATH = "pg_catalog, pg_temp";

/**
 * Precedes a statement of an ordinary session, in the same message. A session-level setting could outlive walctl: a
 * pooler may give the session to another program, which would no longer find its tables.
 */
export const SAFE_PATH_FOR_STATEMENT = `SET LOCAL search_path = ${SAFE_PATH}; `;

/** The exception: the next statement in the same message uses the role's own path. */
export const OWN_PATH_FOR_STATEMENT = "SET LOCAL search_path TO DEFAULT; ";

/**
 * A database in SQL_ASCII contains any bytes, and the server would refuse to send those that are not UTF8 (22021).
 * lc_monetary is not set: it decides how many decimals the stored number of a money value has, not only how it is
 * printed.
 */
const OUTPUT_SETTINGS = `
  SET DateStyle = 'ISO';
  SET IntervalStyle = 'postgres';
  SET TimeZone = 'UTC';
  SET extra_float_digits = 3;
  SET bytea_output = 'hex';
  SET quote_all_identifiers = off;
  SELECT pg_catalog.set_config('client_encoding', CASE pg_catalog.current_setting('server_encoding')
    WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false);
  SET standard_conforming_strings = on`;

/**
 * The timeouts could end a stream that only waits for its reader: transaction_timeout applies while a transaction is
 * decoded, idle_session_timeout to the sentinel of a stalled reader. Not every version has them. A publication that is
 * skipped (PostgreSQL 18) is reported only by warnings inside the stream.
 */
const STREAM_SETTINGS = `
  SET client_min_messages = notice;
  SELECT pg_catalog.set_config(name, '0', false)
  FROM pg_catalog.unnest('{transaction_timeout,idle_session_timeout}'::pg_catalog.text[]) AS name
  WHERE pg_catalog.current_setting(name, true) IS NOT NULL`;

/**
 * The first message of a session. The path comes first, since each statement is analysed after the earlier ones have
 * run. No pooler shares a walsender's session, and the replication grammar accepts no SET LOCAL beside a command.
 */
export function sessionSettings(kind: ConnectionKind): string {
  return kind === "logical"
    ? `SET search_path = ${SAFE_PATH};${OUTPUT_SETTINGS};${STREAM_SETTINGS}`
    : `${SAFE_PATH_FOR_STATEMENT}${OUTPUT_SETTINGS}`;
}
