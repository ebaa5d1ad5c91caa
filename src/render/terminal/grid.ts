/** Draws tables with cli-table3, using the widths that a terminal shows. */
import Table from "cli-table3";
import type { Palette } from "./painted.ts";
import { visibleWidth } from "./visible-width.ts";

/** A placeholder for text: cli-table3 counts it as one column, and no table contains it otherwise. */
const FILLER = "\ue000";
const FILLED = new RegExp(`${FILLER}+`, "g");

const UNRULED = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };

export interface GridOptions {
  readonly palette: Palette;
  readonly head: readonly string[];
  /** Painted text; a cell may have several lines. */
  readonly rows: ReadonlyArray<readonly string[]>;
  /** Right-aligned columns; others are left-aligned. */
  readonly right?: readonly boolean[];
  /** Draws lines between rows. */
  readonly ruled?: boolean;
}

/**
 * cli-table3 measures Devanagari, Thai and newer emoji wrongly. It gets placeholders of the right width, which are then
 * replaced by the text, line by line.
 */
export function drawGrid(options: GridOptions): string {
  const { palette, head, rows, right = [], ruled = false } = options;
  const table = new Table({
    head: head.map(fill),
    colAligns: head.map((_, column) => (right[column] === true ? "right" : "left")),
    // cli-table3's own colours would ignore --no-color.
    style: { head: [], border: [] },
    chars: { ...palette.glyphs.frame, ...(ruled ? {} : UNRULED) },
  });
  table.push(...rows.map((row) => row.map(fill)));
  const texts = [head, ...rows].flatMap(linesAcross).filter((text) => visibleWidth(text) > 0);
  const drawn = table.toString().replace(FILLED, () => texts.shift() ?? "");
  return `${drawn}\n`;
}

function fill(cell: string): string {
  return cell
    .split("\n")
    .map((line) => FILLER.repeat(visibleWidth(line)))
    .join("\n");
}

/** The first lines of all cells, then the second ones, and so on. */
function linesAcross(row: readonly string[]): readonly string[] {
  const cells = row.map((cell) => cell.split("\n"));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells.map((lines) => lines[line] ?? ""),
  ).flat();
}
