import type { Relation, RowChange, Transaction, WalPosition } from "../../pgoutput/messages.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";

/**
 * What the line of a row begins with, up to the row itself. Of rows that follow one another in a transaction only the
 * last digits of the LSN differ: so it is copied whole from a line before, where that is still at hand, and the digits
 * are written over.
 */
export class RowHeads {
  #kind: RowChange["kind"] | undefined;
  #relation: Relation | undefined;
  #transaction: Transaction | null = null;
  #high = 0;
  #digits = 0;
  /** In what `out` holds. */
  #start = 0;
  #length = 0;
  /** From the start to behind the digits. */
  #digitsEnd = 0;

  /** Returns false, and has written nothing, when no line at hand begins like that. */
  repeat(out: ByteWriter, { kind, relation, transaction, position }: RowChange): boolean {
    if (
      relation !== this.#relation ||
      kind !== this.#kind ||
      transaction !== this.#transaction ||
      position.high !== this.#high ||
      lowDigits(position) !== this.#digits
    ) {
      return false;
    }
    const end = out.offset + this.#digitsEnd;
    out.repeat(this.#start, this.#length);
    out.rewriteHex(end, position.low, this.#digits);
    return true;
  }

  /**
   * What `out` holds from `start` on is the beginning of that row's line; its LSN ends, without the quote, at `digitsEnd`.
   * A key follows, whose bytes `repeat` of the writer may copy too.
   */
  remember(out: ByteWriter, change: RowChange, start: number, digitsEnd: number): void {
    this.#kind = change.kind;
    this.#relation = change.relation;
    this.#transaction = change.transaction;
    this.#high = change.position.high;
    this.#digits = lowDigits(change.position);
    this.#start = start;
    this.#length = out.offset - start;
    this.#digitsEnd = digitsEnd - start;
  }

  /** What `out` held has been taken. */
  forget(): void {
    this.#relation = undefined;
  }
}

/** How many digits the lower half of the LSN has; none where it is not known. */
function lowDigits({ high, low }: WalPosition): number {
  if (low === 0) return high === 0 ? 0 : 1;
  return 8 - (Math.clz32(low) >>> 2);
}
