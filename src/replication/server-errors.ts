import pg from "pg";
import { WalctlError } from "../errors.ts";
import { psqlCommand } from "./paste.ts";
import { quoteIdentifier } from "./sql.ts";
import { type ConnectionTarget, clientFlags, describeHost, shellQuote } from "./target.ts";

/** What is wrong, and what helps. An undefined `what` leaves it to the server's own message. */
interface Diagnosis {
  readonly what: string | undefined;
  readonly hint: string | undefined;
}

type Diagnose = (target: ConnectionTarget, routine: string | undefined) => Diagnosis;

/** pg reports these without a code. They are its own words, untranslated, of the version in package-lock.json. */
const PgMessage = {
  noTls: "The server does not support SSL connections",
  timeout: "timeout expired",
} as const;

const LOST_MESSAGES: ReadonlySet<string> = new Set([
  PgMessage.timeout,
  "Connection terminated",
  "Connection terminated unexpectedly",
  "Client has encountered a connection error and is not queryable",
  "Client was closed and is not queryable",
]);

const TIMED_OUT: Diagnose = () => ({
  what: "no answer in time",
  hint: "Check the host and the port, and whether a firewall lets them through; PGCONNECT_TIMEOUT sets how many seconds to wait.",
});
const NO_NAME: Diagnose = (target) => ({
  what: `host name "${target.host}" is not known`,
  hint: "Check the name given with -h, -d or PGHOST.",
});
const NO_ROUTE: Diagnose = () => ({
  what: "the network does not lead there",
  hint: "Check the host given with -h, -d or PGHOST.",
});
const UNTRUSTED: Diagnose = () => ({
  what: "the server's certificate is not signed by an authority that is trusted",
  hint: "Set PGSSLROOTCERT to the file of the authority that signed it.",
});
const WRONG_NAME: Diagnose = (target) => ({
  what: `the server's certificate is not for the host "${target.host}"`,
  hint: "Connect by the name in the certificate, or set PGSSLMODE=verify-ca to check only who signed it.",
});
const NOT_NOW: Diagnose = () => ({ what: undefined, hint: "Try again in a moment." });

/** The one table from SQLSTATE, errno, TLS code or pg's own words to what the user should read. */
const CONNECT_DIAGNOSES: ReadonlyMap<string, Diagnose> = new Map<string, Diagnose>([
  [
    "ECONNREFUSED",
    (target) => ({
      what: "connection refused",
      hint: `-h and -p, or PGHOST and PGPORT, name another. Is it running? pg_isready -h ${shellQuote(target.host)} -p ${target.port}`,
    }),
  ],
  [
    "ENOENT",
    (target) => ({
      what: "no server listens on a socket there",
      hint: `-h names another directory, or a host. Is the socket .s.PGSQL.${target.port} there? ls -a ${shellQuote(target.host)}`,
    }),
  ],
  [
    "EACCES",
    (target) => ({
      what: "no permission to use the socket",
      hint: `-h localhost goes over TCP. Who may use the socket: ls -la ${shellQuote(target.host)}`,
    }),
  ],
  ["ENOTFOUND", NO_NAME],
  ["EAI_AGAIN", NO_NAME],
  ["ETIMEDOUT", TIMED_OUT],
  [PgMessage.timeout, TIMED_OUT],
  ["EHOSTUNREACH", NO_ROUTE],
  ["ENETUNREACH", NO_ROUTE],
  [
    PgMessage.noTls,
    (target) => ({
      what: `it offers no TLS, and sslmode ${target.sslMode} asks for it`,
      hint: "Set PGSSLMODE=prefer to go without where there is none.",
    }),
  ],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNTRUSTED],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", UNTRUSTED],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNTRUSTED],
  ["CERT_HAS_EXPIRED", () => ({ what: "the server's certificate has expired", hint: undefined })],
  ["ERR_TLS_CERT_ALTNAME_INVALID", WRONG_NAME],
  ["HOSTNAME_MISMATCH", WRONG_NAME],
  [
    "28P01",
    (target) => ({
      what: undefined,
      hint:
        target.password === undefined
          ? `Mend the password in ${shellQuote(target.passfile)}, or set PGPASSWORD.`
          : "Set PGPASSWORD, or unset it and keep the password in ~/.pgpass.",
    }),
  ],
  [
    "28000",
    (target, routine) => ({
      what: undefined,
      hint:
        routine === "InitializeSessionUserId"
          ? `Name another role with -U; or, as a superuser (ALTER ROLE where it is there already): CREATE ROLE ${quoteIdentifier(target.user)} LOGIN REPLICATION`
          : `A line for the role in the server's pg_hba.conf lets it in: host ${target.database} ${target.user} samenet scram-sha-256; then SELECT pg_reload_conf().`,
    }),
  ],
  [
    "3D000",
    (target) => ({
      what: undefined,
      hint: `Name another with -d (psql ${clientFlags(target)} -l lists them), or: createdb ${clientFlags(target)} ${shellQuote(target.database)}`,
    }),
  ],
  [
    "42501",
    (target, routine) => ({
      what: undefined,
      hint:
        routine === "CheckMyDatabase"
          ? `As a superuser: GRANT CONNECT ON DATABASE ${quoteIdentifier(target.database)} TO ${quoteIdentifier(target.user)}`
          : `As a superuser: ALTER ROLE ${quoteIdentifier(target.user)} REPLICATION`,
    }),
  ],
  [
    "53300",
    (target) => ({
      what: undefined,
      hint: `The settings max_connections and max_wal_senders are the limits. Who is connected: ${psqlCommand("SELECT pid, backend_type, application_name, usename FROM pg_stat_activity", target)}`,
    }),
  ],
  ["57P01", NOT_NOW],
  ["57P02", NOT_NOW],
  ["57P03", NOT_NOW],
]);

