import type { PgoutputMessage } from "../../pgoutput/messages.ts";

/** Where in FILE the blocks of streamed transactions are that are still open: the next process looks no further back. */
export class OpenBlocks {
  /** By xid: their first block begins there or later. */
  readonly #starts = new Map<number, number>();

  /** A message that goes into FILE, which has that size by now or is larger. */
  message(message: PgoutputMessage, size: number): void {
    switch (message.kind) {
      case "stream_start": {
        const { xid } = message.transaction;
        if (!this.#starts.has(xid)) this.#starts.set(xid, size);
        break;
      }
      case "stream_abort":
        if (message.subxid === message.transaction.xid) this.#starts.delete(message.subxid);
        break;
      case "commit":
      case "stream_commit":
      case "stream_prepare":
        if (this.#starts.size > 0) this.#starts.delete(message.transaction?.xid ?? 0);
        break;
      default:
        break;
    }
  }

  /** No open block is before that, in a file of that size. */
  lowest(size: number): number {
    return Math.min(size, ...this.#starts.values());
  }
}
