import type { Relation } from "../../postgres/messages/messages.ts";
import type { Fate } from "../../rows/transactions/fate.ts";
import type { RowDecoder } from "../../rows/decoder/decoder.ts";
import type { CatalogBreak } from "../../rows/catalog/breaks.ts";
import type { CatalogHistory } from "../../rows/catalog/history.ts";
import type { FileLoss, Losses, TableLoss } from "../../rows/decoder/losses.ts";
import type { CatalogFile } from "../../catalog/model.ts";
import { mayBeOfExtension } from "../../postgres/contrib/extension-types.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import { fitsTable, qualifiedName, tableMatcher } from "../../messages/filter/table-patterns.ts";
import type { TablePattern } from "../../server/query/typed-names.ts";
import type { Reporter, Warning } from "../../program/reporter.ts";
import { exportedTable } from "./catalog-at-start.ts";
import type { WalOptions } from "./wal-options.ts";

/** Named in a warning; the others are counted. */
const NAMED_MAX = 10;

/**
 * Where the catalogue could not be followed. Where nothing was left out for it, it is no matter.
 * @param needsAll what tables are at the end has to be known
 */
export function breaksOf(
  { broken, doubted, unknownBefore }: Pick<CatalogHistory, "broken" | "doubted" | "unknownBefore">,
  { tableChanges, unexplained, unfit }: Losses,
  needsAll: boolean,
): readonly CatalogBreak[] {
  const left = [...unexplained.values(), ...(tableChanges === undefined ? [] : [tableChanges])];
  const first = Math.min(...left.map((each) => each.first));
  const breaks = [
    ...(first < (unknownBefore?.lsn ?? 0) ? [unknownBefore] : []),
    ...(left.length > 0 || needsAll ? [broken] : []),
    ...(left.length > 0 || unfit.size > 0 ? [doubted] : []),
  ];
  return breaks.filter((each) => each !== undefined);
}

/**
 * What was left out, and how to have it. `fatal`: rows are missing that should be there.
 * @param hasBreak an error tells what to do about files that are not explained
 * @param exported the catalogue file
 */
export function lossWarnings(
  { losses, state }: Pick<RowDecoder, "losses" | "state">,
  onlyTables: readonly TablePattern[],
  hasBreak: boolean,
  exported: CatalogFile,
): { readonly warnings: readonly Warning[]; readonly fatal: boolean } {
  const { lacking, withoutIdentity, unexplained, savepoints, tableChanges } = losses;
  const { levelUnknownBefore } = state;
  const matches = tableMatcher(onlyTables) ?? (() => true);
  const asked = (some: ReadonlyMap<number, TableLoss>): readonly TableLoss[] =>
    [...some.values()].filter(({ relation }) => matches(relation));
  const lost = asked(losses.rows);
  const files = [...unexplained.values()];
  const warnings: Warning[] = [];
  const deletes = asked(withoutIdentity);
  if (deletes.length > 0) {
    warnings.push({
      message: `${countOf(deletes, "delete")} of ${tablesOf(deletes)} without a replica identity not printed (${named(deletes)})`,
      hint: "Their rows are not logged; where their pages are known: --old full.",
    });
  }
  if (files.length > 0) {
    warnings.push({
      message: `${countOf(files, "change")} of ${count(files.length, "relfilenode")} not explained by the catalogue (${named(files, exported)})`,
      detail:
        "Not all need be rows: a value out of line has many, and a table's rewrite copies its rows.",
      hint: hasBreak
        ? undefined
        : files.some(({ first }) => first >= exported.header.lsn)
          ? "Export the catalogue again now: the catalogue file is older than these changes."
          : "Add earlier segments, back to a checkpoint before these changes.",
    });
  }
  if (lost.length > 0) {
    warnings.push({
      message: `${countOf(lost, "change")} of ${tablesOf(lost)} could not be rebuilt (${named(lost)})`,
      ...causeOf(lost, "their pages", state),
    });
  }
  const withoutOld = asked(losses.oldRows);
  if (withoutOld.length > 0) {
    warnings.push({
      message: `${countOf(withoutOld, "update")} of ${tablesOf(withoutOld)} printed without old rows (${named(withoutOld)})`,
      ...causeOf(withoutOld, "the pages of these", state),
    });
  }
  const withoutValues = asked(losses.values);
  if (withoutValues.length > 0) {
    warnings.push({
      message: `${countOf(withoutValues, "change")} of ${tablesOf(withoutValues)} printed without values that are stored out of line (${named(withoutValues)})`,
      detail: `"unchanged" names their columns.`,
      hint: "Add earlier segments, back to when the values were stored.",
    });
  }
  const unfit = asked(losses.unfit);
  if (unfit.length > 0) {
    warnings.push({
      message: `${countOf(unfit, "change")} of ${tablesOf(unfit)} could not be rebuilt (${named(unfit)})`,
      detail:
        "Their bytes do not fit what is known of the table, or a value of more than 256 MB has to be converted.",
      hint: "Export the catalogue again now, or add earlier segments.",
    });
  }
  const older = asked(lacking);
  if (older.length > 0) {
    warnings.push({
      message: `${countOf(older, "change")} of ${tablesOf(older)} not printed: their rows are older than a column, whose value in them the catalogue file does not have (${named(older)})`,
      hint: "If ALTER TYPE changed the type, take a catalogue file from before that for the changes before it, and a newer one for those after it. If walctl catalog --data-dir warned of the column, export the catalogue from the running server.",
    });
  }
  if (savepoints !== undefined) {
    warnings.push({
      message: `${count(savepoints.count, "rolled-back transaction")} not printed: tables may have been altered in them, before the WAL begins or by a transaction that WAL at wal_level=replica does not name (first at ${formatPosition(savepoints.first)})`,
      hint: "Without --aborted only what was committed is printed, which this does not concern.",
    });
  }
  if (levelUnknownBefore !== undefined) {
    const at = formatPosition(levelUnknownBefore);
    warnings.push({
      message: `wal_level was set at ${at}, and what it was before is not known: if it was minimal, rows before that may be missing`,
      hint: `Add earlier segments. For what is behind only: -I ${at}`,
    });
  }
  if (tableChanges !== undefined) {
    warnings.push({
      message: `${count(tableChanges.count, "change")} of the catalogue's tables not printed: their rows before are not known (first at ${formatPosition(tableChanges.first)})`,
      hint: "Export the catalogue again now, or add earlier segments.",
    });
  }
  const fatal =
    [...lost, ...withoutOld, ...withoutValues, ...unfit, ...older, ...files].length > 0 ||
    savepoints !== undefined ||
    tableChanges !== undefined;
  return { warnings, fatal };
}

