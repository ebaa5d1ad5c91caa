/*
 * Where the user wants to connect: connection string, flags, service and password files, environment, as libpq reads
 * them.
 * Law: nothing here opens a connection. What libpq supports and walctl does not is refused by name.
 * Way in: resolve.ts makes a ConnectionTarget of the user's input; keywords.ts is the only table of libpq's keywords.
 */

import { HOSTILE } from "../../hostile-text.ts";
import type { PasswordPrompt } from "./password-prompt.ts";
import type { Place } from "./places.ts";
import type { RequiredAuth } from "./required-auth.ts";

export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";
export type SessionAttrs =
  | "any"
  | "read-write"
  | "read-only"
  | "primary"
  | "standby"
  | "prefer-standby";

/** Files are paths; undefined: libpq's default below ~/.postgresql, if that exists. */
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
  /** Such as TLSv1.2. An undefined maxVersion means the highest that is supported. */
  readonly minVersion: string;
  readonly maxVersion: string | undefined;
  /** The file of the authorities for sslrootcert=system. Undefined: the system's own file. */
  readonly systemCertFile: string | undefined;
}

interface LoginWarning {
  readonly message: string;
  readonly detail: string | undefined;
  readonly hint: string | undefined;
}

/** Which server, database and role to connect to, and how. */
export interface ConnectionTarget {
  /** Tried in this order, or in random order. */
  readonly places: readonly [Place, ...Place[]];
  /** The place of the last connection, for further connections and for messages. Copies of the target share it. */
  readonly reached: { place: Place | undefined };
  readonly sessionAttrs: SessionAttrs;
  readonly randomOrder: boolean;
  readonly user: string;
  readonly database: string;
  readonly password: string | undefined;
  readonly passfile: string;
  /** Called for what the server warns of at a login, as of a password that expires; each connection may bring it again. */
  readonly onLoginWarning?: ((warning: LoginWarning) => void) | undefined;
  /** Undefined: nobody can be asked. */
  readonly prompt?: PasswordPrompt | undefined;
  readonly requiredAuth: RequiredAuth;
  readonly channelBinding: "disable" | "prefer" | "require";
  readonly sslMode: SslMode;
  readonly tls: TlsTarget;
  readonly applicationName: string;
  /** PGOPTIONS: settings for the session, as `-c name=value`. */
  readonly options: string | undefined;
  /** Other settings that the startup message requests. */
  readonly settings: Readonly<Record<string, string>>;
  /** Undefined: no keepalives are sent. */
  readonly keepaliveIdleMs: number | undefined;
  /** 0: wait as long as the system does. */
  readonly connectTimeoutMs: number;
  /** What a connection string or a service sets beyond the flags, for commands to paste. It has no secrets. */
  readonly more: ReadonlyMap<string, string>;
}

/** The place of the last connection, otherwise all places that may be tried. */
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

/** For messages: `"localhost", port 5432`; a socket's directory in the same form. */
export function describeHost(target: ConnectionTarget): string {
  return `"${hostOf(target)}", port ${portOf(target)}`;
}

/** The flags for psql and similar programs that connect to the same place; without a password. */
export function clientFlags(target: ConnectionTarget): string {
  return `-h ${shellQuote(hostOf(target))} -p ${portOf(target)} -U ${shellQuote(target.user)}`;
}

/** What a connection string or a service sets beyond the flags, so that a pasted command is not less strict. */
export function moreSettings(target: ConnectionTarget): ReadonlyMap<string, string> {
  const more = new Map(target.more);
  const places = whereabouts(target);
  // Also if it comes from PGHOSTADDR: that would not match the flags.
  if (places.some(({ hostaddr }) => hostaddr !== undefined))
    more.set("hostaddr", places.map(({ hostaddr = "" }) => hostaddr).join(","));
  if (places.length === 1) {
    more.delete("target_session_attrs");
    more.delete("load_balance_hosts");
  }
  return more;
}

/** The same target with only one of its places. */
export function targetAt(target: ConnectionTarget, place: Place): ConnectionTarget {
  return { ...target, places: [place], reached: { place } };
}

/** Quotes a word for a shell command to paste. What a terminal cannot show is written as `$'…'` (bash, zsh, ksh). */
export function shellQuote(word: string): string {
  if (word.search(HOSTILE) < 0) {
    return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
  }
  const shown = word.replaceAll("\\", "\\\\").replace(/[!']/g, inBytes).replace(HOSTILE, inBytes);
  return `$'${shown}'`;
}

function inBytes(character: string): string {
  if (character === "\n") return "\\n";
  return Array.from(
    Buffer.from(character),
    (byte) => `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
}
