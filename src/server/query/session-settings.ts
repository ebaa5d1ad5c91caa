/** The settings of walctl's sessions. They make output and names independent of the settings of role and database. */

/** `logical`: a walsender, which takes SQL (simple queries only) and the replication grammar. */
export type ConnectionKind = "ordinary" | "logical";

/**
 * A role that may create functions, operators, types or tables in a schema on the path could make walctl call or read
 * them (CVE-2018-1058), even in a superuser's session. pg_temp is searched first unless it is listed.
 */
const SAFE_PATH = "pg_catalog, pg_temp";

/** The exception: the next statement in the same message uses the role's own path. */
export const OWN_PATH_FOR_STATEMENT = "SET LOCAL search_path TO DEFAULT; ";

/**
 * lc_monetary is not set: it decides how many decimals the stored number of a money value has, not only how it is
 * printed.
 */
const SETTINGS = [
  `search_path = ${SAFE_PATH}`,
  "DateStyle = 'ISO'",
  "IntervalStyle = 'postgres'",
  "TimeZone = 'UTC'",
  "extra_float_digits = 3",
  "bytea_output = 'hex'",
  "quote_all_identifiers = off",
  "standard_conforming_strings = on",
];

/** A database in SQL_ASCII contains any bytes, and the server would refuse to send those that are not UTF8 (22021). */
const ENCODING = `CASE pg_catalog.current_setting('server_encoding')
  WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END`;

/** The path comes first, since each statement is analysed after the earlier ones have run. */
function settingsFor(scope: "SESSION" | "LOCAL"): string {
  const sets = SETTINGS.map((setting) => `SET ${scope} ${setting}; `).join("");
  return `${sets}SELECT pg_catalog.set_config('client_encoding', ${ENCODING}, ${scope === "LOCAL"}); `;
}

/**
 * Precedes a statement of an ordinary session, in the same message. A setting of the session could outlive walctl: a
 * pooler may give the session to another program, which would no longer find its tables, or get other results. The
 * server reads the whole message before it runs any of it, so standard_conforming_strings applies from the next message
 * of the same transaction on, and client_encoding is a parameter of the startup message too.
 */
export const SETTINGS_FOR_STATEMENT = settingsFor("LOCAL");

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
 * A server that stops waits until a walsender's client has confirmed all WAL, by default for ever (PostgreSQL 19). walctl
 * confirms within a second or leaves; should it hang, the server goes on without it after so long: much less than
 * pg_ctl, systemd or an orchestrator wait for a server (30 to 90 s), and long enough for the last WAL to come through a
 * slow network. What was not confirmed then comes again after the restart.
 */
const SHUTDOWN_TIMEOUT = "10s";

/** Any other limit is the administrator's choice. In the startup message the setting would end logins to older servers. */
const BOUNDED_SHUTDOWN = `;
  SELECT pg_catalog.set_config(name, '${SHUTDOWN_TIMEOUT}', false)
  FROM (VALUES ('wal_sender_shutdown_timeout')) AS own (name)
  WHERE pg_catalog.current_setting(name, true) = '-1'`;

/** As libpq's options writes it: -c name=value, or --name=value, where a hyphen counts as an underscore. */
const OWN_SHUTDOWN = /wal[_-]sender[_-]shutdown[_-]timeout/i;

/**
 * The first message of a session. No pooler shares a walsender's, whose grammar has no SET LOCAL beside a command.
 * @param options the user's own settings (PGOPTIONS)
 */
export function sessionSettings(kind: ConnectionKind, options = ""): string {
  if (kind !== "logical") return SETTINGS_FOR_STATEMENT;
  const bounded = OWN_SHUTDOWN.test(options) ? "" : BOUNDED_SHUTDOWN;
  return settingsFor("SESSION") + STREAM_SETTINGS + bounded;
}
