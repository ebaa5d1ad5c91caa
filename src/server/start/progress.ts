import type { Lsn } from "../../lsn.ts";
import type { WalPosition } from "../../pgoutput/messages.ts";

/**
 * How far the messages of a transaction have been passed on. Their positions never decrease within a transaction, but
 * they repeat (rows of one multi-insert record), so a place is a position and a count.
 */
export class Progress {
  #passedHigh = 0;
  #passedLow = 0;
  #passedCount = 0;
  #high = 0;
  #low = 0;
  #count = 0;

  /** The transaction will be sent again from its beginning. */
  rewind(): void {
    this.#high = 0;
    this.#low = 0;
    this.#count = 0;
  }

  /** The furthest position that was passed on. */
  get passed(): Lsn {
    return ((BigInt(this.#passedHigh) << 32n) | BigInt(this.#passedLow)) as Lsn;
  }

  /** Takes the next message. Returns whether it was passed on before. */
  repeats({ high, low }: WalPosition): boolean {
    if (high === this.#high && low === this.#low) this.#count++;
    else {
      this.#high = high;
      this.#low = low;
      this.#count = 1;
    }
    if (this.#isPassed()) return true;
    this.#passedHigh = this.#high;
    this.#passedLow = this.#low;
    this.#passedCount = this.#count;
    return false;
  }

  #isPassed(): boolean {
    if (this.#high !== this.#passedHigh) return this.#high < this.#passedHigh;
    if (this.#low !== this.#passedLow) return this.#low < this.#passedLow;
    return this.#count <= this.#passedCount;
  }
}
