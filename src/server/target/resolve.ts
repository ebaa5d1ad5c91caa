import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { type WalctlError, usageError } from "../../errors.ts";
import {
  type ConnectionParameters,
  isUri,
  parseConninfo,
  quoteGiven,
  refuseMisplaced,
} from "./conninfo.ts";
import { KEYWORDS, type Keyword, findKeyword } from "./keywords.ts";
import { findPassfileFault } from "./passfile.ts";
import { isSocket, listPlaces } from "./places.ts";
import { parseRequiredAuth } from "./required-auth.ts";
import { readService } from "./service-file.ts";
import type { ConnectionTarget, SessionAttrs, SslMode, TlsTarget } from "./target.ts";

/** The flags that every connecting command has. */
export interface ConnectionFlags {
  readonly dbname?: string;
  readonly host?: string;
  readonly port?: string;
  readonly username?: string;
  /** --password: ask for it first; --no-password: never. */
  readonly password?: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

export type Warn = (warning: { readonly message: string; readonly hint?: string }) => void;

/** Without keepalives the system checks only after two hours whether the other side still exists. */
const KEEPALIVE_IDLE_SECONDS = "30";

/**
 * In psql's order of precedence: a connection string in -d, then the flags, the service, the environment.
 * @throws WalctlError that names what is unknown, invalid or not supported
 */
export function resolveTarget(
  flags: ConnectionFlags,
  env: Environment,
  warn: Warn = () => {},
): ConnectionTarget {
  const string: ConnectionParameters =
    flags.dbname === undefined || flags.dbname === "" ? new Map() : parseConninfo(flags.dbname);
  const given: ConnectionParameters = new Map([...flagParameters(flags), ...string]);
  const service = given.get("service") ?? env["PGSERVICE"];
  if (service !== undefined) refuseMisplaced("service", service);
  const fromService =
    service === undefined ? new Map() : readService(service, env, given.get("servicefile"));
  const parameters = new Map([...environmentParameters(env), ...fromService, ...given]);
  for (const [keyword, value] of parameters) {
    // In a URI a name may contain anything, percent-encoded.
    const meant = isUri(flags.dbname ?? "") && string.has(keyword);
    if (!meant && findKeyword(keyword)?.secret !== true) refuseMisplaced(keyword, value);
  }
  for (const entry of KEYWORDS) check(entry, valueOf(entry, parameters, env), warn);
  const target = build(parameters, env, new Map([...fromService, ...string]));
  if (target.password === undefined) {
    const isNamed = target.passfile !== DEFAULT_PASSFILE;
    const fault = findPassfileFault(target.passfile, isNamed);
    if (fault !== undefined) warn(fault);
  }
  return target;
}

const DEFAULT_PASSFILE = join(homedir(), ".pgpass");

/** Empty flags count as not given, as in psql. */
function flagParameters(flags: ConnectionFlags): ConnectionParameters {
  const { host, port, username: user } = flags;
  return new Map(
    Object.entries({ host, port, user }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
    ),
  );
}

/** Empty variables count as given, as in libpq: an empty PGSSLMODE is an error there too. */
function environmentParameters(env: Environment): ConnectionParameters {
  const parameters: ConnectionParameters = new Map();
  if (env["PGREQUIRESSL"]?.startsWith("1") === true) parameters.set("sslmode", "require");
  for (const { keyword, variable } of KEYWORDS) {
    const value = variable === undefined ? undefined : env[variable];
    if (keyword !== undefined && value !== undefined) parameters.set(keyword, value);
  }
  return parameters;
}

function valueOf(
  { keyword, variable }: Keyword,
  parameters: ConnectionParameters,
  env: Environment,
): string | undefined {
  if (keyword !== undefined) return parameters.get(keyword);
  return variable === undefined ? undefined : env[variable];
}

function check(entry: Keyword, value: string | undefined, warn: Warn): void {
  const { keyword = "", treatment, values, note } = entry;
  if (value === undefined) return;
  if (treatment === "refused") throw usageError(`${keyword} is not supported`, sentence(note));
  if (values !== undefined && !values.includes(value)) throw invalid(entry, value);
  if (entry.integer === true) parseInteger(entry, value);
  if (entry.refuses?.includes(value) === true)
    throw usageError(`${keyword}=${value} is not supported`, sentence(note));
  if (entry.harmless?.includes(value) === false)
    warn({ message: `${keyword} has no effect`, hint: sentence(note) });
}

function sentence(note: string): string {
  return `${note.charAt(0).toUpperCase()}${note.slice(1)}.`.replace(/^Walctl/, "walctl");
}

function invalid({ keyword, values }: Keyword, value: string): WalctlError {
  const hint =
    values === undefined ? undefined : `It is one of ${values.filter(Boolean).join(", ")}.`;
  return usageError(`invalid ${keyword ?? ""} value: ${quoteGiven(value)}`, hint);
}

function parseInteger({ keyword }: Keyword, text: string): number {
  const value = /^\s*[+-]?\d+\s*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) return value;
  throw usageError(`${keyword ?? ""} must be a whole number of 32 bits, not ${quoteGiven(text)}`);
}

