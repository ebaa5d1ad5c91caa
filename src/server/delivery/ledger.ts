import { INVALID_LSN, type Lsn, maxLsn, minLsn } from "../../lsn.ts";
import type { Boundary } from "../../postgres/messages/boundary.ts";

/**
 * Decides what may be confirmed to the server. It is called for messages, keepalives and deliveries in the order in
 * which they happen. It does no input or output.
 *
 * Only the end_lsn of a commit and the walEnd of a keepalive are positions: those in XLogData are neither unique nor
 * monotonic. It never adds 1 to an end_lsn: if the next commit record starts there, that transaction would be lost.
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

  /** The position behind the last end, where the next stream starts; 0/0: at the slot's position. */
  get next(): Lsn {
    return maxLsn(this.#end, this.#start);
  }

  /** Everything before it has been written, though it may not be durable yet. */
  get written(): Lsn {
    return this.#written;
  }

  /** Everything before it is delivered and may be confirmed: nothing that committed before it is still to come. */
  get delivered(): Lsn {
    return this.#delivered;
  }

  /** The number of transactions that ended and are not delivered. */
  get undelivered(): number {
    return this.#ends - this.#endsDelivered;
  }

  /** The number of transactions that ended. */
  get ends(): number {
    return this.#ends;
  }

  /** A transaction or a block of one is open: a keepalive's position may be inside it. */
  get transactionOpen(): boolean {
    return this.#open;
  }

  /**
   * Takes what a message begins or ends. If it ends a transaction, returns the position of that end. A late prepare (see
   * boundaryOf) ends at an old position and settles nothing.
   */
  boundary({ opens, closes, ends, fate, end }: Boundary): Lsn | undefined {
    if (opens !== undefined) this.#open = true;
    else if (closes) this.#open = false;
    if (!ends || end === INVALID_LSN) return undefined;
    // What was sent at PREPARE is not sent again at COMMIT PREPARED, so it counts as soon as it is delivered.
    if (fate !== "rollback") this.#ends++;
    this.#end = maxLsn(this.#end, end);
    return this.#settle(end);
  }

  keepalive(walEnd: Lsn): void {
    if (this.#open) this.#received = maxLsn(this.#received, walEnd);
    else this.#settle(walEnd);
  }

  /**
   * The stream does not request what ended before that. The server still reads its log from further back, and its
   * keepalives meanwhile carry those positions.
   */
  startAt(position: Lsn): void {
    this.#start = maxLsn(this.#start, position);
  }

  /**
   * Call it for a new connection, which starts at `next`. What keepalives said about the log beyond that is repeated,
   * or no longer true: a restored server or a promoted standby may have written something else there.
   */
  restart(): void {
    const { next } = this;
    this.#received = next;
    this.#settled = next;
    this.#written = minLsn(this.#written, next);
    this.#delivered = minLsn(this.#delivered, next);
  }

  /** The position that will be delivered once everything rendered so far is written. */
  mark(): Lsn {
    return this.#settled;
  }

  /** Call it when everything rendered up to `mark` has been written, after so many transactions had ended. */
  write(mark: Lsn, ends = this.#ends): void {
    this.#written = maxLsn(this.#written, mark);
    this.#endsWritten = ends;
  }

  /**
   * Call it when everything rendered up to `mark` is durable or confirmed by the consumer. A consumer may have it
   * before the write is done.
   */
  deliver(mark: Lsn): void {
    this.#delivered = maxLsn(this.#delivered, mark);
    this.#written = maxLsn(this.#written, mark);
    if (mark >= this.#written) this.#endsDelivered = this.#endsWritten;
  }

  /** The connection is lost: what was open will be sent again from its beginning. */
  disconnect(): void {
    this.#open = false;
  }

  #settle(position: Lsn): Lsn {
    this.#received = maxLsn(this.#received, position);
    this.#settled = maxLsn(this.#settled, position);
    return position;
  }
}
