import type { StreamedLine } from "../../output/file/streamed-lines.ts";
import type { PgoutputMessage } from "../../pgoutput/messages.ts";

/** Where in FILE the blocks of open streamed transactions begin: the next process reads FILE from there. */
export class OpenBlocks {
  /** xid → a place in FILE at or before the transaction's first block. */
  readonly #starts = new Map<number, number>();

  /** A message that will be appended to FILE, whose size is `size` or more. */
  message(message: PgoutputMessage, size: number): void {
    switch (message.kind) {
      case "stream_start":
        this.#start(message.transaction.xid, size);
        break;
      case "stream_abort":
        if (message.subxid === message.transaction.xid) this.#end(message.subxid);
        break;
      case "commit":
      case "stream_commit":
      case "stream_prepare":
        this.#end(message.transaction?.xid ?? 0);
        break;
      default:
        break;
    }
  }

  /** A line that FILE has, at that place or behind it. */
  line(line: StreamedLine, place: number): void {
    if (line.kind === "start") this.#start(line.xid, place);
    else if (line.kind === "end" || (line.kind === "abort" && line.subxid === line.xid))
      this.#end(line.xid);
  }

  #start(xid: number, place: number): void {
    if (!this.#starts.has(xid)) this.#starts.set(xid, place);
  }

  #end(xid: number): void {
    if (this.#starts.size > 0) this.#starts.delete(xid);
  }

  /** No open block is before that, in a file of that size. */
  lowest(size: number): number {
    return Math.min(size, ...this.#starts.values());
  }
}
