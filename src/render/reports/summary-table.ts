import { formatPgTime } from "../../pg-time.ts";
import { drawGrid } from "../terminal/grid.ts";
import { formatRelationName } from "../values/identifier.ts";
import { createPalette, type Paint } from "../terminal/painted.ts";
import { startWithin, textWidth } from "../terminal/text-width.ts";
import { wrapWords } from "../terminal/word-wrap.ts";
import { totalBytes } from "./summary.ts";
import type { RelationTotals, SummaryCounts, TransactionTotals } from "./summary-counts.ts";

const numbers = new Intl.NumberFormat("en-US");

/** Explains what the numbers include. */
const MEASURED =
  "Bytes are of rows as they were sent, of published tables only. The WAL holds more: indexes, full-page images, tables that are not published.";
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
export function renderSummaryTables(counts: SummaryCounts, width: number, color: boolean): string {
  const relations = counts.relations();
  const transactions = counts.transactions();
  if (relations.length === 0) return "No row was changed.\n";
  const { table, quiet } = createPalette(color);
  const byRelation = fit(relationChoices(totalBytes(relations)), relations, width);
  const byTransaction =
    transactions.length === 0 ? "" : draw(fit(TRANSACTION_CHOICES, transactions, width), quiet);
  const measured = wrapWords(MEASURED, Math.min(width, TEXT_WIDTH_MAX)).join("\n");
  return `${draw(byRelation, quiet, table)}${byTransaction}${measured}\n`;
}

/** The widest choice comes first. */
function relationChoices(total: number): readonly Choice<RelationTotals>[] {
  const table = column<RelationTotals>("table", (totals) => formatRelationName(totals.relation));
  const kinds = (["inserts", "updates", "deletes", "truncates"] as const).map((kind) =>
    column<RelationTotals>(kind, (totals) => numbers.format(totals[kind])),
  );
  const bytes = column<RelationTotals>("bytes", (totals) => numbers.format(totals.bytes));
  const share = column<RelationTotals>("share", (totals) =>
    total === 0 ? "" : `${((totals.bytes / total) * 100).toFixed(1)}%`,
  );
  const changes = column("changes", signedChanges);
  return [
    { columns: [table, ...kinds, bytes, share], firstMin: Number.POSITIVE_INFINITY },
    { columns: [table, ...kinds, bytes], firstMin: 16 },
    { columns: [table, changes, bytes], firstMin: 8 },
    { columns: [table, changes], firstMin: 5 },
  ];
}

/** `+1,200 ~3`: the same signs as in the table of changes. */
function signedChanges({ inserts, updates, deletes, truncates }: RelationTotals): string {
  const counts = [inserts, updates, deletes, truncates].map((count, index) =>
    count === 0 ? "" : `${"+~-×"[index] ?? ""}${numbers.format(count)}`,
  );
  return counts.filter((count) => count !== "").join(" ");
}

const XID = (head: string): Column<TransactionTotals> => column(head, ({ xid }) => `xid ${xid}`);
const CHANGES = column<TransactionTotals>("changes", ({ changes }) => numbers.format(changes));
const BYTES = column<TransactionTotals>("bytes", ({ bytes }) => numbers.format(bytes));
const COMMITTED = (length?: number): Column<TransactionTotals> =>
  column("committed", ({ commitTime }) =>
    commitTime === null ? "not known" : formatPgTime(commitTime).slice(0, length),
  );

const TRANSACTION_CHOICES: readonly Choice<TransactionTotals>[] = [
  [XID("largest transactions"), CHANGES, BYTES, COMMITTED()],
  [XID("transaction"), CHANGES, BYTES, COMMITTED("2026-11-24T11:46:42".length)],
  [XID("transaction"), CHANGES, BYTES],
  [XID("transaction"), BYTES],
].map((columns) => ({ columns, firstMin: Number.POSITIVE_INFINITY }));

function column<Row>(head: string, cell: (row: Row) => string): Column<Row> {
  return { head, cell };
}

/** Head and rows of the first choice that fits, otherwise of the last one. */
function fit<Row>(
  choices: readonly Choice<Row>[],
  rows: readonly Row[],
  width: number,
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
    cells = cells.map(([name = "", ...rest]) => [cutInside(name, firstWidth), ...rest]);
    if (firstMin <= room) return cells;
  }
  return cells;
}

/** Keeps both ends of a name: names of partitions differ at the end. */
function cutInside(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const start = startWithin(text, Math.ceil((width - 1) / 2));
  let end = Array.from(text.slice(start.length));
  while (textWidth(`${start}…${end.join("")}`) > width) end = end.slice(1);
  return `${start}…${end.join("")}`;
}

function draw(
  [head = [], ...rows]: readonly (readonly string[])[],
  quiet: Paint,
  first: Paint = (text) => text,
): string {
  const right = head.map((_, index) => index > 0);
  const painted = rows.map((row) =>
    row.map((text, index) => {
      if (index === 0) return first(text);
      return text === "0" || text === "not known" ? quiet(text) : text;
    }),
  );
  return drawGrid({ head: head.map((title) => quiet(title)), rows: painted, right });
}
