import type { Paint, Painted, Palette } from "../terminal/painted.ts";

/** Narrower than this nothing can be read, and a terminal that says so is lying. */
const WIDTH_MIN = 20;
/** Two borders, and a space inside each. */
const EDGES = 4;
/** Corners, and a space before and after the title. */
const TITLE_EDGES = 6;

/** A box. */
export class Frame {
  /** Between the borders. */
  readonly inner: number;
  readonly titleWidth: number;
  readonly #top: string;
  readonly #bottom: string;
  readonly #bar: string;
  readonly #quiet: Paint;

  constructor(terminalWidth: number, { quiet, glyphs: { bar, box, rule } }: Palette) {
    const width = Math.max(Math.floor(terminalWidth), WIDTH_MIN);
    this.inner = width - EDGES;
    this.titleWidth = width - TITLE_EDGES;
    const edge = rule.repeat(width - 2);
    this.#top = `${box["top-left"]}${edge}${box["top-right"]}`;
    this.#bottom = `${box["bottom-left"]}${edge}${box["bottom-right"]}`;
    this.#bar = quiet(bar);
    this.#quiet = quiet;
  }

  /** The box's upper border, with a title in it. */
  top(title: Painted): string {
    const before = this.#top.slice(0, 2);
    const after = this.#top.slice(2 + title.width + 2);
    return `${this.#quiet(before)} ${title.text} ${this.#quiet(after)}\n`;
  }

  lines(lines: readonly Painted[]): string {
    return lines
      .map(
        ({ text, width }) => `${this.#bar} ${text}${" ".repeat(this.inner - width)} ${this.#bar}\n`,
      )
      .join("");
  }

  bottom(): string {
    return `${this.#quiet(this.#bottom)}\n`;
  }
}
