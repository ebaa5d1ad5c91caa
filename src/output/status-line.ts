import type { Writable } from "node:stream";

const ERASE_LINE = "\r\u001b[K";

/** One line at the bottom of a terminal that is drawn over. Whoever prints elsewhere on it clears the line before. */
export class StatusLine {
  readonly #stream: Writable;
  readonly #width: () => number;
  #shown = false;

  constructor(stream: Writable, width: () => number) {
    this.#stream = stream;
    this.#width = width;
  }

  /** `text` is printable ASCII. A line that wrapped could not be drawn over: it is cut. */
  show(text: string): void {
    this.#shown = true;
    this.#stream.write(ERASE_LINE + text.slice(0, this.#width() - 1));
  }

  clear(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#stream.write(ERASE_LINE);
  }
}
