import type { Relation, TableChanged } from "../../postgres/messages/messages.ts";
import { formatPgTime } from "../../pg-time.ts";
import { drawGrid } from "../terminal/grid.ts";
import { ShortNames } from "../cells/names.ts";
import { formatIdentifier, formatRelationName } from "../values/identifier.ts";
import { createPalette, type Look, type Paint, type Palette } from "../terminal/painted.ts";
import { cutToWidth, textWidth } from "../terminal/text-width.ts";
import { wrapWords } from "../terminal/word-wrap.ts";
import { totalBytes } from "./summary.ts";
import type { RelationTotals, TransactionTotals } from "./ranking.ts";
import type { SummaryCounts } from "./summary-counts.ts";
import { formatCount } from "../cells/numbers.ts";

/** Explains what the numbers include. */
const MEASURED =
  "Bytes are of rows as they were sent, of published tables only. The WAL holds more: indexes, full-page images, tables that are not published.";
const MEASURED_OF_WAL =
  "Bytes are of rows as pgoutput sends them. The WAL holds more: indexes, full-page images.";
const TEXT_WIDTH_MAX = 78;

interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => string;
}

/** Columns that may be shown. The first is cut to the space that the others leave, but not below `firstMin`. */
interface Choice<Row> {
  readonly columns: readonly Column<Row>[];
  readonly firstMin: number;
}

/** Prints a table of the relations and one of the largest transactions, no wider than `width` if possible. */
export function renderSummaryTables(
  counts: SummaryCounts,
  width: number,
  look: Look & { readonly fromWal?: boolean },
): string {
  const relations = counts.relations();
  const palette = createPalette(look);
  const drawn = <Row>(
    choices: readonly Choice<Row>[],
    rows: readonly Row[],
    first?: Paint,
  ): string => (rows.length === 0 ? "" : draw(fit(choices, rows, width, palette), palette, first));
  const changed = drawn(CHANGED_CHOICES, counts.tablesChanged.last, palette.table);
  if (relations.length === 0) return `No row change was read.\n${changed}`;
  const byRelation = relationChoices(totalBytes(relations), palette);
  const text = look.fromWal === true ? MEASURED_OF_WAL : MEASURED;
  const measured = wrapWords(text, Math.min(width, TEXT_WIDTH_MAX)).join("\n");
  return (
    drawn(byRelation, relations, palette.table) +
    drawn(transactionChoices(relations, palette), counts.transactions()) +
    `${changed}${measured}\n`
  );
}

/** The widest choice comes first. */
function relationChoices(total: number, palette: Palette): readonly Choice<RelationTotals>[] {
  const table = column<RelationTotals>("table", (totals) => formatRelationName(totals.relation));
  const kinds = (["inserts", "updates", "deletes", "truncates"] as const).map((kind) =>
    column<RelationTotals>(kind, (totals) => formatCount(totals[kind])),
  );
  const bytes = column<RelationTotals>("bytes", (totals) => formatCount(totals.bytes));
  const share = column<RelationTotals>("share", (totals) =>
    total === 0 ? "" : `${((totals.bytes / total) * 100).toFixed(1)}%`,
  );
  const changes = column<RelationTotals>("changes", (totals) => signedChanges(totals, palette));
  return [
    { columns: [table, ...kinds, bytes, share], firstMin: Number.POSITIVE_INFINITY },
    { columns: [table, ...kinds, bytes], firstMin: 16 },
    { columns: [table, changes, bytes], firstMin: 8 },
    { columns: [table, changes], firstMin: 5 },
  ];
}

/** `+1,200 ~3`: the same signs as in the table of changes. */
function signedChanges(
  { inserts, updates, deletes, truncates }: Omit<RelationTotals, "relation">,
  { glyphs }: Palette,
): string {
  const counts = [inserts, updates, deletes, truncates].map((count, index) =>
    count === 0 ? "" : `${["+", "~", "-", glyphs.truncate][index] ?? ""}${formatCount(count)}`,
  );
  return counts.filter((count) => count !== "").join(" ");
}

const XID = (head: string): Column<TransactionTotals> =>
  column(head, ({ partial, xid }) => `xid ${xid}${partial ? " (partial)" : ""}`);
const CHANGES = column<TransactionTotals>("changes", ({ changes }) => formatCount(changes));
const BYTES = column<TransactionTotals>("bytes", ({ bytes }) => formatCount(bytes));
const COMMITTED = (length?: number): Column<TransactionTotals> =>
  column("committed", ({ commitTime }) =>
    commitTime === null ? "not known" : formatPgTime(commitTime).slice(0, length),
  );

