import { PAGE_BYTES } from "../postgres/pages/page.ts";
import { storedTuple } from "../postgres/records/heap.ts";
import { restoreImage } from "../postgres/records/images.ts";
import type { WalRecord } from "../postgres/records/record.ts";
import { HeapPage } from "../postgres/tuples/heap-page.ts";
import { type StoredTuple, TUPLE_HEADER_BYTES } from "../postgres/tuples/tuple.ts";

/** The row that a record inserts into its first block, from the block's data or the page's image. */
export class FirstTuple {
  readonly #bytes = new Uint8Array(PAGE_BYTES);
  readonly #page = new HeapPage();

  /** The first `bytes` of the columns of the page's row `item`; undefined if it is missing or unreadable. */
  of(record: WalRecord, item: number, bytes: number): DataView | undefined {
    const tuple = this.#tupleOf(record, item);
    if (tuple === undefined || tuple.hoff < TUPLE_HEADER_BYTES) return undefined;
    const columns = tuple.start + tuple.hoff - TUPLE_HEADER_BYTES;
    if (columns + bytes > tuple.end) return undefined;
    return new DataView(tuple.bytes.buffer, tuple.bytes.byteOffset + columns, bytes);
  }

  #tupleOf(record: WalRecord, item: number): StoredTuple | undefined {
    const block = record.blocks[0]!;
    const { dataBytes, dataStart } = block;
    if (dataBytes > 0) return storedTuple(record, dataStart, dataStart + dataBytes);
    if (!block.hasImage || !restoreImage(record, block, this.#bytes)) return undefined;
    return this.#page.attach(this.#bytes) ? this.#page.tuple(item) : undefined;
  }
}
