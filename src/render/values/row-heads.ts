import type {
  Relation,
  RowChange,
  Transaction,
  WalPosition,
} from "../../postgres/messages/messages.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";

/**
 * Writes the beginning of a row's line, up to the row itself. In consecutive rows of a transaction only the last digits
 * of the LSN differ, so the beginning is copied from an earlier line that is still in the buffer, and the digits are
 * overwritten.
 */
export class RowHeads {
  #kind: RowChange["kind"] | undefined;
  #relation: Relation | undefined;
  #transaction: Transaction | null = null;
  #high = 0;
  #digits = 0;
  /** The offset in the writer's buffer. */
  #start = 0;
  #length = 0;
  /** The distance from the start to the end of the digits. */
  #digitsEnd = 0;

  /** Returns false, and has written nothing, if no line in the buffer begins like this one. */
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
   * Records that the buffer contains the beginning of this row's line from `start` on; the digits of its LSN end at
   * `digitsEnd`, before the quote. A key follows, whose first bytes `repeat` of the writer may copy too.
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

  /** Call it when the buffer was taken. */
  forget(): void {
    this.#relation = undefined;
  }
}

/** The number of digits in the lower half of the LSN; 0 if the LSN is not known. */
function lowDigits({ high, low }: WalPosition): number {
  if (low === 0) return high === 0 ? 0 : 1;
  return 8 - (Math.clz32(low) >>> 2);
}