/** What it did, by table, as far as it fits `width`. */
function deedsOf(
  { tables }: TransactionTotals,
  width: number,
  nameOf: (relation: Relation) => string,
  palette: Palette,
): string {
  let text = "";
  for (const [index, totals] of tables.entries()) {
    const did = `${signedChanges(totals, palette)} ${nameOf(totals.relation)}`;
    const next = index === 0 ? did : `${text}, ${did}`;
    const left = tables.length - index - 1;
    const more = `${palette.glyphs.ellipsis} ${formatCount(left + 1)} more`;
    const end = left === 0 ? "" : `, ${more}`;
    if (textWidth(next + end) > width)
      return index === 0 ? cutToWidth(did, width, palette.glyphs.ellipsis) : `${text}, ${more}`;
    text = next;
  }
  return text;
}

const DEEDS = "inserted +, updated ~, deleted -";

function transactionChoices(
  relations: readonly RelationTotals[],
  palette: Palette,
): readonly Choice<TransactionTotals>[] {
  const isOneSchema = new Set(relations.map(({ relation }) => relation.schema)).size === 1;
  const nameOf = (relation: Relation): string =>
    isOneSchema && relation.announced
      ? formatIdentifier(relation.table)
      : formatRelationName(relation);
  const deeds = (width: number): Column<TransactionTotals> =>
    column(DEEDS, (totals) => deedsOf(totals, width, nameOf, palette));
  const short = COMMITTED("2026-11-24T11:46:42".length);
  return [
    [XID("largest transactions"), deeds(80), CHANGES, BYTES, COMMITTED()],
    [XID("transaction"), deeds(48), BYTES, COMMITTED()],
    [XID("transaction"), deeds(DEEDS.length), BYTES, short],
    [XID("transaction"), deeds(40), short],
    [XID("transaction"), deeds(DEEDS.length), short],
    [XID("transaction"), deeds(DEEDS.length)],
    [XID("transaction"), BYTES],
  ].map((columns) => ({ columns, firstMin: Number.POSITIVE_INFINITY }));
}

const CHANGED_TABLE = column<TableChanged>("table changed", ({ relation }) =>
  formatRelationName(relation),
);
const ACTION = column<TableChanged>("action", ({ action }) => action);
const CHANGED_IN = column<TableChanged>("xid", ({ transaction }) => `xid ${transaction?.xid}`);
const CHANGED_AT = column<TableChanged>("committed", ({ transaction }) => {
  const time = transaction?.commitTime ?? undefined;
  return time === undefined ? "" : formatPgTime(time);
});
const CHANGED_CHOICES: readonly Choice<TableChanged>[] = [
  { columns: [CHANGED_TABLE, ACTION, CHANGED_IN, CHANGED_AT], firstMin: 16 },
  { columns: [CHANGED_TABLE, ACTION, CHANGED_IN], firstMin: 5 },
];

function column<Row>(head: string, cell: (row: Row) => string): Column<Row> {
  return { head, cell };
}

/** Head and rows of the first choice that fits, otherwise of the last one. */
function fit<Row>(
  choices: readonly Choice<Row>[],
  rows: readonly Row[],
  width: number,
  { glyphs }: Palette,
): readonly (readonly string[])[] {
  let cells: readonly (readonly string[])[] = [];
  for (const { columns, firstMin } of choices) {
    cells = [
      columns.map(({ head }) => head),
      ...rows.map((row) => columns.map(({ cell }) => cell(row))),
    ];
    const [first = 0, ...others] = columns.map((_, index) =>
      Math.max(...cells.map((line) => textWidth(line[index] ?? ""))),
    );
    // Each column has a border and two spaces; a last border follows.
    const room = width - others.reduce((sum, other) => sum + other + 3, 4);
    if (first <= room) return cells;
    const firstWidth = Math.max(room, firstMin);
    const names = new ShortNames(glyphs.ellipsis);
    cells = cells.map(([name = "", ...rest]) => [names.within(name, firstWidth), ...rest]);
    if (firstMin <= room) return cells;
  }
  return cells;
}

function draw(
  [head = [], ...rows]: readonly (readonly string[])[],
  palette: Palette,
  first: Paint = (text) => text,
): string {
  const right = head.map((title, index) => index > 0 && title !== DEEDS);
  const painted = rows.map((row) =>
    row.map((text, index) => {
      if (index === 0) return first(text);
      return text === "0" || text === "not known" ? palette.quiet(text) : text;
    }),
  );
  return drawGrid({
    palette,
    head: head.map((title) => palette.quiet(title)),
    rows: painted,
    right,
  });
}