/** At wal_level=replica. Tables that are not asked for are not among them. */
export function truncatedWarnings({ emptied }: Losses): readonly Warning[] {
  const all = [...emptied.values()];
  if (all.length === 0) return [];
  const message = `${countOf(all, "TRUNCATE")} of ${tablesOf(all)} not printed (${named(all)}): WAL at wal_level=replica shows only that the table got a new, empty file`;
  return [{ message, hint: "To print it as table_changed: --tables-changed" }];
}

/** Tables that were UNLOGGED between these positions: the WAL has none of the changes that were made to them. */
export function unloggedWarnings(
  catalog: CatalogHistory,
  onlyTables: readonly TablePattern[],
  start: number,
  end: number,
): readonly Warning[] {
  return catalog.unlogged.flatMap(({ from, oid, to }) => {
    if ((from ?? 0) >= end || (to ?? Infinity) <= start) return [];
    const table = catalog.relationByOid(oid, to ?? from ?? end, new Set());
    if (table === undefined) return [];
    const relation = { schema: table.schema, table: table.name };
    const isAsked = onlyTables.some((pattern) => fitsTable(pattern, relation));
    if (onlyTables.length > 0 && !isAsked) return [];
    const since = from === undefined ? "" : ` from ${formatPosition(from)}`;
    const until = to === undefined ? "" : ` until ${formatPosition(to)}`;
    const before = from === undefined ? [] : [`before it: -E ${formatPosition(from)}`];
    const after = to === undefined ? [] : [`after it: -I ${formatPosition(to)}`];
    return {
      message: `${qualifiedName(relation)} was UNLOGGED${since}${until}: its changes there are not in the WAL`,
      hint: `For what is ${[...before, ...after].join("; ")}`,
    };
  });
}

/** Why pages are not known: an image of them precedes each change since a checkpoint, unless full_page_writes is off. */
function causeOf(
  losses: readonly TableLoss[],
  pages: string,
  { redoBefore, lacksImages }: RowDecoder["state"],
): Pick<Warning, "detail" | "hint"> {
  const all = sumOf(losses.map(({ count: each }) => each));
  const behind = sumOf(losses.map(({ behindGap }) => behindGap));
  const details: string[] = [];
  const hints: string[] = [];
  if (behind < all) {
    details.push(
      lacksImages
        ? `full_page_writes was off, so the WAL has no images of ${pages}.`
        : `The WAL has no image of ${pages} before them.`,
    );
    hints.push(
      redoBefore === undefined
        ? "Add earlier segments, back to a checkpoint before the first of them."
        : `Start at or before the checkpoint at ${formatPosition(redoBefore)}: add earlier segments.`,
    );
  }
  if (behind > 0) {
    details.push(`${behind} of them lie behind WAL that is damaged or missing.`);
    hints.push("Give the damaged or missing segments whole.");
  }
  return { detail: details.join(" "), hint: hints.join(" ") };
}

