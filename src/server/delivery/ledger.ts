import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import type { PgoutputMessage } from "../../pgoutput/messages.ts";

/**
 * What may be confirmed to the server. It hears of messages, keepalives and deliveries in the order in which they
 * happen, and says what follows from them. It does no input or output.
 *
 * Only the end_lsn of a commit and the walEnd of a keepalive are positions: what XLogData says is neither
 * unique nor monotonic. Never end_lsn + 1: where the next commit record starts there, that transaction
 * would be lost.
 */
export class Ledger {
  #open = false;
  #received = INVALID_LSN;
  #settled = INVALID_LSN;
  #start = INVALID_LSN;
  #end = INVALID_LSN;
  #written = INVALID_LSN;
  #delivered = INVALID_LSN;
  #ends = 0;
  #endsWritten = 0;
  #endsDelivered = 0;

  /** The furthest position that the server has sent. */
  get received(): Lsn {
    return this.#received;
  }

  /** Behind the last end: where the next stream is to start; 0/0: where the slot stands. */
  get next(): Lsn {
    return maxLsn(this.#end, this.#start);
  }

  /** All before it has been written, though it may not be durable yet. */
  get written(): Lsn {
    return this.#written;
  }

  /** All before it has been delivered: it may be confirmed. No transaction that committed before it is still to come. */
  get delivered(): Lsn {
    return this.#delivered;
  }

  /** Transactions that ended and have not been delivered. */
  get undelivered(): number {
    return this.#ends - this.#endsDelivered;
  }

  /** A transaction or a block of one is under way: a keepalive's position may be within it. */
  get transactionOpen(): boolean {
    return this.#open;
  }

  /** Returns where the transaction ends that the message ends. */
  message(message: PgoutputMessage): Lsn | undefined {
    switch (message.kind) {
      case "begin":
      case "begin_prepare":
      case "stream_start":
        this.#open = true;
        return undefined;
      case "stream_stop":
        this.#open = false;
        return undefined;
      case "commit":
      case "stream_commit":
      case "commit_prepared":
      // What came at PREPARE does not come again at COMMIT PREPARED: it counts as soon as it is delivered.
      case "prepare":
      case "stream_prepare":
        this.#open = false;
        this.#ends++;
        return this.#settleEnd(message.endLsn);
      case "rollback_prepared":
        return this.#settleEnd(message.rollbackEndLsn);
      default:
        return undefined;
    }
  }

  keepalive(walEnd: Lsn): void {
    if (this.#open) this.#received = maxLsn(this.#received, walEnd);
    else this.#settle(walEnd);
  }

  /**
   * What ended before that is not asked for. The server reads its log from further back all the same, and
   * the keepalives that it sends meanwhile stand there.
   */
  startAt(position: Lsn): void {
    this.#start = maxLsn(this.#start, position);
  }

  /**
   * A new connection, which starts at `next`. What keepalives said of the log behind that is said again, or is not
   * so any more: a server that was restored, or a promoted standby, may have written something else there.
   */
  restart(): void {
    const { next } = this;
    this.#received = next;
    this.#settled = next;
    this.#written = minLsn(this.#written, next);
    this.#delivered = minLsn(this.#delivered, next);
  }

  /** What will be delivered once all that was rendered so far is written. */
  mark(): Lsn {
    return this.#settled;
  }

  /** What was rendered up to `mark` has been written. */
  write(mark: Lsn): void {
    this.#written = maxLsn(this.#written, mark);
    this.#endsWritten = this.#ends;
  }

  /** What was rendered up to `mark` is where it should be, to stay. A reader may have it before the write is done. */
  deliver(mark: Lsn): void {
    this.#delivered = maxLsn(this.#delivered, mark);
    this.#written = maxLsn(this.#written, mark);
    if (mark >= this.#written) this.#endsDelivered = this.#endsWritten;
  }

  /** The connection is gone: what was open will come again from its beginning. */
  disconnect(): void {
    this.#open = false;
  }

  #settleEnd(endLsn: Lsn): Lsn {
    this.#end = maxLsn(this.#end, endLsn);
    return this.#settle(endLsn);
  }

  #settle(position: Lsn): Lsn {
    this.#received = maxLsn(this.#received, position);
    this.#settled = maxLsn(this.#settled, position);
    return position;
  }
}

function minLsn(a: Lsn, b: Lsn): Lsn {
  return a < b ? a : b;
}
