import { psqlCommand } from "../target/paste.ts";
import { printableIdentifier, quotePlainly } from "./sql.ts";
import {
  type ConnectionTarget,
  clientFlags,
  hostOf,
  portOf,
  shellQuote,
} from "../target/target.ts";
import { isSocket } from "../target/places.ts";
import { SqlState } from "./sqlstate.ts";

/** The fault, and what helps. `what` is undefined if the server's own message describes the fault. */
interface Diagnosis {
  readonly what: string | undefined;
  readonly hint: string | undefined;
}

type Diagnose = (
  target: ConnectionTarget,
  routine: string | undefined,
  message: string,
) => Diagnosis;

const TIMED_OUT: Diagnose = () => ({
  what: "no answer in time",
  hint: "Check the host and the port, and whether a firewall lets them through; PGCONNECT_TIMEOUT sets how many seconds to wait.",
});
const NO_NAME: Diagnose = (target) => ({
  what: `host name "${hostOf(target)}" is not known`,
  hint: "Check the name given with -h, -d or PGHOST.",
});
const NO_ROUTE: Diagnose = () => ({
  what: "the network has no route to it",
  hint: "Check the host given with -h, -d or PGHOST.",
});
const UNTRUSTED: Diagnose = () => ({
  what: "the server's certificate is not signed by an authority that is trusted",
  hint: "Set PGSSLROOTCERT to the file of the authority that signed it.",
});
const WRONG_NAME: Diagnose = (target) => ({
  what: `the server's certificate is not for the host "${hostOf(target)}"`,
  hint: "Connect by the name in the certificate, or set PGSSLMODE=verify-ca to check only who signed it.",
});
const NO_VERSION: Diagnose = () => ({
  what: "the server supports none of the versions of TLS that are allowed",
  hint: "ssl_min_protocol_version and ssl_max_protocol_version (PGSSLMINPROTOCOLVERSION, PGSSLMAXPROTOCOLVERSION) set them.",
});
const NOT_NOW: Diagnose = () => ({ what: undefined, hint: "Try again in a moment." });

/** A person gave the password at the prompt. */
function isTyped({ prompt }: ConnectionTarget): boolean {
  return prompt?.given !== undefined && prompt.given !== "";
}

/** The words of pg_hba.conf that would not be names there. */
const HBA_KEYWORDS = new Set(["all", "replication", "sameuser", "samerole", "samegroup"]);

function hbaLine({ places, reached, database, user }: ConnectionTarget): string {
  const [db, role] = [database, user].map((name) =>
    HBA_KEYWORDS.has(name) ? `"${name}"` : quotePlainly(name),
  );
  const local = isSocket(reached.place ?? places[0]);
  return local ? `local ${db} ${role} scram-sha-256` : `host ${db} ${role} samenet scram-sha-256`;
}