export function warnOfUnknownTypes(catalog: CatalogHistory, reporter: Reporter): void {
  const warned = new Set<number | "text">();
  catalog.onUnknownType = (oid, isText) => {
    const what = isText ? "text" : oid;
    if (warned.has(what)) return;
    warned.add(what);
    const { encoding } = catalog.types;
    const type = catalog.types.type(oid);
    const message = isText
      ? `texts with characters of ${encoding} that walctl cannot convert`
      : `the stored form of the type ${type === undefined ? `with OID ${oid}` : `"${type.name}"`} is not known, or it lies more than 24 types deep in another: its values`;
    const isLater = !isText && type !== undefined && mayBeOfExtension(type);
    reporter.warn({
      message: `${message} are printed as {"disk_base64":…}`,
      hint: isLater
        ? "The catalogue file does not know of which extension it is. If it is of a newer one, export it again now."
        : undefined,
    });
  };
}

export function unconvertedNames({
  hasUnconvertedNames,
  types: { encoding },
}: Pick<CatalogHistory, "hasUnconvertedNames" | "types">): readonly Warning[] {
  const message = `names with characters of ${encoding} that walctl cannot convert are printed by their bytes, such as \\xa4`;
  return hasUnconvertedNames ? [{ message }] : [];
}

/** Why nothing came of a transaction that --xid names. */
export function whyNothing(
  xid: number,
  fate: Fate | undefined,
  { aborted, tablesChanged }: WalOptions["rows"],
  hasLosses: boolean,
): Warning {
  const message = `nothing of transaction ${xid} is printed (--xid)`;
  if (fate === undefined) {
    return { message, detail: "Neither its commit nor its rollback is in the WAL that was read." };
  }
  const { lsn, top, wanted, aborted: isAborted } = fate;
  if (top !== xid) {
    const hint = `It is a subtransaction (SAVEPOINT) of transaction ${top}: --xid ${top}`;
    return { message, hint };
  }
  const detail = `It ${isAborted ? "was rolled back" : "committed"} at ${formatPosition(lsn)}.`;
  let hint = `Its records: walctl inspect --xid ${xid}`;
  if (isAborted && !aborted) hint = "--aborted prints it.";
  else if (!wanted) hint = "--startpos, --since, --until or --origin leaves it out.";
  else if (hasLosses) hint = "Changes that could not be printed are counted below.";
  else if (!tablesChanged)
    hint =
      "Tables that it created, dropped, rewrote or truncated are printed with --tables-changed. If it was in another database: that has a catalogue file of its own.";
  return { message, detail, hint };
}

/** Whether one of what lost changes is asked for, or may be: of a file that no table explains that is not known. */
export function concernsTables(
  losses: ReadonlySet<Relation | undefined>,
  onlyTables: readonly TablePattern[],
): boolean {
  const matches = tableMatcher(onlyTables) ?? (() => true);
  return [...losses].some((relation) => relation === undefined || matches(relation));
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

function countOf(losses: readonly { readonly count: number }[], what: string): string {
  return count(sumOf(losses.map((loss) => loss.count)), what);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}

function tablesOf(losses: readonly TableLoss[]): string {
  return count(losses.length, "table");
}

/** `public.a: 10, public.b: 2; first at 0/24C4938` */
function named(losses: readonly (TableLoss | FileLoss)[], catalog?: CatalogFile): string {
  const sorted = losses.toSorted((a, b) => b.count - a.count);
  const names = sorted.slice(0, NAMED_MAX).map((loss) => `${nameOf(loss, catalog)}: ${loss.count}`);
  if (sorted.length > NAMED_MAX) names.push("…");
  const first = Math.min(...losses.map((loss) => loss.first));
  return `${names.join(", ")}; first at ${formatPosition(first)}`;
}

/** @param catalog has the name that a file's table had at the export */
function nameOf(loss: TableLoss | FileLoss, catalog: CatalogFile | undefined): string {
  if ("relation" in loss) return qualifiedName(loss.relation satisfies Relation);
  const { tablespace, database, relfilenode } = loss.locator;
  const path = `${tablespace}/${database}/${relfilenode}`;
  const { oid } = catalog?.rows.pg_class.find((row) => row.relfilenode === relfilenode) ?? {};
  const table = oid === undefined ? undefined : exportedTable(catalog!, oid);
  return table === undefined ? path : `${qualifiedName(table)}, file ${path}`;
}
