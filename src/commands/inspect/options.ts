import { usageError } from "../../errors.ts";
import { parseTablePattern } from "../../server/query/typed-names.ts";
import { recordNames } from "../../postgres/records/rmgrs.ts";
import { type OutputFlags, parseCount, parseUint32 } from "../../program/options.ts";
import { type TimeRange, timeRange } from "../../program/times.ts";
import { parsePosition, parseTimeline } from "../positions.ts";
import type { RecordFilterOptions, RelationPattern } from "./record-filter.ts";

/** The flags as commander passes them. */
export interface InspectFlags extends OutputFlags {
  readonly startpos?: string;
  readonly endpos?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
  readonly xid?: readonly string[];
  readonly rmgr?: readonly string[];
  readonly type?: readonly string[];
  readonly relation?: readonly string[];
  readonly block?: string;
  readonly onlyTable?: readonly string[];
  readonly catalog?: string;
  readonly fullPageImages?: boolean;
  readonly stats?: StatsBy;
  readonly timeline?: string;
  readonly keepGoing?: boolean;
  readonly follow?: boolean;
  readonly expanded?: boolean;
}

export type StatsBy = "record" | "rmgr" | "table";

export interface InspectOptions {
  readonly filter: RecordFilterOptions;
  /** Counts printed records. */
  readonly limit: number;
  /** Undefined: print the records themselves. */
  readonly stats: StatsBy | undefined;
  /** Undefined: the input has to have only one. */
  readonly timeline: number | "latest" | undefined;
  readonly keepGoing: boolean;
  readonly follow: boolean;
  readonly expanded: boolean;
  /** A catalogue file, for names. */
  readonly catalog: string | undefined;
  readonly taken: TimeRange["taken"];
}

export const STANDARD_INPUT = "-";

/** Throws WalctlError, a usage error. */
export function inspectOptions(paths: readonly string[], flags: InspectFlags): InspectOptions {
  const { taken, ...times } = timeRange(flags);
  const options: InspectOptions = {
    filter: { ...filterOptions(flags), ...times },
    taken,
    limit:
      flags.limit === undefined ? Number.POSITIVE_INFINITY : parseCount("--limit", flags.limit, 1),
    stats: flags.stats,
    timeline: flags.timeline === undefined ? undefined : parseTimeline(flags.timeline),
    keepGoing: flags.keepGoing ?? false,
    follow: flags.follow ?? false,
    expanded: flags.expanded ?? false,
    catalog: flags.catalog,
  };
  if (paths.includes(STANDARD_INPUT) && paths.length > 1) {
    throw usageError("standard input cannot be read together with files");
  }
  if (options.follow && options.stats !== undefined) {
    throw usageError("--follow has no end that statistics could be printed at");
  }
  return options;
}

/** WAL before this position need not be read. A search by time starts at the beginning. */
export function readFrom({ startPosition, since, until }: RecordFilterOptions): number {
  return since === undefined && until === undefined ? (startPosition ?? 0) : 0;
}

function filterOptions(flags: InspectFlags): Omit<RecordFilterOptions, "since" | "until"> {
  const { startpos, endpos, block } = flags;
  const { onlyTable = [], catalog } = flags;
  if (onlyTable.length > 0 && catalog === undefined) {
    throw usageError(
      "--only-table needs --catalog",
      "WAL has numbers where tables have names; the catalogue file tells them: walctl catalog -d NAME > FILE.",
    );
  }
  if (block !== undefined && flags.relation === undefined && onlyTable.length === 0) {
    throw usageError(
      "--block needs --relation or --only-table",
      "A block's number is that of a relation's.",
    );
  }
  return {
    startPosition: startpos === undefined ? undefined : parsePosition("--startpos", startpos),
    endPosition: endpos === undefined ? undefined : parsePosition("--endpos", endpos),
    xids: (flags.xid ?? []).map((xid) => parseUint32("--xid", xid)),
    rmgrs: knownNames("--rmgr", flags.rmgr ?? [], RMGRS),
    types: knownNames("--type", flags.type ?? [], TYPES),
    relations: (flags.relation ?? []).map(parseRelation),
    tables: onlyTable.map((text) => parseTablePattern("--only-table", text)),
    block: block === undefined ? undefined : parseUint32("--block", block),
    fullPageImages: flags.fullPageImages ?? false,
  };
}

/** The names of all versions: the input's version is known only once it is read. */
const VERSIONS = [14, 15, 16, 17, 18] as const;
const RMGRS = allNames((version) => recordNames(version).rmgrs);
const TYPES = allNames((version) => recordNames(version).types);
const CUSTOM_RMGR = /^custom(12[89]|1[3-9]\d|2[0-4]\d|25[0-5])$/;

function allNames(of: (version: (typeof VERSIONS)[number]) => readonly string[]): string[] {
  return [...new Set(VERSIONS.flatMap((version) => of(version)))].toSorted();
}

function knownNames(
  option: string,
  names: readonly string[],
  known: readonly string[],
): readonly string[] {
  const lower = new Set(known.map((name) => name.toLowerCase()));
  for (const name of names) {
    const asked = name.toLowerCase();
    if (lower.has(asked) || (option === "--rmgr" && CUSTOM_RMGR.test(asked))) continue;
    throw usageError(`${option}: "${name}" is not known`, `Known are ${known.join(", ")}.`);
  }
  return names.map((name) => name.toLowerCase());
}

/** `[[TABLESPACE/]DATABASE/]NODE` */
function parseRelation(text: string): RelationPattern {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !/^\d{1,10}$/.test(part))) {
    throw usageError(
      `--relation takes [[TABLESPACE/]DATABASE/]RELFILENODE, not "${text}"`,
      "SELECT pg_relation_filepath('orders') prints them: base/DATABASE/RELFILENODE.",
    );
  }
  const numbers = parts.map((part) => parseUint32("--relation", part));
  const relfilenode = numbers.at(-1) ?? 0;
  return { tablespace: numbers.at(-3), database: numbers.at(-2), relfilenode };
}
