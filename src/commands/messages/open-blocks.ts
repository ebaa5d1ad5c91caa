import type { Boundary } from "../../pgoutput/boundary.ts";

/**
 * Where in FILE the blocks of open streamed transactions begin, and the ends of prepared ones that have not ended: the
 * next process reads FILE from there.
 */
export class OpenBlocks {
  /** xid → an offset in FILE at or before the transaction's first block or prepare. */
  readonly #starts = new Map<number, number>();

  /** Records what is in FILE, or is appended to it, at that offset or later. */
  boundary({ opens, ends, fate, xid }: Boundary, offset: number): void {
    const stays = ends ? fate === "prepare" : opens === "block";
    if (stays && !this.#starts.has(xid)) this.#starts.set(xid, offset);
    if (ends && !stays && this.#starts.size > 0) this.#starts.delete(xid);
  }

  /** The lowest offset that an open block can have in a file of `size` bytes. */
  lowest(size: number): number {
    return Math.min(size, ...this.#starts.values());
  }
}
