import Table from "cli-table3";
import { type Palette, createPalette } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { cutToWidth, textWidth } from "../terminal/text-width.ts";
import { wrapWords } from "../terminal/word-wrap.ts";
import type { Finding } from "./findings.ts";
import { type StatsBy, type StatsRow, bytesOf } from "./stats.ts";

const numbers = new Intl.NumberFormat("en-US");
const BAR_CELLS = 15;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
/** `100.0% ` */
const PERCENT_WIDTH = 6;
const TITLE_WIDTH_MIN = 12;
const TITLE_WIDTH_MAX = 24;
/** The number of tables shown; the rest is one row. */
const TABLES_MAX = 20;
/** A border and two spaces for each of five columns, and the last border. */
const BORDERS = 5 * 3 + 1;
const HEADS: Readonly<Record<StatsBy, string>> = {
  record: "record",
  rmgr: "resource manager",
  table: "table",
};

/** Prints a table with a bar for each share, and the findings below it. */
export function renderStatsTable(
  all: readonly StatsRow[],
  by: StatsBy,
  findings: readonly Finding[],
  { width, color }: { readonly width: number; readonly color: boolean },
): string {
  const palette = createPalette(color);
  if (all.length === 0) return "No record fits.\n";
  const rows = by === "table" ? folded(all) : all;
  const total = rows.reduce((sum, row) => sum + bytesOf(row), 0);
  const figures = rows.map(({ records, recordBytes, imageBytes }) =>
    [records, recordBytes, imageBytes].map((count) => numbers.format(count)),
  );
  const heads = ["records", "bytes", "images"];
  const figureWidths = heads.map((head, column) =>
    Math.max(head.length, ...figures.map((cells) => cells[column]?.length ?? 0)),
  );
  const fixed = BORDERS + PERCENT_WIDTH + 1 + figureWidths.reduce((sum, each) => sum + each, 0);
  // The remaining width goes to the titles first, then to the bars.
  const titleWidth = Math.max(HEADS[by].length, ...rows.map(({ title }) => textWidth(title)));
  const barCells = Math.max(
    0,
    Math.min(BAR_CELLS, width - fixed - Math.min(titleWidth, TITLE_WIDTH_MAX)),
  );
  const titleMax = Math.max(TITLE_WIDTH_MIN, width - fixed - barCells);
  const table = new Table({
    head: [HEADS[by], ...heads, "share"].map((title) => palette.quiet(title)),
    colAligns: ["left", "right", "right", "right", "left"],
    // Only chalk colours the table, so that --no-color applies.
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const [index, row] of rows.entries()) {
    const share = bytesOf(row) / total;
    const title = palette.table(cutToWidth(sanitizeLine(row.title), titleMax));
    table.push([title, ...(figures[index] ?? []), shareCell(share, barCells, palette)]);
  }
  return `${table.toString()}\n${renderFindings(findings, width, palette)}`;
}

function folded(rows: readonly StatsRow[]): readonly StatsRow[] {
  if (rows.length <= TABLES_MAX + 1) return rows;
  const rest = rows.slice(TABLES_MAX);
  const sum = (of: (row: StatsRow) => number): number =>
    rest.reduce((total, row) => total + of(row), 0);
  const title = `(${rest.length} others)`;
  const [records, recordBytes] = [sum((row) => row.records), sum((row) => row.recordBytes)];
  const imageBytes = sum((row) => row.imageBytes);
  return [...rows.slice(0, TABLES_MAX), { members: "", title, records, recordBytes, imageBytes }];
}

function shareCell(share: number, barCells: number, palette: Palette): string {
  const percent = `${(share * 100).toFixed(1)}%`.padStart(PERCENT_WIDTH);
  const eighths = Math.round(share * barCells * 8);
  const bar = "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? "");
  return `${percent} ${palette.quiet(bar)}`.trimEnd();
}

/** The commands are not wrapped, so that they can be pasted. */
function renderFindings(findings: readonly Finding[], width: number, palette: Palette): string {
  const lines = findings.flatMap(({ message, fix }) => {
    const [first = "", ...others] = wrapWords(sanitizeLine(message), width - 2);
    const sign = palette.pending("!");
    const rest = [...others, ...(fix === null ? [] : [sanitizeLine(fix)])];
    return [`${sign} ${first}`, ...rest.map((line) => `  ${line}`)];
  });
  return lines.map((line) => `${line}\n`).join("");
}
