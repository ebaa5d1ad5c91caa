import type { Writable } from "node:stream";

/** xterm's control sequences (Control Sequences: DECSET 1049, DECTCEM, DEC 2026; CUP, EL, ED). */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const FRAME_BEGIN = "\u001b[?2026h\u001b[H";
const LINE_END = "\u001b[K\n";
const FRAME_END = "\u001b[K\u001b[J\u001b[?2026l";

/** The size of a stream that is a terminal; main.ts corrects one that tells none. */
interface TerminalSize {
  readonly columns?: number;
  readonly rows?: number;
}

const COLUMNS_UNKNOWN = 80;
const ROWS_UNKNOWN = 24;

/**
 * A terminal's alternate screen, drawn over and over in place. Every frame is one write that clears what is left
 * of each line after it is drawn, never before: nothing flickers, and what stood there before is back at the end.
 */
export class Screen {
  readonly #stream: Writable;
  #entered = false;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /** Lines that the terminal has. */
  get rows(): number {
    return (this.#stream as TerminalSize).rows ?? ROWS_UNKNOWN;
  }

  /** Columns that the terminal has, whatever width the text was laid out for. */
  get columns(): number {
    return (this.#stream as TerminalSize).columns ?? COLUMNS_UNKNOWN;
  }

  /** The lines must fit the terminal's width, or be broken by it: those that it has no room for are left out. */
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

  /** Harmless when nothing was drawn. */
  leave(): void {
    if (this.#entered) this.#stream.write(LEAVE);
    this.#entered = false;
  }
}
