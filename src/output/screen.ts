import type { Writable } from "node:stream";

/** xterm's control sequences (Control Sequences: DECSET 1049, DECTCEM, DEC 2026; CUP, EL, ED). */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const FRAME_BEGIN = "\u001b[?2026h\u001b[H";
const LINE_END = "\u001b[K\n";
const FRAME_END = "\u001b[K\u001b[J\u001b[?2026l";

/** The size of a terminal's stream; main.ts corrects a terminal that reports none. */
interface TerminalSize {
  readonly columns?: number;
  readonly rows?: number;
}

const COLUMNS_UNKNOWN = 80;
const ROWS_UNKNOWN = 24;

/**
 * A terminal's alternate screen, redrawn in place. Every frame is one write that clears the rest of each line after
 * drawing it, never before, so nothing flickers. At the end the terminal shows its earlier content again.
 */
export class Screen {
  readonly #stream: Writable;
  #entered = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** The number of lines of the terminal. */
  get rows(): number {
    return (this.#stream as TerminalSize).rows ?? ROWS_UNKNOWN;
  }

  /** The number of columns of the terminal, whatever width the text was laid out for. */
  get columns(): number {
    return (this.#stream as TerminalSize).columns ?? COLUMNS_UNKNOWN;
  }

  /** Draws the lines that fit the height. `heightOf` gives the terminal lines that a line takes. */
  draw(lines: readonly string[], heightOf: (line: string) => number): void {
    const shown: string[] = [];
    let rows = this.rows;
    for (const line of lines) {
      rows -= heightOf(line);
      if (rows < 0) break;
      shown.push(line);
    }
    const enter = this.#entered ? "" : ENTER;
    this.#entered = true;
    this.#stream.write(`${enter}${FRAME_BEGIN}${shown.join(LINE_END)}${FRAME_END}`);
  }

  /** Has no effect if nothing was drawn. */
  leave(): void {
    if (this.#entered) this.#stream.write(LEAVE);
    this.#entered = false;
  }
}
