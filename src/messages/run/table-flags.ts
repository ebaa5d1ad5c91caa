import { usageError } from "../../errors.ts";
import type { TableView } from "../../render/table/view.ts";
import { NAMES_RULE, NameCursor } from "../../server/query/typed-names.ts";
import { type OutputOptions, parseCount } from "../../program/options.ts";
import type { TimeFlags } from "../../program/times.ts";

/** On a terminal, the rows of a transaction. */
const ROWS_SHOWN = 20;
/** About as many lines as a terminal has: more would scroll away what one was reading. */
const BURST_LINES = 40;

/** The flags for tables as commander passes them. */
export interface TableFlags extends TimeFlags {
  readonly expanded?: boolean;
  readonly columns?: readonly string[];
  readonly maxWidth?: string;
  readonly collapse?: string;
  readonly ack?: boolean;
}

/** @throws WalctlError (a usage error) if the output has no tables: the flag would have no effect */
export function tableView(flags: TableFlags, output: OutputOptions): TableView {
  if (output.format !== "table") refuseWithoutTables(flags, output.dialect === "sql");
  // What is acknowledged does not come again, so it is shown.
  const collapse = numberOf("--collapse", flags.collapse) ?? (flags.ack === true ? 0 : undefined);
  return {
    expanded: flags.expanded ?? false,
    columns: flags.columns && new Set(askedColumns(flags)),
    valueWidthMax: unlimitedIfZero(numberOf("--max-width", flags.maxWidth)),
    collapseAfter: unlimitedIfZero(collapse) ?? (output.terminal ? ROWS_SHOWN : Infinity),
    time: flags.time ?? "utc",
    burstLines: Math.max(unlimitedIfZero(collapse) ?? 0, BURST_LINES),
  };
}

/**
 * The names given to --columns.
 * @throws WalctlError (a usage error) if they are not a list of names
 */
export function askedColumns({ columns = [] }: TableFlags): readonly string[] {
  return columns.flatMap(parseNames);
}

function refuseWithoutTables(flags: TableFlags, sql: boolean): void {
  const given = [
    { flag: "--expanded", value: flags.expanded },
    { flag: "--columns", value: flags.columns },
    { flag: "--max-width", value: flags.maxWidth },
    { flag: "--collapse", value: flags.collapse },
    { flag: "--time", value: concernsOptions(flags) ? undefined : flags.time },
  ].find(({ value }) => value !== undefined);
  if (given === undefined) return;
  throw usageError(
    `${given.flag} is for tables, and the output is ${sql ? "SQL" : "NDJSON"}`,
    sql
      ? "Leave it out; --format table shows the same changes to a person."
      : "For tables that do not go to a terminal: --format table. From NDJSON jq picks what is wanted.",
  );
}

/** --time local is the zone of the other options too. */
function concernsOptions({ time, since, until }: TimeFlags): boolean {
  return time === "local" && (since !== undefined || until !== undefined);
}

function numberOf(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseCount(option, text, 0);
}

function unlimitedIfZero(number: number | undefined): number | undefined {
  return number === 0 ? Number.POSITIVE_INFINITY : number;
}

/** `id,"Full Name"` */
function parseNames(list: string): readonly string[] {
  const cursor = new NameCursor(list, "--columns", `${NAMES_RULE}: --columns 'id,"Full Name"'`);
  const names: string[] = [];
  do names.push(cursor.name());
  while (cursor.take(/,/y) !== undefined);
  cursor.end();
  return names;
}
