import type { StreamedLine } from "../../output/file/streamed-lines.ts";
import type { PgoutputMessage } from "../../pgoutput/messages.ts";

/** Where in FILE the blocks of open streamed transactions begin: the next process reads FILE from there. */
export class OpenBlocks {
  /** xid → an offset in FILE at or before the transaction's first block. */
  readonly #starts = new Map<number, number>();

  /** Records a message that will be appended to FILE, at offset `size` or later. */
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

  /** Records a line of FILE at offset `place` or later. */
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

  /** The lowest offset that an open block can have in a file of `size` bytes. */
  lowest(size: number): number {
    return Math.min(size, ...this.#starts.values());
  }
}
