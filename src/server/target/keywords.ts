import { nearestOf } from "../../errors.ts";

/**
 * Every keyword and variable of libpq up to PostgreSQL 19 (manual: Parameter Key Words, Environment Variables), and how
 * walctl treats it. docs/connection.md has the same table; a test compares the two.
 *
 * - obeyed: as by libpq, except the values in `refuses`
 * - refused: an error that names it, before anything is sent
 * - no effect: accepted, since a string or a service for other programs may contain it
 */
export type Treatment = "obeyed" | "refused" | "no effect";

export interface Keyword {
  /** Undefined if only the variable exists. */
  readonly keyword?: string;
  readonly variable?: string;
  readonly treatment: Treatment;
  /** For the user: why it is refused or has no effect, or how it is obeyed. */
  readonly note: string;
  /** Its value never appears in a message. */
  readonly secret?: true;
  /** All valid values; undefined if any text is valid. */
  readonly values?: readonly string[];
  /** The value is a 32-bit whole number. */
  readonly integer?: true;
  /** Values that are refused by name although the keyword is obeyed or has no effect. */
  readonly refuses?: readonly string[];
  /**
   * For a keyword without effect: the values that request what walctl does anyway. Any other value causes a warning.
   */
  readonly harmless?: readonly string[];
}

const SWITCH = ["0", "1"];
const TLS_VERSIONS = ["", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const PROTOCOL_VERSIONS = ["3.0", "3.2", "latest"];
const NO_GSSAPI = "walctl has no GSSAPI";
const NO_OAUTH = "walctl has no OAuth";
const OWN_KEEPALIVE = "Node.js cannot set it: it sends 10 probes, one a second";

export const KEYWORDS: readonly Keyword[] = [
  {
    keyword: "service",
    variable: "PGSERVICE",
    treatment: "obeyed",
    note: "a section of the service file; LDAP lines are refused",
  },
  {
    keyword: "servicefile",
    variable: "PGSERVICEFILE",
    treatment: "obeyed",
    note: "default ~/.pg_service.conf; a service cannot name another file",
  },
  {
    variable: "PGSYSCONFDIR",
    treatment: "obeyed",
    note: "the directory of pg_service.conf, where the service is looked up last; without it /etc/postgresql-common",
  },
  { keyword: "user", variable: "PGUSER", treatment: "obeyed", note: "also -U" },
  {
    keyword: "password",
    variable: "PGPASSWORD",
    treatment: "obeyed",
    secret: true,
    note: "no option takes it: other users of the machine could read it (-W asks)",
  },
  {
    keyword: "passfile",
    variable: "PGPASSFILE",
    treatment: "obeyed",
    note: "default ~/.pgpass; one that group or others may read is skipped with a warning",
  },
  {
    keyword: "require_auth",
    variable: "PGREQUIREAUTH",
    treatment: "obeyed",
    note: "with ! too; a list of only gss, sspi and oauth is refused, since walctl has none of them",
  },
  {
    keyword: "channel_binding",
    variable: "PGCHANNELBINDING",
    treatment: "obeyed",
    values: ["disable", "prefer", "require"],
    note: "default prefer",
  },
  {
    keyword: "connect_timeout",
    variable: "PGCONNECT_TIMEOUT",
    treatment: "obeyed",
    integer: true,
    note: "seconds, for each address of each host; 0 or less is no limit",
  },
  { keyword: "dbname", variable: "PGDATABASE", treatment: "obeyed", note: "also -d" },
  {
    keyword: "host",
    variable: "PGHOST",
    treatment: "obeyed",
    note: "also -h; several with commas between them; a path, or @ and a name, is a Unix socket",
  },
  {
    keyword: "hostaddr",
    variable: "PGHOSTADDR",
    treatment: "obeyed",
    note: "several with commas; host is then the name to verify",
  },
  {
    keyword: "port",
    variable: "PGPORT",
    treatment: "obeyed",
    note: "also -p; one for all hosts, or one for each",
  },
  {
    keyword: "client_encoding",
    variable: "PGCLIENTENCODING",
    treatment: "no effect",
    harmless: ["", "auto", "UTF8", "utf8", "UTF-8", "utf-8", "UNICODE", "unicode"],
    note: "what walctl reads and prints is UTF-8",
  },
  {
    keyword: "options",
    variable: "PGOPTIONS",
    treatment: "obeyed",
    note: "settings for the session, as -c name=value; those that the output depends on are set after it",
  },
  {
    keyword: "application_name",
    variable: "PGAPPNAME",
    treatment: "obeyed",
    note: "default walctl",
  },
  {
    keyword: "fallback_application_name",
    treatment: "obeyed",
    note: "in place of walctl where application_name is not set",
  },
  {
    keyword: "keepalives",
    treatment: "obeyed",
    integer: true,
    note: "0 turns them off",
  },
  {
    keyword: "keepalives_idle",
    treatment: "obeyed",
    integer: true,
    note: "seconds; default 30",
  },
  {
    keyword: "keepalives_interval",
    treatment: "no effect",
    integer: true,
    harmless: ["", "0", "1"],
    note: OWN_KEEPALIVE,
  },
  {
    keyword: "keepalives_count",
    treatment: "no effect",
    integer: true,
    harmless: ["", "0", "10"],
    note: OWN_KEEPALIVE,
  },
  {
    keyword: "tcp_user_timeout",
    treatment: "no effect",
    integer: true,
    harmless: ["", "0"],
    note: "Node.js cannot set it; tail itself gives up a server that is silent for too long",
  },
  {
    keyword: "sslmode",
    variable: "PGSSLMODE",
    treatment: "obeyed",
    values: ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
    note: "default prefer, with sslrootcert=system verify-full; requiressl=1 and PGREQUIRESSL=1 mean require",
  },
  {
    variable: "PGREQUIRESSL",
    treatment: "obeyed",
    note: "1 is sslmode=require where sslmode is not set",
  },
  {
    keyword: "sslnegotiation",
    variable: "PGSSLNEGOTIATION",
    treatment: "obeyed",
    values: ["postgres", "direct"],
    note: "direct needs sslmode require, verify-ca or verify-full, and PostgreSQL 17",
  },
  {
    keyword: "sslcompression",
    variable: "PGSSLCOMPRESSION",
    treatment: "no effect",
    harmless: ["", "0"],
    note: "Node.js has no TLS compression",
  },
  {
    keyword: "sslcert",
    variable: "PGSSLCERT",
    treatment: "obeyed",
    note: "default ~/.postgresql/postgresql.crt",
  },
  {
    keyword: "sslkey",
    variable: "PGSSLKEY",
    treatment: "obeyed",
    note: "default ~/.postgresql/postgresql.key; one that group or others may read is refused (if root owns it the group may); so is engine:key",
  },
  {
    keyword: "sslcertmode",
    variable: "PGSSLCERTMODE",
    treatment: "obeyed",
    values: ["disable", "allow", "require"],
    note: "default allow",
  },
  {
    keyword: "sslpassword",
    treatment: "obeyed",
    secret: true,
    note: "the passphrase of the client key; walctl does not ask for one",
  },
  {
    keyword: "sslrootcert",
    variable: "PGSSLROOTCERT",
    treatment: "obeyed",
    note: "default ~/.postgresql/root.crt; system is the system's authorities (SSL_CERT_FILE names others), and means verify-full",
  },
  {
    keyword: "sslcrl",
    variable: "PGSSLCRL",
    treatment: "obeyed",
    note: "default ~/.postgresql/root.crl; one that is named must be there",
  },
  {
    keyword: "sslcrldir",
    variable: "PGSSLCRLDIR",
    treatment: "obeyed",
    note: "every file in it is read",
  },
  {
    keyword: "sslsni",
    variable: "PGSSLSNI",
    treatment: "obeyed",
    values: SWITCH,
    note: "0 does not tell the server the host name",
  },
  {
    keyword: "sslkeylogfile",
    treatment: "refused",
    note: "walctl writes the keys of a connection nowhere",
  },
  {
    keyword: "ssl_min_protocol_version",
    variable: "PGSSLMINPROTOCOLVERSION",
    treatment: "obeyed",
    values: TLS_VERSIONS,
    note: "default TLSv1.2",
  },
  {
    keyword: "ssl_max_protocol_version",
    variable: "PGSSLMAXPROTOCOLVERSION",
    treatment: "obeyed",
    values: TLS_VERSIONS,
    note: "default: the highest of Node.js",
  },
  {
    keyword: "requirepeer",
    variable: "PGREQUIREPEER",
    treatment: "obeyed",
    note: "refused for a Unix socket: Node.js cannot tell who listens there; libpq too ignores it for TCP",
  },
  {
    keyword: "gssencmode",
    variable: "PGGSSENCMODE",
    treatment: "no effect",
    values: ["disable", "prefer", "require"],
    refuses: ["require"],
    harmless: ["disable", "prefer"],
    note: `${NO_GSSAPI}; require is refused`,
  },
  {
    keyword: "krbsrvname",
    variable: "PGKRBSRVNAME",
    treatment: "no effect",
    note: `${NO_GSSAPI}; a server that asks for it is an error`,
  },
  { keyword: "gsslib", variable: "PGGSSLIB", treatment: "no effect", note: NO_GSSAPI },
  {
    keyword: "gssdelegation",
    variable: "PGGSSDELEGATION",
    treatment: "no effect",
    values: SWITCH,
    note: NO_GSSAPI,
  },
  {
    keyword: "target_session_attrs",
    variable: "PGTARGETSESSIONATTRS",
    treatment: "obeyed",
    values: ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"],
    note: "asked at each reconnect too",
  },
  {
    keyword: "load_balance_hosts",
    variable: "PGLOADBALANCEHOSTS",
    treatment: "obeyed",
    values: ["disable", "random"],
    note: "random: hosts, and the addresses of each, in random order",
  },
  {
    keyword: "min_protocol_version",
    variable: "PGMINPROTOCOLVERSION",
    treatment: "obeyed",
    values: PROTOCOL_VERSIONS,
    refuses: ["3.2", "latest"],
    note: "walctl speaks 3.0: a higher minimum is refused",
  },
  {
    keyword: "max_protocol_version",
    variable: "PGMAXPROTOCOLVERSION",
    treatment: "obeyed",
    values: PROTOCOL_VERSIONS,
    note: "walctl speaks 3.0, whatever more is allowed",
  },
  {
    keyword: "replication",
    treatment: "refused",
    note: "each command sets what it needs",
  },
  {
    keyword: "scram_client_key",
    treatment: "refused",
    secret: true,
    note: "walctl authenticates by password; it takes no SCRAM keys",
  },
  {
    keyword: "scram_server_key",
    treatment: "refused",
    secret: true,
    note: "walctl authenticates by password; it takes no SCRAM keys",
  },
  { keyword: "oauth_issuer", treatment: "refused", note: NO_OAUTH },
  { keyword: "oauth_client_id", treatment: "refused", note: NO_OAUTH },
  { keyword: "oauth_client_secret", treatment: "refused", secret: true, note: NO_OAUTH },
  { keyword: "oauth_scope", treatment: "refused", note: NO_OAUTH },
  { keyword: "oauth_ca_file", treatment: "refused", note: NO_OAUTH },
  {
    variable: "PGOAUTHCAFILE",
    treatment: "no effect",
    note: `${NO_OAUTH}; a server that asks for it is an error`,
  },
  {
    variable: "PGDATESTYLE",
    treatment: "no effect",
    note: "the session is set to ISO: the output must not depend on it",
  },
  {
    variable: "PGTZ",
    treatment: "no effect",
    note: "the session is set to UTC: the output must not depend on it",
  },
  { variable: "PGGEQO", treatment: "obeyed", note: "the session's setting geqo" },
  {
    variable: "PGLOCALEDIR",
    treatment: "no effect",
    note: "walctl's messages have no translations",
  },
];

const BY_KEYWORD: ReadonlyMap<string, Keyword> = new Map(
  KEYWORDS.flatMap((entry) => (entry.keyword === undefined ? [] : [[entry.keyword, entry]])),
);

export function findKeyword(keyword: string): Keyword | undefined {
  return BY_KEYWORD.get(keyword);
}

/** The keyword that was probably meant. */
export function nearestKeyword(word: string): string | undefined {
  return nearestOf(word, BY_KEYWORD.keys());
}
