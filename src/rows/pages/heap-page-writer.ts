import { ItemState } from "../../postgres/tuples/heap-page.ts";
import { TUPLE_HEADER_BYTES } from "../../postgres/tuples/tuple.ts";
import { align8 } from "../../postgres/pages/position.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";

const PAGE_HEADER_BYTES = 24;
const LOWER_AT = 12;
const UPPER_AT = 14;
const SPECIAL_AT = 16;
const SIZE_AND_VERSION_AT = 18;
const POINTER_BYTES = 4;
const SIZE_AND_VERSION = PAGE_BYTES | 4;

/**
 * Changes items of heap pages as replay does (storage/page/bufpage.c), so that a page always holds what the server's
 * page holds. A partly known page has fewer items, so it never has less room than the server's.
 */
export class HeapPageWriter {
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #before = new Uint8Array(PAGE_BYTES);

  attach(bytes: Uint8Array): this {
    this.#bytes = bytes;
    return this;
  }

  /** Empties the page, as PageInit() does. */
  clear(): void {
    const bytes = this.#bytes;
    bytes.fill(0);
    this.#write16(LOWER_AT, PAGE_HEADER_BYTES);
    this.#write16(UPPER_AT, PAGE_BYTES);
    this.#write16(SPECIAL_AT, PAGE_BYTES);
    this.#write16(SIZE_AND_VERSION_AT, SIZE_AND_VERSION);
  }

  /** Whether its header is that of an initialised heap page. */
  isHeap(): boolean {
    const [lower, upper] = [this.#read16(LOWER_AT), this.#read16(UPPER_AT)];
    if (this.#read16(SPECIAL_AT) !== PAGE_BYTES) return false;
    if (this.#read16(SIZE_AND_VERSION_AT) !== SIZE_AND_VERSION) return false;
    return lower >= PAGE_HEADER_BYTES && lower <= upper && upper <= PAGE_BYTES;
  }

  /**
   * Makes room for a tuple of `length` bytes, including its whole header, as the page's `item`. Returns its start; -1
   * if there is no room, so that this is not the page that the record changed.
   */
  place(item: number, length: number): number {
    const pointersEnd = PAGE_HEADER_BYTES + POINTER_BYTES * item;
    if (item < 1 || pointersEnd > PAGE_BYTES || length < TUPLE_HEADER_BYTES) return -1;
    this.set(item, ItemState.unused);
    let lower = Math.max(this.#read16(LOWER_AT), pointersEnd);
    let start = this.#read16(UPPER_AT) - align8(length);
    if (start < lower) {
      this.#compact();
      lower = Math.max(this.#read16(LOWER_AT), pointersEnd);
      start = this.#read16(UPPER_AT) - align8(length);
      if (start < lower) return -1;
    }
    this.#bytes.fill(0, this.#read16(LOWER_AT), lower);
    this.#write16(LOWER_AT, lower);
    this.#write16(UPPER_AT, start);
    this.#writePointer(item, start, ItemState.normal, length);
    return start;
  }

  /** Sets an item's state; `to` is the target of a redirection. The content of an unused or dead item is lost. */
  set(item: number, state: number, to = 0): void {
    const end = PAGE_HEADER_BYTES + POINTER_BYTES * item;
    if (item >= 1 && end <= this.#read16(LOWER_AT)) this.#writePointer(item, to, state, 0);
  }

  /** Moves all tuples to the page's end and removes unused pointers there (PageRepairFragmentation). */
  #compact(): void {
    const bytes = this.#bytes;
    const before = this.#before;
    before.set(bytes);
    let count = (this.#read16(LOWER_AT) - PAGE_HEADER_BYTES) >> 2;
    while (count > 0 && this.#pointer(count) === 0) count--;
    let upper = PAGE_BYTES;
    for (let item = 1; item <= count; item++) {
      const pointer = this.#pointer(item);
      const [offset, length] = [pointer & 0x7fff, pointer >>> 17];
      if (((pointer >>> 15) & 3) !== ItemState.normal || offset + length > PAGE_BYTES) continue;
      upper -= align8(length);
      // Only where pointers overlap, on a damaged page.
      if (upper < PAGE_HEADER_BYTES + POINTER_BYTES * count) return;
      bytes.set(before.subarray(offset, offset + length), upper);
      this.#writePointer(item, upper, ItemState.normal, length);
    }
    this.#write16(LOWER_AT, PAGE_HEADER_BYTES + POINTER_BYTES * count);
    this.#write16(UPPER_AT, upper);
  }

  #pointer(item: number): number {
    const at = PAGE_HEADER_BYTES + POINTER_BYTES * (item - 1);
    return (this.#read16(at) | (this.#read16(at + 2) << 16)) >>> 0;
  }

  #writePointer(item: number, offset: number, state: number, length: number): void {
    const at = PAGE_HEADER_BYTES + POINTER_BYTES * (item - 1);
    const pointer = offset | (state << 15) | (length << 17);
    this.#write16(at, pointer & 0xffff);
    this.#write16(at + 2, pointer >>> 16);
  }

  #read16(at: number): number {
    return this.#bytes[at]! | (this.#bytes[at + 1]! << 8);
  }

  #write16(at: number, value: number): void {
    this.#bytes[at] = value & 0xff;
    this.#bytes[at + 1] = value >>> 8;
  }
}
