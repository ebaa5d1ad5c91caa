import { ShortNames } from "../cells/names.ts";
import { drawGrid } from "../terminal/grid.ts";
import { type Look, type Palette, createPalette } from "../terminal/painted.ts";
import { clearLine, sanitizeLine } from "../bytes/sanitize.ts";
import { textWidth } from "../terminal/text-width.ts";
import { wrapWords } from "../terminal/word-wrap.ts";
import type { Finding } from "./findings.ts";
import { type StatsBy, type StatsRow, bytesOf } from "./stats.ts";
import { formatCount } from "../cells/numbers.ts";

const BAR_CELLS = 15;
/** `100.0%` */
const PERCENT_WIDTH = 6;
const TITLE_WIDTH_MIN = 12;
const TITLE_WIDTH_LEAST = 5;
const TITLE_WIDTH_MAX = 32;
/** The number of tables shown; the rest is one row. */
const TABLES_MAX = 20;
/** A border and two spaces for each column, and the last border. */
const bordersOf = (columns: number): number => columns * 3 + 1;
const HEADS: Readonly<Record<StatsBy, string>> = {
  record: "record",
  rmgr: "resource manager",
  table: "table",
};

/** Prints a table with a bar for each share, and the findings below it. A narrow one has fewer columns. */
export function renderStatsTable(
  all: readonly StatsRow[],
  by: StatsBy,
  findings: readonly Finding[],
  { width, look }: { readonly width: number; readonly look: Look },
): string {
  const palette = createPalette(look);
  if (all.length === 0) return "No record fits.\n";
  const rows = by === "table" ? folded(all) : all;
  const titles = rows.map(({ title }) => clearLine(title));
  const total = rows.reduce((sum, row) => sum + bytesOf(row), 0);
  const titleWidth = Math.max(HEADS[by].length, ...titles.map((title) => textWidth(title)));
  const figures = [
    figureOf("records", rows, ({ records }) => records),
    figureOf("bytes", rows, ({ recordBytes }) => recordBytes),
    figureOf("images", rows, ({ imageBytes }) => imageBytes),
  ];
  const fixedOf = (shown: readonly Figure[]): number =>
    bordersOf(shown.length + 2) +
    PERCENT_WIDTH +
    shown.reduce((sum, figure) => sum + figure.width, 0);
  const least = Math.min(titleWidth, TITLE_WIDTH_MIN);
  // Of records and page images the share tells the sum.
  while (figures.length > 0 && fixedOf(figures) + least > width) figures.pop();
  const room = width - fixedOf(figures);
  // The remaining width goes to the titles first, then to the bars.
  const spare = room - 1 - Math.min(titleWidth, TITLE_WIDTH_MAX);
  const barCells = Math.max(0, Math.min(BAR_CELLS, spare));
  const titleMax = Math.max(room - (barCells > 0 ? barCells + 1 : 0), TITLE_WIDTH_LEAST);
  const names = new ShortNames(palette.glyphs.ellipsis);
  const heads = [names.within(HEADS[by], titleMax), ...figures.map(({ head }) => head), "share"];
  const table = drawGrid({
    palette,
    head: heads.map((title) => palette.quiet(title)),
    right: [false, ...figures.map(() => true), false],
    rows: rows.map((row, index) => [
      palette.table(names.within(titles[index] ?? "", titleMax)),
      ...figures.map(({ texts }) => texts[index] ?? ""),
      shareCell(bytesOf(row) / total, barCells, palette),
    ]),
  });
  return table + renderFindings(findings, width, palette);
}

interface Figure {
  readonly head: string;
  readonly texts: readonly string[];
  readonly width: number;
}

function figureOf(head: string, rows: readonly StatsRow[], of: (row: StatsRow) => number): Figure {
  const texts = rows.map((row) => formatCount(of(row)));
  return { head, texts, width: Math.max(head.length, ...texts.map(({ length }) => length)) };
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
  const { share: parts } = palette.glyphs;
  const count = Math.round(share * barCells * parts.length);
  const whole = Math.floor(count / parts.length);
  const bar = (parts.at(-1) ?? "").repeat(whole) + (parts[(count % parts.length) - 1] ?? "");
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
