/*
 * Where the user wants to go: connection string, flags, service and password files, environment, as libpq reads them.
 * Law: nothing here opens a connection, and what libpq knows and walctl cannot do is refused by name.
 * Way in: connectionTarget() of commands makes a ConnectionTarget; keywords.ts is the one table of libpq's keywords.
 */

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
import { type Place, isSocket, listPlaces } from "./places.ts";
import { type RequiredAuth, parseRequiredAuth } from "./required-auth.ts";
import { readService } from "./service-file.ts";

/** The flags that every connecting command has. */
export interface ConnectionFlags {
  readonly dbname?: string;
  readonly host?: string;
  readonly port?: string;
  readonly username?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
export type SessionAttrs =
  | "any"
  | "read-write"
  | "read-only"
  | "primary"
  | "standby"
  | "prefer-standby";

/** Files are paths; undefined: libpq's default below ~/.postgresql where that exists. */
export interface TlsTarget {
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly password: string | undefined;
  readonly certMode: "disable" | "allow" | "require";
  readonly crl: string | undefined;
  readonly crlDir: string | undefined;
  readonly sni: boolean;
  readonly direct: boolean;
  /** TLSv1.2, say; undefined: the highest there is. */
  readonly minVersion: string;
  readonly maxVersion: string | undefined;
  /** Of the authorities that sslrootcert=system means; undefined: the system's own. */
  readonly systemCertFile: string | undefined;
}

/** Which server, database and role, and how to get there. */
export interface ConnectionTarget {
  /** Tried in this order, or in a random one. */
  readonly places: readonly [Place, ...Place[]];
  /** The place of the last connection, for those beside it and for what is said of it. Shared by copies of the target. */
  readonly reached: { place: Place | undefined };
  readonly sessionAttrs: SessionAttrs;
  readonly randomOrder: boolean;
  readonly user: string;
  readonly database: string;
  readonly password: string | undefined;
  readonly passfile: string;
  readonly requiredAuth: RequiredAuth;
  readonly channelBinding: "disable" | "prefer" | "require";
  readonly sslMode: SslMode;
  readonly tls: TlsTarget;
  readonly applicationName: string;
  /** PGOPTIONS: settings for the session, as `-c name=value`. */
  readonly options: string | undefined;
  /** Other settings that the startup message asks for. */
  readonly settings: Readonly<Record<string, string>>;
  /** Undefined: none are sent. */
  readonly keepaliveIdleMs: number | undefined;
  /** 0: wait for as long as the system does. */
  readonly connectTimeoutMs: number;
  /** What a string or a service says beyond the flags' part, for commands to paste. No secrets. */
  readonly more: ReadonlyMap<string, string>;
}

export type Warn = (warning: { readonly message: string; readonly hint?: string }) => void;

/** Else the system would look only after two hours whether the other side is still there. */
const KEEPALIVE_IDLE_SECONDS = "30";

/**
 * As in psql: what a connection string in -d says counts most, then the flags, the service, the environment.
 * @throws WalctlError that names what is unknown, invalid, or not to be had here
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
  const fromService = service === undefined ? new Map() : readService(service, env);
  const parameters = new Map([...environmentParameters(env), ...fromService, ...given]);
  for (const [keyword, value] of parameters) {
    // In a URI a name may be anything, percent-encoded.
    const meant = isUri(flags.dbname ?? "") && string.has(keyword);
    if (!meant && findKeyword(keyword)?.secret !== true) refuseMisplaced(keyword, value);
  }
  for (const entry of KEYWORDS) check(entry, valueOf(entry, parameters, env), warn);
  const target = build(parameters, env, new Map([...fromService, ...string]));
  if (target.password === undefined) {
    const fault = findPassfileFault(target.passfile);
    if (fault !== undefined) warn(fault);
  }
  return target;
}

/** Empty ones count as not given, as in psql. */
function flagParameters(flags: ConnectionFlags): ConnectionParameters {
  const { host, port, username: user } = flags;
  return new Map(
    Object.entries({ host, port, user }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
    ),
  );
}

/** Empty variables count, as in libpq: an empty PGSSLMODE is an error there too. */
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
    passfile: get("passfile") ?? join(homedir(), ".pgpass"),
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

/** What is invalid only beside something else. */
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
  // engine:key, for OpenSSL's engines.
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

/** Not what the flags of a pasted command say, nor what must not stand in one. */
function mayBeShown(keyword: string): boolean {
  const apart = ["host", "port", "user", "dbname", "service"];
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

/** Where the target is for now: where it was reached last, or else all that may be tried. */
function whereabouts({ places, reached }: ConnectionTarget): readonly Place[] {
  return reached.place === undefined ? places : [reached.place];
}

export function hostOf(target: ConnectionTarget): string {
  return whereabouts(target)
    .map(({ host }) => host)
    .join(",");
}

export function portOf(target: ConnectionTarget): string {
  return whereabouts(target)
    .map(({ port }) => port)
    .join(",");
}

/** For messages: `"localhost", port 5432`, or the socket's directory in the same words. */
export function describeHost(target: ConnectionTarget): string {
  return `"${hostOf(target)}", port ${portOf(target)}`;
}

/** The flags for psql and its like that lead to the same place; no password. */
export function clientFlags(target: ConnectionTarget): string {
  return `-h ${shellQuote(hostOf(target))} -p ${portOf(target)} -U ${shellQuote(target.user)}`;
}

/** Beside what the flags lead to: what a string or a service asked for, so that a pasted command is not weaker. */
export function moreSettings(target: ConnectionTarget): ReadonlyMap<string, string> {
  const more = new Map(target.more);
  const places = whereabouts(target);
  // Also where a variable has it: it would not fit to the flags.
  if (places.some(({ hostaddr }) => hostaddr !== undefined))
    more.set("hostaddr", places.map(({ hostaddr = "" }) => hostaddr).join(","));
  if (places.length === 1) {
    more.delete("target_session_attrs");
    more.delete("load_balance_hosts");
  }
  return more;
}

/** At one of its places, in the words of an error there. */
export function targetAt(target: ConnectionTarget, place: Place): ConnectionTarget {
  return { ...target, places: [place], reached: { place } };
}

/** A word for a shell line that is to be pasted. */
export function shellQuote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
