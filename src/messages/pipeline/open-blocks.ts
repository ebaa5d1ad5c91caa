import type { Boundary } from "../../postgres/messages/boundary.ts";

/** Where in FILE open transactions begin that were streamed or are prepared: the next process reads FILE from there. */
export class OpenBlocks {
  /** xid → an offset in FILE at or before the transaction's first block, or its prepare. */
  readonly #starts = new Map<number, number>();

  /** Records what is in FILE, or is appended to it, at that offset or later. */
  boundary({ opens, ends, fate, xid }: Boundary, offset: number): void {
    if (opens === "block" || (ends && fate === "prepare")) {
      if (!this.#starts.has(xid)) this.#starts.set(xid, offset);
    } else if (ends && this.#starts.size > 0) this.#starts.delete(xid);
  }

  get isEmpty(): boolean {
    return this.#starts.size === 0;
  }

  /** What follows is in another file. */
  inNewFile(): void {
    for (const xid of this.#starts.keys()) this.#starts.set(xid, 0);
  }

  /** The lowest offset that an open block can have in a file of `size` bytes. */
  lowest(size: number): number {
    return Math.min(size, ...this.#starts.values());
  }
}
