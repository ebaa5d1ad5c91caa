import { usageError } from "../errors.ts";
import { TIMER_MS_MAX } from "../server/connection/within.ts";
import type { CommandContext, OutputStream } from "./context.ts";

/** The NDJSON of other programs, and SQL. Only commands that print messages have these. */
export type ForeignDialect = (typeof FOREIGN)[number];
const FOREIGN = ["wal2json", "debezium", "sql"] as const;

/** The flags of every command, as commander passes them. */
export interface OutputFlags {
  readonly format: "auto" | "table" | "ndjson" | "openmetrics" | ForeignDialect;
  /** False: --no-color. */
  readonly color: "auto" | "always" | "never" | false;
  readonly quiet?: boolean;
}

export interface OutputOptions {
  readonly format: "table" | "ndjson";
  /** -F openmetrics, which is neither. */
  readonly metrics?: boolean;
  /** The form of the lines. */
  readonly dialect: "walctl" | ForeignDialect;
  /** Whether standard output is coloured. Standard error never is. */
  readonly color: boolean;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Whether what is drawn is ASCII. */
  readonly ascii: boolean;
  readonly quiet: boolean;
}

export function outputOptions(
  flags: OutputFlags,
  context: Pick<CommandContext, "env" | "stdout">,
): OutputOptions {
  const terminal = context.stdout.isTerminal;
  const auto = terminal ? "table" : "ndjson";
  const foreign = FOREIGN.find((dialect) => dialect === flags.format);
  const format = flags.format === "auto" ? auto : flags.format;
  return {
    format: format === "table" ? "table" : "ndjson",
    ...(format === "openmetrics" ? { metrics: true } : {}),
    dialect: foreign ?? "walctl",
    color: colorWanted(flags, context),
    terminal,
    ascii: asciiWanted(context),
    quiet: flags.quiet ?? false,
  };
}

/** The option decides, then NO_COLOR and FORCE_COLOR (no-color.org, force-color.org), then the terminal. */
function colorWanted(flags: OutputFlags, context: Pick<CommandContext, "env" | "stdout">): boolean {
  if (flags.color !== "auto") return flags.color === "always";
  if ((context.env["NO_COLOR"] ?? "") !== "") return false;
  const force = context.env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return canRedraw(context.stdout, context);
}

/** Whether it is a terminal that knows control sequences. */
export function canRedraw(
  { isTerminal }: Pick<OutputStream, "isTerminal">,
  { env }: Pick<CommandContext, "env">,
): boolean {
  return isTerminal && env["TERM"] !== "dumb";
}

/** Whether the locale is one of other characters than UTF-8's (setlocale(3)). Without one a terminal has UTF-8 today. */
function asciiWanted({ env }: Pick<CommandContext, "env">): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((name) => (name ?? "") !== "");
  return locale !== undefined && !/utf-?8/i.test(locale);
}

/** Parses an option's value as a count. */
export function parseCount(option: string, text: string, min: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(count) && count >= min) return count;
  throw usageError(
    count > min
      ? `${option} takes at most ${Number.MAX_SAFE_INTEGER}, not "${text}"`
      : `${option} takes a whole number of at least ${min}, not "${text}"`,
  );
}

const SIZES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1024,
  mb: 1024 ** 2,
  gb: 1024 ** 3,
  tb: 1024 ** 4,
};

/** Parses an option's value as the server writes sizes: 10GB. @returns bytes */
export function parseSize(option: string, text: string): number {
  const [, count = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const size = Number(count) * (SIZES[unit.toLowerCase()] ?? Number.NaN);
  if (count !== "" && Number.isFinite(size)) return size;
  throw usageError(`${option} takes a size such as 10GB (B, kB, MB, GB, TB), not "${text}"`);
}

const SECONDS_MAX = Math.floor(TIMER_MS_MAX / 1000);

/** Parses an option's value in seconds. @returns milliseconds */
export function parseSeconds(option: string, text: string, min: number): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= min && seconds <= SECONDS_MAX) return seconds * 1000;
  throw usageError(
    `${option} takes a number of seconds from ${min} to ${SECONDS_MAX}, not "${text}"`,
  );
}

const UINT32_MAX = 0xffff_ffff;

/** Parses an option's value as an xid or an OID. */
export function parseUint32(option: string, text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= UINT32_MAX)) {
    throw usageError(`${option} takes a number of up to ${UINT32_MAX}, not "${text}"`);
  }
  return value;
}
