import type { StreamedLine } from "../../output/file/streamed-lines.ts";
import type { Boundary } from "../../pgoutput/boundary.ts";

/** Where in FILE the blocks of open streamed transactions begin: the next process reads FILE from there. */
export class OpenBlocks {
  /** xid → an offset in FILE at or before the transaction's first block. */
  readonly #starts = new Map<number, number>();

  /** Records what is appended to FILE, at offset `size` or later. */
  boundary({ opens, ends, xid }: Boundary, size: number): void {
    if (opens === "block" && !this.#starts.has(xid)) this.#starts.set(xid, size);
    if (ends && this.#starts.size > 0) this.#starts.delete(xid);
  }

  /** Records a line of FILE at offset `place` or later. */
  line(line: StreamedLine, place: number): void {
    if (line.kind === "boundary") this.boundary(line.boundary, place);
  }

  /** The lowest offset that an open block can have in a file of `size` bytes. */
  lowest(size: number): number {
    return Math.min(size, ...this.#starts.values());
  }
}
