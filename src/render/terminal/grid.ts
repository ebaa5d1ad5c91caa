/** Tables by cli-table3, in columns as wide as a terminal makes their text. */
import Table from "cli-table3";
import { visibleWidth } from "./visible-width.ts";

/** Stands for a column of text; one column wide for cli-table3, and in no table otherwise. */
const FILLER = "\ue000";
const FILLED = new RegExp(`${FILLER}+`, "g");

interface GridOptions {
  readonly head: readonly string[];
  /** Of text painted already, a cell may have several lines. */
  readonly rows: ReadonlyArray<readonly string[]>;
  /** Of each column; left where it says nothing. */
  readonly right?: readonly boolean[];
  /** Lines between the rows too. */
  readonly ruled?: boolean;
}

/**
 * cli-table3 has a measure of its own, which takes Devanagari, Thai and newer emoji for wider or narrower than they
 * are. So it gets fillers of our measure, and the text takes their places, which come in the order of the lines.
 */
export function drawGrid({ head, rows, right = [], ruled = false }: GridOptions): string {
  const table = new Table({
    head: head.map(fill),
    colAligns: head.map((_, column) => (right[column] === true ? "right" : "left")),
    // Painted by chalk alone, so that --no-color holds.
    style: { head: [], border: [] },
    chars: ruled ? {} : { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
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

/** The first line of every cell, then the second, and so on. */
function linesAcross(row: readonly string[]): readonly string[] {
  const cells = row.map((cell) => cell.split("\n"));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells.map((lines) => lines[line] ?? ""),
  ).flat();
}
