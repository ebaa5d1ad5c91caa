import { psqlCommand } from "./paste.ts";
import { quoteIdentifier } from "./sql.ts";
import { type ConnectionTarget, clientFlags, shellQuote } from "./target.ts";

/** What is wrong, and what helps. An undefined `what` leaves it to the server's own message. */
interface Diagnosis {
  readonly what: string | undefined;
  readonly hint: string | undefined;
}

type Diagnose = (target: ConnectionTarget, routine: string | undefined) => Diagnosis;

/** pg reports these without a code. They are its own words, untranslated, of the version in package-lock.json. */
export const PgMessage = {
  noTls: "The server does not support SSL connections",
  timeout: "timeout expired",
} as const;

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
export const CONNECT_DIAGNOSES: ReadonlyMap<string, Diagnose> = new Map<string, Diagnose>([
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
  [
    // PgBouncer before 1.23, for one.
    "08P01",
    () => ({
      what: undefined,
      hint: "If that is a connection pooler, it does not let replication through: connect to the server itself.",
    }),
  ],
  ["57P01", NOT_NOW],
  ["57P02", NOT_NOW],
  ["57P03", NOT_NOW],
]);
