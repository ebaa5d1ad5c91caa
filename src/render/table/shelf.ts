import type { RowChange } from "../../postgres/messages/messages.ts";
import { type TupleData, tupleEnd } from "../../postgres/messages/tuple.ts";

const SHELF_BYTES = 1 << 17;

/** Keeps the rows of a batch: a received row is valid only until the next message. */
export class Shelf {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #used = 0;

  constructor(capacity = SHELF_BYTES) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Undefined if there is no room left. */
  keep<Change extends RowChange>(message: Change): Change | undefined {
    const key = this.tuple(message.key);
    const old = this.tuple(message.old);
    const row = this.tuple(message.new);
    if (key === undefined || old === undefined || row === undefined) return undefined;
    return { ...message, key, old, new: row };
  }

  tuple<Tuple extends TupleData | null>(tuple: Tuple): Tuple | TupleData | undefined {
    if (tuple === null) return tuple;
    const end = tupleEnd(tuple);
    const start = this.#used;
    if (start + end - tuple.start > this.#bytes.length) return undefined;
    this.#bytes.set(tuple.bytes.subarray(tuple.start, end), start);
    this.#used += end - tuple.start;
    return { bytes: this.#bytes, view: this.#view, start, columnCount: tuple.columnCount };
  }

  clear(): void {
    this.#used = 0;
  }
}

/** What a shelf needs for these. */
export function bytesOf(tuples: readonly (TupleData | null)[]): number {
  return tuples.reduce(
    (sum, tuple) => sum + (tuple === null ? 0 : tupleEnd(tuple) - tuple.start),
    0,
  );
}
