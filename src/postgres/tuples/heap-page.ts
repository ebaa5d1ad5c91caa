import { PAGE_BYTES } from "../pages/page.ts";
import { type StoredTuple, TUPLE_HEADER_BYTES } from "./tuple.ts";

/** A tuple with the part of its header that WAL stores elsewhere. */
export interface PageTuple extends StoredTuple {
  readonly xmin: number;
  readonly xmax: number;
}

/** A page's item pointers start here; each has 4 bytes. */
const PAGE_HEADER_BYTES = 24;
const LOWER_AT = 12;
const UPPER_AT = 14;
const SPECIAL_AT = 16;
const SIZE_AND_VERSION_AT = 18;
/** 8,192 bytes, layout version 4: all of PostgreSQL 8.3 and later. */
const SIZE_AND_VERSION = PAGE_BYTES | 4;

/** State of an item pointer. */
export const ItemState = { unused: 0, normal: 1, redirect: 2, dead: 3 } as const;

/**
 * The items of one heap page after another (storage/bufpage.h, storage/itemid.h), numbered from 1. Nothing is copied: what it gives
 * lives as long as the page's bytes.
 *
 * uint64 lsn, uint16 checksum, uint16 flags, uint16 lower, uint16 upper, uint16 special, uint16 size and version, uint32 prune xid;
 * uint32 item pointers up to lower: offset in bits 0 to 14, state in 15 and 16, length in 17 to 31
 */
export class HeapPage {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #start = 0;
  itemCount = 0;

  /**
   * Sets the page at `start`. Returns false, with no items, if it is not a heap page; a page that was never initialised
   * has no items either.
   */
  attach(bytes: Uint8Array, start = 0): boolean {
    this.itemCount = 0;
    if (start + PAGE_BYTES > bytes.length) return false;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#start = start;
    const lower = this.#view.getUint16(start + LOWER_AT, true);
    const upper = this.#view.getUint16(start + UPPER_AT, true);
    const special = this.#view.getUint16(start + SPECIAL_AT, true);
    if (upper === 0) return lower === 0;
    const layout = this.#view.getUint16(start + SIZE_AND_VERSION_AT, true);
    if (layout !== SIZE_AND_VERSION || lower < PAGE_HEADER_BYTES) return false;
    if (lower > upper || upper > special || special > PAGE_BYTES) return false;
    this.itemCount = (lower - PAGE_HEADER_BYTES) >> 2;
    return true;
  }

  /** One of ItemState; unused for an item that does not exist. */
  state(item: number): number {
    return (this.#pointer(item) >>> 15) & 3;
  }

  /** The item that a redirect points to. */
  redirect(item: number): number | undefined {
    const pointer = this.#pointer(item);
    return ((pointer >>> 15) & 3) === ItemState.redirect ? pointer & 0x7fff : undefined;
  }

  /** Undefined if it is not a normal item, or its place is impossible. */
  tuple(item: number): PageTuple | undefined {
    const pointer = this.#pointer(item);
    if (((pointer >>> 15) & 3) !== ItemState.normal) return undefined;
    const offset = pointer & 0x7fff;
    const length = pointer >>> 17;
    if (offset < PAGE_HEADER_BYTES || length < TUPLE_HEADER_BYTES || offset + length > PAGE_BYTES) {
      return undefined;
    }
    const view = this.#view;
    const at = this.#start + offset;
    return {
      infomask2: view.getUint16(at + 18, true),
      infomask: view.getUint16(at + 20, true),
      hoff: view.getUint8(at + 22),
      bytes: this.#bytes,
      start: at + TUPLE_HEADER_BYTES,
      end: at + length,
      xmin: view.getUint32(at, true),
      xmax: view.getUint32(at + 4, true),
    };
  }

  #pointer(item: number): number {
    if (item < 1 || item > this.itemCount) return 0;
    return this.#view.getUint32(this.#start + PAGE_HEADER_BYTES + 4 * (item - 1), true);
  }
}