/** Why no connection came about. One that is a WalctlError already stays as it is. */
export function connectError(error: unknown, target: ConnectionTarget): WalctlError {
  if (error instanceof WalctlError) return error;
  const database = error instanceof pg.DatabaseError ? error : undefined;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  const diagnosis = CONNECT_DIAGNOSES.get(code ?? message)?.(target, database?.routine);
  const state = database?.code === undefined ? "" : ` (SQLSTATE ${database.code})`;
  const what = (diagnosis?.what ?? message) || (code ?? "unknown error");
  return new WalctlError(
    `could not connect to server at ${describeHost(target)}: ${what}${state}`,
    {
      detail: database?.detail,
      hint: diagnosis?.hint ?? database?.hint,
      cause: error,
    },
  );
}

/** SQLSTATE → the hint that helps in the case at hand. */
export type Hints = Readonly<Record<string, string>>;

/**
 * What the server said to a statement: `could not DOING: MESSAGE (SQLSTATE …)`.
 * @param doing in the infinitive: `create publication "p"`
 * @throws `error` itself, when it is neither the server's nor the connection's: a bug
 */
export function serverError(error: unknown, doing: string, hints: Hints = {}): WalctlError {
  if (error instanceof WalctlError) return error;
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? "XX000";
    return new WalctlError(`could not ${doing}: ${error.message} (SQLSTATE ${code})`, {
      detail: detailIsSafe(code) ? error.detail : undefined,
      hint: hints[code] ?? error.hint,
      cause: error,
    });
  }
  if (!isConnectionLost(error)) throw error;
  const why = codeOf(error);
  const reason = why === undefined ? "" : ` (${why})`;
  return new WalctlError(`could not ${doing}: the connection to the server was lost${reason}`, {
    cause: error,
  });
}

/** Errors of these classes are about settings, rights and objects; the DETAIL of others may quote a row. */
const SAFE_DETAIL_CLASSES: ReadonlySet<string> = new Set([
  "08",
  "0A",
  "28",
  "2B",
  "3D",
  "3F",
  "40",
  "42",
  "53",
  "55",
  "57",
]);

function detailIsSafe(sqlState: string): boolean {
  // 22023, invalid_parameter_value, tells what kind of table cannot be published.
  return SAFE_DETAIL_CLASSES.has(sqlState.slice(0, 2)) || sqlState === "22023";
}

const LOST_CODES: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH"],
  ...["EHOSTDOWN", "ENETUNREACH", "ENETDOWN", "ENETRESET", "ENOTFOUND", "EAI_AGAIN"],
  // Stopped, crashed, not ready; and no place yet: the old session's place is freed a little later.
  ...["57P01", "57P02", "57P03", "53300"],
]);

/**
 * Whether a new connection may mend it: the server or the network went away, or is not back yet.
 * Looks through a WalctlError at its cause. Meant for one who has been connected before:
 * a first attempt that is refused is better reported at once.
 */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof WalctlError)
    return error.cause !== undefined && isConnectionLost(error.cause);
  const code = codeOf(error);
  if (code === undefined) return error instanceof Error && LOST_MESSAGES.has(error.message);
  // The socket's file is gone while the server restarts; another ENOENT is a certificate's.
  if (code === "ENOENT") return fieldOf(error, "syscall") === "connect";
  return LOST_CODES.has(code) || (error instanceof pg.DatabaseError && code.startsWith("08"));
}

/** The SQLSTATE of what the server said, also behind a WalctlError. */
export function sqlStateOf(error: unknown): string | undefined {
  if (error instanceof WalctlError) return sqlStateOf(error.cause);
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

function codeOf(error: unknown): string | undefined {
  return fieldOf(error, "code");
}

function fieldOf(error: unknown, name: string): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === "string" ? value : undefined;
}
