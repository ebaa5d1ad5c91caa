import { nearestOf, usageError } from "../../errors.ts";
import type { MessageKind, PgoutputMessage, Relation } from "../../postgres/messages/messages.ts";
import { type TablePattern, parseTablePattern } from "../../server/query/typed-names.ts";
import { AskedRows } from "./asked-rows.ts";
import { tableMatcher } from "./table-patterns.ts";

/** --only, --only-table and --where, as commander gives them: each may be repeated, --only also takes a list. */
export interface FilterFlags {
  readonly only?: string | readonly string[];
  readonly onlyTable?: string | readonly string[];
  /** --where, of which each has to hold. */
  readonly where?: readonly string[];
  readonly row?: readonly string[];
  readonly summary?: boolean;
}

/** What -F sql needs, whatever is asked for. */
const OF_TRANSACTIONS: ReadonlySet<MessageKind> = new Set([
  "begin",
  "commit",
  "origin",
  "relation",
  "type",
]);

/** The kinds that --summary counts and lists. Begins and ends of transactions pass too: they show what was rolled back. */
const COUNTED: ReadonlySet<MessageKind> = new Set([
  "insert",
  "update",
  "delete",
  "truncate",
  "table_changed",
]);

export function isCounted(kind: MessageKind): boolean {
  return COUNTED.has(kind);
}

/** The type requires every kind to be listed. */
const KINDS: Readonly<Record<MessageKind, true>> = {
  begin: true,
  commit: true,
  origin: true,
  relation: true,
  type: true,
  insert: true,
  update: true,
  delete: true,
  truncate: true,
  message: true,
  stream_start: true,
  stream_stop: true,
  stream_commit: true,
  stream_abort: true,
  begin_prepare: true,
  prepare: true,
  stream_prepare: true,
  commit_prepared: true,
  rollback_prepared: true,
  abort: true,
  table_changed: true,
  sequence: true,
  unknown: true,
};

export interface MessageFilter {
  readonly accepts: (message: PgoutputMessage) => boolean;
  /** Whether they pass, whatever --only and --where say. */
  readonly always: (kind: MessageKind) => boolean;
  /** Whether messages of that kind can be printed. */
  readonly acceptsKind: (kind: MessageKind) => boolean;
  /** The patterns of --only-table, or the tables of --row. */
  readonly tables: readonly TablePattern[];
  /** The option that gave these. */
  readonly tablesBy: "--only-table" | "--row";
  /** --row. They are asked after `accepts`. */
  readonly rows: AskedRows | undefined;
}

/** The filter that leaves out nothing. */
export const acceptsAll = (): boolean => true;

/**
 * A message about tables is printed if one of them matches a pattern. --only-table does not apply to other messages
 * (begin, commit, …).
 * @throws WalctlError (a usage error) on a kind that does not exist, and on names that are malformed
 */
export function createFilter(flags: FilterFlags & { readonly format?: string }): MessageFilter {
  const kinds = parseKinds(listOf(flags.only));
  const rows = flags.row && new AskedRows(flags.row);
  const tablesBy = flags.onlyTable === undefined && rows !== undefined ? "--row" : "--only-table";
  const tables =
    flags.onlyTable === undefined
      ? (rows?.tables ?? [])
      : listOf(flags.onlyTable).map((text) => parseTablePattern("--only-table", text));
  const matches = tableMatcher(tables);
  const acceptsKind = (kind: MessageKind): boolean => kinds?.has(kind) ?? true;
  const { summary = false, format } = flags;
  const always = (kind: MessageKind): boolean =>
    summary ? !isCounted(kind) : format === "sql" && OF_TRANSACTIONS.has(kind);
  if (kinds === undefined && matches === undefined)
    return { accepts: acceptsAll, acceptsKind, always, tables, tablesBy, rows };
  const accepts = (message: PgoutputMessage): boolean =>
    (kinds === undefined || kinds.has(message.kind) || always(message.kind)) &&
    (matches === undefined || concernsMatch(message, matches));
  return { accepts, acceptsKind, always, tables, tablesBy, rows };
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}

/** Undefined: all kinds. */
function parseKinds(lists: readonly string[]): ReadonlySet<string> | undefined {
  if (lists.length === 0) return undefined;
  const kinds = lists.flatMap((list) => list.split(",")).map((kind) => kind.trim().toLowerCase());
  for (const kind of kinds) {
    if (isKind(kind)) continue;
    throw usageError(`--only: no message is of the kind "${kind}"`, kindsHint(kind));
  }
  return new Set(kinds);
}

export function isKind(text: string): boolean {
  return Object.hasOwn(KINDS, text);
}

/** For one that does not exist. */
export function kindsHint(wrong: string): string {
  const kinds = Object.keys(KINDS);
  const near = nearestOf(wrong, kinds);
  const meant = near === undefined ? "" : `Did you mean ${near}? `;
  return `${meant}The kinds are ${kinds.join(", ")}.`;
}

export function concernsMatch(
  message: PgoutputMessage,
  matches: (relation: Relation) => boolean,
): boolean {
  switch (message.kind) {
    case "insert":
    case "update":
    case "delete":
    case "relation":
    case "table_changed":
    case "sequence":
      return matches(message.relation);
    case "truncate":
      return message.relations.some(matches);
    default:
      return true;
  }
}
