/** The settings of walctl's sessions, so that output and names do not depend on the role's or the database's. */

/** `logical`: a walsender, which takes SQL (simple queries only) and the replication grammar. */
export type ConnectionKind = "ordinary" | "logical";

/**
 * A role that may create functions, operators, types or tables in a schema on the path could make walctl call or read
 * them (CVE-2018-1058), in a superuser's session too. pg_temp is searched first unless it is listed.
 */
const SAFE_PATH = "pg_catalog, pg_temp";

/**
 * Goes before a statement of an ordinary session, in the same message. A setting of the session would outlive walctl
 * where a pooler hands the session to another program, which would no longer find its tables.
 */
export const SAFE_PATH_FOR_STATEMENT = `SET LOCAL search_path = ${SAFE_PATH}; `;

/** The exception: the statement after it in the same message sees the role's own path. */
export const OWN_PATH_FOR_STATEMENT = "SET LOCAL search_path TO DEFAULT; ";

/**
 * A database in SQL_ASCII holds any bytes, and as UTF8 the server would refuse to send those that are not (22021).
 * lc_monetary stays: it decides how many decimals the stored number of a money has, not only how it looks.
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
 * The timeouts could end a stream that only waits for its reader: a transaction that is decoded counts for the first
 * (transaction_timeout), the sentinel of a stalled reader for the second. Not every version has them. Only the
 * server's warnings inside the stream report a skipped publication (PostgreSQL 18).
 */
const STREAM_SETTINGS = `
  SET client_min_messages = notice;
  SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings
  WHERE name IN ('transaction_timeout', 'idle_session_timeout')`;

/**
 * The first message of a session. The path comes first, since each statement is analysed after those before it have
 * run. No pooler hands on a walsender's session, and the replication grammar takes no SET LOCAL beside a command.
 */
export function sessionSettings(kind: ConnectionKind): string {
  return kind === "logical"
    ? `SET search_path = ${SAFE_PATH};${OUTPUT_SETTINGS};${STREAM_SETTINGS}`
    : `${SAFE_PATH_FOR_STATEMENT}${OUTPUT_SETTINGS}`;
}
