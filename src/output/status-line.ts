import type { Writable } from "node:stream";

/** To the start of the line, and all from there on is erased (ED). */
const ERASE = "\r\u001b[J";
/** DECAWM: what is too long goes no further than the last column. A terminal is narrower before we hear of it. */
const WRAP_OFF = "\u001b[?7l";
const WRAP_ON = "\u001b[?7h";

/**
 * One line at the bottom of a terminal that is drawn over. Whoever prints elsewhere on it clears the line
 * before, or has what it prints drawn above.
 *
 * The cursor waits at the line's start. There it stays when a terminal that becomes narrower breaks the line
 * in two: to erase from the cursor on then erases both. And a `^C` typed there is drawn over, and breaks nothing.
 */
export class StatusLine {
  readonly #stream: Writable;
  readonly #width: () => number;
  #text: string | undefined;

  constructor(stream: Writable, width: () => number) {
    this.#stream = stream;
    this.#width = width;
  }

  /** `text` is printable ASCII. A line that wrapped could not be drawn over: it is cut. */
  show(text: string): void {
    // A terminal that takes nothing more (Ctrl-S) would show hundreds of old lines later.
    if (this.#stream.writableLength > 0) return;
    this.#text = text;
    this.#stream.write(`${ERASE}${this.#drawn()}`);
  }

  clear(): void {
    if (this.#text === undefined) return;
    this.#text = undefined;
    this.#stream.write(ERASE);
  }

  /** Whole lines to be written to the same terminal, and this one below them: in one piece nothing flickers. */
  above(lines: Uint8Array): Uint8Array {
    if (this.#text === undefined) return lines;
    return Buffer.concat([Buffer.from(ERASE), lines, Buffer.from(this.#drawn())]);
  }

  #drawn(): string {
    const text = (this.#text ?? "").slice(0, this.#width() - 1);
    return `${WRAP_OFF}${text}${WRAP_ON}\r`;
  }
}
