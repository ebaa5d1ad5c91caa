import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { usageError } from "../../errors.ts";
import { type ConnectionParameters, isPort, quoteGiven } from "./conninfo.ts";

/** One of the servers that may be tried. */
export interface Place {
  /**
   * The name to verify, look up in the password file, and show. A path, or `@` and a name: a Unix socket's directory.
   */
  readonly host: string;
  /** The address to connect to; otherwise `host` is looked up. */
  readonly hostaddr: string | undefined;
  readonly port: number;
  /** Only the address was given: there is no name to verify. */
  readonly unnamed?: true;
}

/** Where libpq looks for the socket by default: Debian's directory or PostgreSQL's own. */
export const SOCKET_DIRECTORIES = ["/var/run/postgresql", "/tmp"];

const DEFAULT_PORT = 5432;

/**
 * host, hostaddr and port are lists of equal length; a single port applies to all (manual: Specifying Multiple Hosts).
 */
export function listPlaces(parameters: ConnectionParameters): readonly Place[] {
  const list = (key: string): readonly string[] | undefined => {
    const value = parameters.get(key);
    return value === undefined || value === "" ? undefined : value.split(",");
  };
  const [hosts, addresses, ports] = [list("host"), list("hostaddr"), list("port")];
  const count = (addresses ?? hosts ?? [""]).length;
  if (hosts !== undefined && hosts.length !== count)
    throw usageError(`could not match ${hosts.length} host names to ${count} hostaddr values`);
  if (ports !== undefined && ports.length !== 1 && ports.length !== count)
    throw usageError(`could not match ${ports.length} port numbers to ${count} hosts`);
  return Array.from({ length: count }, (_, index) => {
    const port = parsePort(ports?.length === 1 ? ports[0] : ports?.[index]);
    const hostaddr = parseAddress(addresses?.[index]);
    const given = hosts?.[index] ?? "";
    requireHost(given);
    if (given === "" && hostaddr !== undefined)
      return { host: hostaddr, hostaddr, port, unnamed: true };
    return { host: given || defaultHost(port), hostaddr, port };
  });
}

export function isSocket({ host, hostaddr }: Place): boolean {
  return hostaddr === undefined && /^[/@]/.test(host);
}

/** The path for net.connect: `@` means Linux's abstract namespace. */
export function socketPath({ host, port }: Place): string {
  const path = join(host, `.s.PGSQL.${port}`);
  return path.startsWith("@") ? `\0${path.slice(1)}` : path;
}

function defaultHost(port: number): string {
  const hasSocket = (directory: string): boolean => existsSync(join(directory, `.s.PGSQL.${port}`));
  return SOCKET_DIRECTORIES.find(hasSocket) ?? "localhost";
}

/** A connection string given as host would appear in messages with its password. */
function requireHost(text: string): void {
  const strange = /^[/@]/.test(text) ? /:\/\/|\/\/.*@/ : /[\s=;:@/?&'"]/;
  if (!strange.test(text) || isIP(text) !== 0) return;
  throw usageError(
    "the host is not a name, an address or a directory",
    "Give a port with -p, and a connection URI or string with -d.",
  );
}

function parsePort(text = ""): number {
  const trimmed = text.trim();
  if (trimmed === "") return DEFAULT_PORT;
  const port = /^\+?\d+$/.test(trimmed) ? Number(trimmed) : 0;
  if (!isPort(port)) throw usageError(`the port must be 1 to 65535, not ${quoteGiven(text)}`);
  return port;
}

function parseAddress(text = ""): string | undefined {
  if (text !== "" && isIP(text) === 0)
    throw usageError(`hostaddr ${quoteGiven(text)} is no IP address`);
  return text === "" ? undefined : text;
}
