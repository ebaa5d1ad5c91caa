import type { Writable } from "node:stream";

/** Moves to the start of the line and erases everything from there on (ED). */
const ERASE = "\r\u001b[J";
/**
 * DECAWM: text that is too long stops at the last column. A terminal becomes narrower before the program learns of it.
 */
const WRAP_OFF = "\u001b[?7l";
const ROWS_UNKNOWN = 24;
const WRAP_ON = "\u001b[?7h";

/**
 * One line at the bottom of a terminal that is redrawn in place, and now and then some lines above it. Code that prints elsewhere on the terminal clears the
 * line first, or has its output drawn above it.
 *
 * The cursor stays at the start of the line. When the terminal becomes narrower and breaks the line in two, erasing
 * from the cursor on therefore erases both. A `^C` typed there is drawn over and breaks nothing.
 */
export class StatusLine {
  readonly #stream: Writable;
  readonly #width: () => number;
  #text: string | undefined;
  #above: readonly string[] = [];

  constructor(stream: Writable, width: () => number) {
    this.#stream = stream;
    this.#width = width;
  }

  /**
   * `text` is printable ASCII. What does not fit is left out: a line that wrapped could not be redrawn. A terminal that
   * has not taken all output yet gets it with the next lines: after Ctrl-S it would later show hundreds of old ones.
   * @param above safe to print, and redrawn with it; those that the terminal has no room for are left out
   */
  show(text: string, above: readonly string[] = []): void {
    this.#text = text;
    this.#above = above;
    if (this.#stream.writableLength > 0) return;
    this.#stream.write(`${ERASE}${this.#drawn()}`);
  }

  clear(): void {
    if (this.#text === undefined) return;
    this.#text = undefined;
    this.#stream.write(ERASE);
  }

  /** Whole lines for the same terminal, followed by this one: one write does not flicker. */
  above(lines: Uint8Array): Uint8Array {
    if (this.#text === undefined) return lines;
    return Buffer.concat([Buffer.from(ERASE), lines, Buffer.from(this.#drawn())]);
  }

  #drawn(): string {
    const text = wholeFacts(this.#text ?? "", this.#width() - 1);
    const { rows = ROWS_UNKNOWN } = this.#stream as { readonly rows?: number };
    const above = this.#above.slice(0, Math.max(rows - 2, 0));
    const up = above.length === 0 ? "" : `\u001b[${above.length}A`;
    return `${WRAP_OFF}${above.map((line) => `${line}\r\n`).join("")}${text}${WRAP_ON}\r${up}`;
  }
}

/** As many of the facts, which commas separate, as fit: half a number would be another one. */
function wholeFacts(text: string, width: number): string {
  if (text.length <= width) return text;
  const end = text.lastIndexOf(", ", width);
  return text.slice(0, end === -1 ? width : end);
}
