import { usageError } from "../errors.ts";
import type { CommandContext } from "./context.ts";

/** Of NDJSON, for consumers of other programs: only what streams messages speaks these. */
export type ForeignDialect = "wal2json" | "debezium";

/** The flags of every command, as commander gives them. */
export interface OutputFlags {
  readonly format: "auto" | "table" | "ndjson" | ForeignDialect;
  /** False: --no-color. */
  readonly color: boolean;
  readonly quiet?: boolean;
}

export interface OutputOptions {
  readonly format: "table" | "ndjson";
  /** Of NDJSON, what the lines hold. */
  readonly dialect: "walctl" | ForeignDialect;
  /** Of standard output; what stands on standard error has no colours. */
  readonly color: boolean;
  readonly quiet: boolean;
}

export function outputOptions(flags: OutputFlags, context: CommandContext): OutputOptions {
  const terminal = context.stdout.isTerminal;
  const auto = terminal ? "table" : "ndjson";
  const foreign = flags.format === "wal2json" || flags.format === "debezium";
  const format = flags.format === "auto" ? auto : flags.format;
  return {
    format: format === "table" ? "table" : "ndjson",
    dialect: foreign ? flags.format : "walctl",
    color: colorWanted(flags, context),
    quiet: flags.quiet ?? false,
  };
}

/** The option, then NO_COLOR and FORCE_COLOR (no-color.org, force-color.org), then what standard output is. */
function colorWanted(flags: OutputFlags, context: CommandContext): boolean {
  if (!flags.color) return false;
  if ((context.env["NO_COLOR"] ?? "") !== "") return false;
  const force = context.env["FORCE_COLOR"];
  if (force !== undefined) return force !== "0" && force !== "false";
  return context.stdout.isTerminal && context.env["TERM"] !== "dumb";
}

/** A count or a number of seconds given as an option's value. */
export function parseNumber(
  option: string,
  text: string,
  range: { readonly min: number; readonly integer: boolean },
): number {
  const number = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const whole = !range.integer || Number.isSafeInteger(number);
  if (!whole || !(number >= range.min)) {
    const kind = range.integer ? "a whole number" : "a number";
    throw usageError(`${option} takes ${kind} of at least ${range.min}, not "${text}"`);
  }
  return number;
}