/** SQLSTATE, errno, TLS code or walctl's own code → the text for the user. */
export const CONNECT_DIAGNOSES: ReadonlyMap<string, Diagnose> = new Map<string, Diagnose>([
  [
    "ECONNREFUSED",
    (target) => ({
      what: "connection refused",
      hint: `-h and -p, or PGHOST and PGPORT, name another. Is it running? pg_isready -h ${shellQuote(hostOf(target))} -p ${portOf(target)}`,
    }),
  ],
  [
    "ENOENT",
    (target) => ({
      what: "no server listens on a socket there",
      hint: `-h names another directory, or a host. Is the socket .s.PGSQL.${portOf(target)} there? ls -a ${shellQuote(hostOf(target))}`,
    }),
  ],
  [
    "EACCES",
    (target) => ({
      what: "no permission to use the socket",
      hint: `-h localhost goes over TCP. Who may use the socket: ls -la ${shellQuote(hostOf(target))}`,
    }),
  ],
  [
    "EMFILE",
    () => ({
      what: "too many open files in this process (EMFILE)",
      hint: "ulimit -n shows how many it may open, and ulimit -n 1024 allows more.",
    }),
  ],
  ["ENOTFOUND", NO_NAME],
  ["EAI_AGAIN", NO_NAME],
  ["ETIMEDOUT", TIMED_OUT],
  [
    // pg has no code for this; it is the message of the version in package-lock.json.
    "Connection terminated unexpectedly",
    () => ({
      what: "the server closed the connection",
      hint: "The server's log may say why. A server that is starting or stopping closes connections, and so does a program on that port that is not PostgreSQL.",
    }),
  ],
  ["EHOSTUNREACH", NO_ROUTE],
  ["ENETUNREACH", NO_ROUTE],
  [
    "NO_TLS",
    (target) => ({
      what: `it offers no TLS, and sslmode ${target.sslMode} asks for it`,
      hint: target.sslMode.startsWith("verify")
        ? "Turn TLS on at the server (ssl = on). If that has it on, somebody in between takes it away."
        : "To go without where there is none: PGSSLMODE=prefer, or sslmode=prefer in a connection string that has another.",
    }),
  ],
  ["SELF_SIGNED_CERT_IN_CHAIN", UNTRUSTED],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", UNTRUSTED],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT", UNTRUSTED],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNTRUSTED],
  ["CERT_REVOKED", () => ({ what: "the server's certificate has been revoked", hint: undefined })],
  [
    "UNABLE_TO_GET_CRL",
    () => ({
      what: "sslcrl has no revocation list of the authority that signed the server's certificate",
      hint: "Each authority in the chain has to have its list there.",
    }),
  ],
  ["CERT_HAS_EXPIRED", () => ({ what: "the server's certificate has expired", hint: undefined })],
  ["ERR_TLS_CERT_ALTNAME_INVALID", WRONG_NAME],
  ["HOSTNAME_MISMATCH", WRONG_NAME],
  ["ERR_SSL_UNSUPPORTED_PROTOCOL", NO_VERSION],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", NO_VERSION],
  [
    "TLS_WANTED",
    () => ({
      what: undefined,
      hint: "The server has TLS, and its pg_hba.conf may want it: set PGSSLMODE=require, or sslmode=require in the connection string.",
    }),
  ],
  [
    "WRONG_SESSION",
    () => ({
      what: undefined,
      hint: "target_session_attrs says which server is wanted: another host (-h a,b), or PGTARGETSESSIONATTRS=any.",
    }),
  ],
  [
    SqlState.invalidPassword,
    (target) => ({
      what: undefined,
      hint: isTyped(target)
        ? `What was typed is not the password of "${target.user}": run the command again.`
        : target.password === undefined
          ? `Fix the password in ${shellQuote(target.passfile)}, or set PGPASSWORD.`
          : "Correct the password in the connection string, the service file or PGPASSWORD, or leave it out there and keep it in ~/.pgpass.",
    }),
  ],
  [
    SqlState.invalidAuthorizationSpecification,
    (target, routine, message) => ({
      what: undefined,
      hint:
        routine === "InitializeSessionUserId"
          ? `Name another role with -U; or, as a superuser (ALTER ROLE where it is there already): CREATE ROLE ${printableIdentifier(target.user)} LOGIN REPLICATION`
          : /certifi|zertifi/i.test(message)
            ? "PGSSLCERT and PGSSLKEY name the client's certificate and its key; the server takes one that the authorities in its ssl_ca_file signed."
            : `A line for the role in the server's pg_hba.conf lets it in: ${hbaLine(target)}; then SELECT pg_catalog.pg_reload_conf().`,
    }),
  ],
  [
    SqlState.invalidCatalogName,
    (target) => ({
      what: undefined,
      hint: `Name another with -d (psql ${clientFlags(target)} -l lists them), or: createdb ${clientFlags(target)} ${shellQuote(target.database)}`,
    }),
  ],
  [
    SqlState.insufficientPrivilege,
    (target, routine) => ({
      what: undefined,
      hint:
        routine === "CheckMyDatabase"
          ? `As a superuser: GRANT CONNECT ON DATABASE ${printableIdentifier(target.database)} TO ${printableIdentifier(target.user)}`
          : `As a superuser: ALTER ROLE ${printableIdentifier(target.user)} REPLICATION`,
    }),
  ],
  [
    SqlState.tooManyConnections,
    (target) => ({
      what: undefined,
      hint: `The settings max_connections and max_wal_senders are the limits. Who is connected: ${psqlCommand("SELECT pid, backend_type, application_name, usename FROM pg_catalog.pg_stat_activity", target)}`,
    }),
  ],
  [
    // PgBouncer before 1.23 does not accept replication connections, and it accepts few other parameters.
    SqlState.protocolViolation,
    (_target, _routine, message) => ({
      what: undefined,
      hint: /parameter(?!.*\breplication\b)/.test(message)
        ? "If that is a connection pooler, it does not take what PGOPTIONS, or options in the connection string, asks for: leave that out, or connect to the server itself."
        : "If that is a connection pooler, it does not let replication through: connect to the server itself.",
    }),
  ],
  [SqlState.adminShutdown, NOT_NOW],
  [SqlState.crashShutdown, NOT_NOW],
  [SqlState.cannotConnectNow, NOT_NOW],
]);

/** pg has no codes for these, so the messages of the version in package-lock.json are compared. */
export function diagnoseScram(message: string, target: ConnectionTarget): Diagnosis | undefined {
  const iterations = /iteration count (\d+) exceeds scramMaxIterations of (\d+)/.exec(message);
  if (iterations !== null)
    return {
      what: `the role's password has ${iterations[1]} iterations of SCRAM, and walctl does ${iterations[2]} at most`,
      hint: `With a smaller scram_iterations the password has to be set again: ALTER ROLE ${printableIdentifier(target.user)} PASSWORD '...'.`,
    };
  if (message.startsWith("SASL channel binding"))
    return {
      what: "channel binding is not possible with the server's certificate, as it is signed",
      hint: "Set PGCHANNELBINDING=disable to log in without.",
    };
  if (message.includes("server signature does not match"))
    return { what: "the server could not prove that it knows the password", hint: undefined };
  return message.startsWith("SASL: ")
    ? { what: `the server broke the SCRAM protocol: ${message.slice(6)}`, hint: undefined }
    : undefined;
}
