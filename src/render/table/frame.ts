import Table from "cli-table3";
import { NOTHING, type Paint, type Painted } from "../terminal/painted.ts";

/** Narrower than this nothing can be read, and a terminal that says so is lying. */
const WIDTH_MIN = 20;
/** Below this operation and table stand above a row's columns, not beside them. */
const WIDE_MIN = 64;
/** `+ TRUNCATE`. */
const OPERATION_WIDTH = 10;
const RELATION_WIDTH_MIN = 14;
const RELATION_WIDTH_MAX = 28;
const RELATION_SHARE = 0.22;
const LINES_MAX = 4;
const STACKED_LINES_MAX = 6;
/** Two borders, and a space inside each. */
const EDGES = 4;
const GAP = 2;

/** Where things stand in a terminal so many columns wide. */
export interface Layout {
  readonly width: number;
  /** Between the borders. */
  readonly inner: number;
  /** One column of cells, because the terminal is narrow; else three: operation, relation, detail. */
  readonly stacked: boolean;
  readonly operation: number;
  readonly relation: number;
  readonly detail: number;
  readonly detailLinesMax: number;
}

export function layoutFor(terminalWidth: number): Layout {
  const width = Math.max(Math.floor(terminalWidth), WIDTH_MIN);
  const inner = width - EDGES;
  if (width < WIDE_MIN) {
    const detail = inner - GAP;
    const cells = { operation: inner, relation: inner, detail };
    return { width, inner, stacked: true, ...cells, detailLinesMax: STACKED_LINES_MAX };
  }
  const share = Math.round(width * RELATION_SHARE);
  const relation = Math.min(Math.max(share, RELATION_WIDTH_MIN), RELATION_WIDTH_MAX);
  const detail = inner - OPERATION_WIDTH - relation - 2 * GAP;
  const cells = { operation: OPERATION_WIDTH, relation, detail };
  return { width, inner, stacked: false, ...cells, detailLinesMax: LINES_MAX };
}

/** As in a narrow terminal, for names that are too long for a cell. */
export function acrossLayout(layout: Layout): Layout {
  return { ...layout, relation: layout.inner, detail: layout.inner - GAP };
}

const CHARACTERS = {
  "top-left": "╭",
  "top-right": "╮",
  "bottom-left": "╰",
  "bottom-right": "╯",
  // Nothing between the cells but their padding: a line there would be cut by every title.
  "top-mid": "",
  "mid-mid": "",
  "bottom-mid": "",
  middle: "",
} as const;

/** One line of cells, cut where the cells' texts go. */
type Row = readonly string[];

/**
 * The pieces of a transaction's box. cli-table3 draws them once for each width of the terminal, and texts
 * are laid into them: so a row can be printed before the next one is known, and a row costs no more than its
 * text. (cli-table3 itself measures each text a dozen times, and with an old table: it gives Devanagari and
 * Thai marks a column, and the emoji of recent years only one, so that the right border would not stand.)
 */
export class Frame {
  readonly layout: Layout;
  readonly #top: string;
  readonly #divider: string;
  readonly #bottom: string;
  readonly #cells: Row;
  readonly #line: Row;
  readonly #quiet: Paint;

  constructor(layout: Layout, quiet: Paint) {
    this.layout = layout;
    this.#quiet = quiet;
    const columns = layout.stacked
      ? [layout.inner]
      : [layout.operation, layout.relation, layout.detail];
    const [top = "", cells = "", divider = "", , bottom = ""] = draw(columns);
    this.#top = top;
    this.#divider = divider;
    this.#bottom = bottom;
    this.#cells = cutAtTexts(cells, quiet);
    this.#line = cutAtTexts(draw([layout.inner])[1] ?? "", quiet);
  }

  /** The box's upper border, with a title in it. */
  top(title: Painted): string {
    return this.#border(this.#top, title);
  }

  /** A border across the box. */
  divider(title: Painted): string {
    return this.#border(this.#divider, title);
  }

  bottom(title: Painted): string {
    return this.#border(this.#bottom, title);
  }

  /** A row of cells, each of some lines, inside the box or where no box is. */
  cells(cells: readonly (readonly Painted[])[], boxed: boolean): string {
    const { operation, relation, detail, stacked, inner } = this.layout;
    return fill(this.#cells, stacked ? [inner] : [operation, relation, detail], cells, boxed);
  }

  /** Lines right across the box, or where no box is. */
  lines(lines: readonly Painted[], boxed: boolean): string {
    return fill(this.#line, [this.layout.inner], [lines], boxed);
  }

  #border(border: string, title: Painted): string {
    if (title.width === 0) return `${this.#quiet(border)}\n`;
    const before = border.slice(0, 2);
    const after = border.slice(2 + title.width + 2);
    return `${this.#quiet(before)} ${title.text} ${this.#quiet(after)}\n`;
  }

  /** How wide a title may be: corners, and a space before and after it. */
  get titleWidth(): number {
    return this.layout.width - 6;
  }
}

/** Five lines: border, row, divider, row, border. The rows hold an `x` in every place that a text can take. */
function draw(columns: readonly number[]): string[] {
  const table = new Table({
    chars: CHARACTERS,
    colWidths: columns.map((width) => width + 2),
    style: { head: [], border: [] },
  });
  const row = columns.map((width) => "x".repeat(width));
  table.push(row, row);
  return table.toString().split("\n");
}

function cutAtTexts(row: string, quiet: Paint): Row {
  return row.split(/x+/).map((piece) => piece.replace(/│/g, (border) => quiet(border)));
}

function fill(
  row: Row,
  widths: readonly number[],
  cells: readonly (readonly Painted[])[],
  boxed: boolean,
): string {
  const height = Math.max(...cells.map((lines) => lines.length));
  let text = "";
  for (let line = 0; line < height; line++) {
    let drawn = boxed ? (row[0] ?? "") : "  ";
    for (const [index, width] of widths.entries()) {
      const content = cells[index]?.[line] ?? NOTHING;
      const last = index === widths.length - 1;
      drawn += content.text;
      // Without a border nothing stands behind the last cell.
      if (last && !boxed) continue;
      drawn += " ".repeat(Math.max(width - content.width, 0)) + (row[index + 1] ?? "");
    }
    text += `${drawn}\n`;
  }
  return text;
}
