import Table from "cli-table3";
import type { Paint, Painted, Palette } from "../terminal/painted.ts";

/** Narrower than this nothing can be read, and a terminal that says so is lying. */
const WIDTH_MIN = 20;
/** Two borders, and a space inside each. */
const EDGES = 4;
/** Corners, and a space before and after the title. */
const TITLE_EDGES = 6;

/**
 * A box. cli-table3 draws it once for each width of the terminal, and texts are laid into it: cli-table3 itself gives
 * Devanagari and Thai marks a column, and the emoji of recent years only one, so that the right border would not stand.
 */
export class Frame {
  /** Between the borders. */
  readonly inner: number;
  readonly titleWidth: number;
  readonly #top: string;
  readonly #bottom: string;
  readonly #left: string;
  readonly #right: string;
  readonly #quiet: Paint;

  constructor(terminalWidth: number, { quiet, glyphs }: Palette) {
    const width = Math.max(Math.floor(terminalWidth), WIDTH_MIN);
    this.inner = width - EDGES;
    this.titleWidth = width - TITLE_EDGES;
    const table = new Table({
      chars: glyphs.box,
      colWidths: [this.inner + 2],
      style: { head: [], border: [] },
    });
    table.push(["x".repeat(this.inner)]);
    const [top = "", row = "", bottom = ""] = table.toString().split("\n");
    const [left = "", right = ""] = row.split(/x+/);
    this.#top = top;
    this.#bottom = bottom;
    this.#left = left;
    this.#right = right;
    this.#quiet = quiet;
  }

  /** The box's upper border, with a title in it. */
  top(title: Painted): string {
    const before = this.#top.slice(0, 2);
    const after = this.#top.slice(2 + title.width + 2);
    return `${this.#quiet(before)} ${title.text} ${this.#quiet(after)}\n`;
  }

  lines(lines: readonly Painted[]): string {
    const [left, right] = [this.#left, this.#right].map((edge) =>
      edge.replace(/\S/u, (bar) => this.#quiet(bar)),
    );
    return lines
      .map(({ text, width }) => `${left}${text}${" ".repeat(this.inner - width)}${right}\n`)
      .join("");
  }

  bottom(): string {
    return `${this.#quiet(this.#bottom)}\n`;
  }
}
