import { restoreImage } from "./images/images.ts";
import { PAGE_BYTES } from "./pages/page.ts";
import type { WalRecord } from "./record.ts";

/** xl_heap_header: uint16 infomask2, uint16 infomask, uint8 hoff. The tuple's bytes from offset 23 on follow. */
const HEAP_HEADER_BYTES = 5;
const TUPLE_HEADER_BYTES = 23;
const HOFF = 22;
const PAGE_HEADER_BYTES = 24;

/** The row that a record inserts into its first block, from the block's data or the page's image. */
export class FirstTuple {
  readonly #page = new Uint8Array(PAGE_BYTES);
  readonly #pageView = new DataView(this.#page.buffer);

  /** The first `bytes` of the columns of the page's row `item`; undefined if it is missing or unreadable. */
  of(record: WalRecord, item: number, bytes: number): DataView | undefined {
    const block = record.blocks[0]!;
    if (block.dataBytes > 0) return ofData(record, block.dataStart, block.dataBytes, bytes);
    if (!block.hasImage || !restoreImage(record, block, this.#page)) return undefined;
    return this.#ofPage(item, bytes);
  }

  /** Item pointers follow the page's header: offset in the low 15 bits, length in the high 15. */
  #ofPage(item: number, bytes: number): DataView | undefined {
    const view = this.#pageView;
    const at = PAGE_HEADER_BYTES + 4 * (item - 1);
    if (item < 1 || at + 4 > PAGE_BYTES) return undefined;
    const pointer = view.getUint32(at, true);
    const offset = pointer & 0x7fff;
    const length = pointer >>> 17;
    if (offset + length > PAGE_BYTES || length < TUPLE_HEADER_BYTES) return undefined;
    const columns = offset + view.getUint8(offset + HOFF);
    if (columns + bytes > offset + length) return undefined;
    return new DataView(this.#page.buffer, columns, bytes);
  }
}

function ofData(
  record: WalRecord,
  start: number,
  length: number,
  bytes: number,
): DataView | undefined {
  if (length < HEAP_HEADER_BYTES) return undefined;
  const hoff = record.bytes[start + HEAP_HEADER_BYTES - 1]!;
  const columns = start + HEAP_HEADER_BYTES + hoff - TUPLE_HEADER_BYTES;
  if (hoff < TUPLE_HEADER_BYTES || columns + bytes > start + length) return undefined;
  return new DataView(record.bytes.buffer, record.bytes.byteOffset + columns, bytes);
}
