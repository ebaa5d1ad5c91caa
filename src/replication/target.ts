import { existsSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { usageError } from "../errors.ts";
import { type ConnectionParameters, parseConninfo } from "./conninfo.ts";

/** The flags that every connecting command has. */
export interface ConnectionFlags {
  readonly dbname?: string;
  readonly host?: string;
  readonly port?: string;
  readonly username?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

/** Which server, database and role, and how to get there. */
export interface ConnectionTarget {
  /** A path is the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password: string | undefined;
  readonly passfile: string;
  readonly sslMode: SslMode;
  /** Paths; undefined: libpq's default below ~/.postgresql where that exists. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly applicationName: string;
  /** PGOPTIONS: settings for the session, as `-c name=value`. */
  readonly options: string | undefined;
  /** 0: wait for as long as the system does. */
  readonly connectTimeoutMs: number;
}

/** libpq's parameter, then its environment variable (manual: Environment Variables). */
const ENVIRONMENT: ReadonlyArray<readonly [parameter: string, variable: string]> = [
  ["host", "PGHOST"],
  ["port", "PGPORT"],
  ["user", "PGUSER"],
  ["dbname", "PGDATABASE"],
  ["password", "PGPASSWORD"],
  ["passfile", "PGPASSFILE"],
  ["sslmode", "PGSSLMODE"],
  ["sslrootcert", "PGSSLROOTCERT"],
  ["sslcert", "PGSSLCERT"],
  ["sslkey", "PGSSLKEY"],
  ["application_name", "PGAPPNAME"],
  ["connect_timeout", "PGCONNECT_TIMEOUT"],
  ["options", "PGOPTIONS"],
];

const SOCKET_DIRECTORIES = ["/var/run/postgresql", "/tmp"];

/** What a connection string in -d says counts most, as in psql, then the flags, then the environment. */
export function resolveTarget(flags: ConnectionFlags, env: Environment): ConnectionTarget {
  const parameters: ConnectionParameters = new Map();
  for (const [parameter, variable] of ENVIRONMENT) put(parameters, parameter, env[variable]);
  put(parameters, "host", flags.host);
  put(parameters, "port", flags.port);
  put(parameters, "user", flags.username);
  if (flags.dbname !== undefined) {
    for (const [key, value] of parseConninfo(flags.dbname)) put(parameters, key, value);
  }
  const port = parsePort(parameters.get("port") ?? "5432");
  const user = parameters.get("user") ?? userInfo().username;
  return {
    host: parameters.get("host") ?? defaultHost(port),
    port,
    user,
    database: parameters.get("dbname") ?? user,
    password: parameters.get("password"),
    passfile: parameters.get("passfile") ?? join(homedir(), ".pgpass"),
    sslMode: parseSslMode(parameters.get("sslmode") ?? "prefer"),
    sslRootCert: parameters.get("sslrootcert") ?? defaultSslFile("root.crt"),
    sslCert: parameters.get("sslcert") ?? defaultSslFile("postgresql.crt"),
    sslKey: parameters.get("sslkey") ?? defaultSslFile("postgresql.key"),
    applicationName: parameters.get("application_name") ?? "walctl",
    options: parameters.get("options"),
    connectTimeoutMs: parseTimeout(parameters.get("connect_timeout") ?? "0"),
  };
}

/** For messages: `"localhost", port 5432`, or the socket's directory in the same words. */
export function describeHost(target: ConnectionTarget): string {
  return `"${target.host}", port ${target.port}`;
}

/** The flags for psql and its like that lead to the same place; no password. */
export function clientFlags(target: ConnectionTarget): string {
  return `-h ${shellQuote(target.host)} -p ${target.port} -U ${shellQuote(target.user)}`;
}

/** A word for a shell line that is to be pasted. */
export function shellQuote(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function put(parameters: ConnectionParameters, key: string, value: string | undefined): void {
  if (value !== undefined && value !== "") parameters.set(key, value);
}

function defaultHost(port: number): string {
  const hasSocket = (directory: string): boolean => existsSync(join(directory, `.s.PGSQL.${port}`));
  return SOCKET_DIRECTORIES.find(hasSocket) ?? "localhost";
}

function defaultSslFile(name: string): string | undefined {
  const path = join(homedir(), ".postgresql", name);
  return existsSync(path) ? path : undefined;
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw usageError(`the port must be 1 to 65535, not "${text}"`);
  return port;
}

function parseSslMode(text: string): SslMode {
  const mode = SSL_MODES.find((candidate) => candidate === text);
  if (mode === undefined) {
    throw usageError(`sslmode must be one of ${SSL_MODES.join(", ")}, not "${text}"`);
  }
  return mode;
}

function parseTimeout(text: string): number {
  if (!/^-?\d+$/.test(text)) {
    throw usageError(`connect_timeout must be a whole number of seconds, not "${text}"`);
  }
  return Math.max(0, Number(text)) * 1000;
}
