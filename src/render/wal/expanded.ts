import { type Painted, type Palette, joined, painted, paintedWithin } from "../terminal/painted.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { Frame } from "./frame.ts";
import { wrapWords } from "../terminal/word-wrap.ts";

const KEY_WIDTH = 14;

/** Prints a record as a box, one field a line. */
export class ExpandedRecord {
  readonly #frame: Frame;
  readonly #palette: Palette;

  constructor(width: number, palette: Palette) {
    this.#frame = new Frame(width, palette);
    this.#palette = palette;
  }

  render(head: string, fields: readonly (readonly [key: string, text: string])[]): string {
    const frame = this.#frame;
    const title = paintedWithin(head, frame.titleWidth, this.#palette, this.#palette.strong);
    const lines = fields.flatMap(([key, text]) => this.#field(key, sanitizeLine(text)));
    return frame.top(title) + frame.lines(lines) + frame.bottom();
  }

  #field(key: string, text: string): Painted[] {
    const { inner } = this.#frame;
    const { quiet } = this.#palette;
    if (text === "") return [paintedWithin(key, inner, this.#palette, quiet)];
    const width = Math.max(inner - KEY_WIDTH - 1, 1);
    const lines = wrapWords(text, width).map((line) => painted(line));
    return lines.map((line, index) => {
      const label = (index === 0 ? key : "").slice(0, KEY_WIDTH).padEnd(KEY_WIDTH + 1);
      return joined(painted(label, quiet), line);
    });
  }
}