function build(
  parameters: ConnectionParameters,
  env: Environment,
  given: ConnectionParameters,
): ConnectionTarget {
  const get = (key: string): string | undefined => parameters.get(key) || undefined;
  const number = (key: string, text: string): number =>
    parseInteger(
      findKeyword(key) ?? { keyword: key, treatment: "obeyed", note: "" },
      parameters.get(key) ?? text,
    );
  const [first, ...others] = listPlaces(parameters);
  if (first === undefined) throw new TypeError("no place to connect to");
  const user = get("user") ?? ownName();
  const idleSeconds = number("keepalives_idle", KEEPALIVE_IDLE_SECONDS);
  const geqo = env["PGGEQO"];
  const target: ConnectionTarget = {
    places: [first, ...others],
    reached: { place: undefined },
    sessionAttrs: (get("target_session_attrs") ?? "any") as SessionAttrs,
    randomOrder: get("load_balance_hosts") === "random",
    user,
    database: get("dbname") ?? user,
    password: get("password"),
    passfile: get("passfile") ?? DEFAULT_PASSFILE,
    requiredAuth: parseRequiredAuth(get("require_auth")),
    channelBinding: (get("channel_binding") ?? "prefer") as ConnectionTarget["channelBinding"],
    sslMode: (get("sslmode") ??
      (get("sslrootcert") === "system" ? "verify-full" : "prefer")) as SslMode,
    tls: tlsTarget(get, env["SSL_CERT_FILE"] || undefined),
    applicationName: get("application_name") ?? get("fallback_application_name") ?? "walctl",
    options: get("options"),
    settings: geqo === undefined ? {} : { geqo },
    keepaliveIdleMs:
      number("keepalives", "1") === 0
        ? undefined
        : (idleSeconds > 0 ? idleSeconds : Number(KEEPALIVE_IDLE_SECONDS)) * 1000,
    connectTimeoutMs: Math.max(0, number("connect_timeout", "0")) * 1000,
    more: new Map([...given].filter(([key]) => mayBeShown(key))),
  };
  checkTogether(target, parameters);
  return target;
}

function tlsTarget(
  get: (key: string) => string | undefined,
  systemCertFile: string | undefined,
): TlsTarget {
  return {
    rootCert: get("sslrootcert"),
    cert: get("sslcert"),
    key: get("sslkey"),
    password: get("sslpassword"),
    certMode: (get("sslcertmode") ?? "allow") as TlsTarget["certMode"],
    crl: get("sslcrl"),
    crlDir: get("sslcrldir"),
    sni: get("sslsni") !== "0",
    direct: get("sslnegotiation") === "direct",
    minVersion: get("ssl_min_protocol_version") ?? "TLSv1.2",
    maxVersion: get("ssl_max_protocol_version"),
    systemCertFile,
  };
}

/** Checks what is invalid only in combination. */
function checkTogether(target: ConnectionTarget, parameters: ConnectionParameters): void {
  const { sslMode, tls, places } = target;
  const weak = (option: string, use: string): WalctlError =>
    usageError(`weak sslmode "${sslMode}" may not be used with ${option}`, `Use ${use}.`);
  if (tls.direct && !/^(require|verify)/.test(sslMode))
    throw weak("sslnegotiation=direct", "require, verify-ca or verify-full");
  if (tls.rootCert === "system" && sslMode !== "verify-full")
    throw weak("sslrootcert=system", "verify-full");
  if (tls.maxVersion !== undefined && tls.minVersion > tls.maxVersion)
    throw usageError(
      `ssl_min_protocol_version "${tls.minVersion}" is above ssl_max_protocol_version "${tls.maxVersion}"`,
    );
  // `engine:key` names a key of an OpenSSL engine.
  if (tls.key?.includes(":") === true)
    throw usageError(
      `sslkey "${tls.key}" names a key of an OpenSSL engine, which is not supported`,
    );
  const peer = parameters.get("requirepeer") ?? "";
  if (peer !== "" && places.some(isSocket))
    throw usageError(
      "requirepeer is not supported for a Unix socket",
      "Node.js cannot tell which user the server at the socket runs as.",
    );
}

/** Leaves out secrets, and what the flags of a pasted command say anyway. */
function mayBeShown(keyword: string): boolean {
  const apart = ["host", "port", "user", "dbname", "service", "servicefile"];
  return !apart.includes(keyword) && findKeyword(keyword)?.secret !== true;
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    throw usageError(
      "the system has no name for the user that runs this",
      "Name the role with -U.",
    );
  }
}
