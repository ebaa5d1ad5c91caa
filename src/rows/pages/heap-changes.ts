import { HeapPage, ItemState } from "../../heap/page.ts";
import { TUPLE_HEADER_BYTES } from "../../heap/tuple.ts";
import type { BlockReference } from "../../wal/block-reference.ts";
import { HEAP_OPERATION } from "../../wal/detail/heap.ts";
import { Payload, ShortPayload } from "../../wal/detail/payload.ts";
import { PAGE_BYTES } from "../../wal/pages/page.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";
import { Rmgr } from "../../wal/rmgrs.ts";
import { HeapPageWriter } from "./heap-page-writer.ts";
import { forEachPrunedItem } from "./prune-items.ts";

const Heap = { insert: 0x00, update: 0x20, hotUpdate: 0x40, inplace: 0x70 } as const;
/** To 16 PRUNE, VACUUM, FREEZE_PAGE; from 17 on one record under three names. */
const Heap2 = { firstPrune: 0x10, lastPrune: 0x30, multiInsert: 0x50 } as const;
const INIT_PAGE = 0x80;
const PREFIX_FROM_OLD = 0x20;
const SUFFIX_FROM_OLD = 0x40;
const UPDATE_BYTES = 14;
/** xl_heap_header: uint16 infomask2, uint16 infomask, uint8 hoff. It is the end of a tuple's own header. */
const HEAP_HEADER_BYTES = 5;
const INFOMASK2_AT = TUPLE_HEADER_BYTES - HEAP_HEADER_BYTES;
const HOFF_AT = TUPLE_HEADER_BYTES - 1;

/** What a record does to block 0. */
export const PageChange = {
  none: 0,
  /** It changes existing items. */
  change: 1,
  add: 2,
} as const;
export type PageChange = (typeof PageChange)[keyof typeof PageChange];

/** Only for Heap and Heap2. DELETE and LOCK mark a tuple; freezing changes no values. */
export function pageChange({ rmgr, info }: WalRecord): PageChange {
  const operation = info & HEAP_OPERATION;
  if (rmgr === Rmgr.heap) {
    if (operation === Heap.inplace) return PageChange.change;
    const adds =
      operation === Heap.insert || operation === Heap.update || operation === Heap.hotUpdate;
    return adds ? PageChange.add : PageChange.none;
  }
  if (operation === Heap2.multiInsert) return PageChange.add;
  const prunes = operation >= Heap2.firstPrune && operation <= Heap2.lastPrune;
  return prunes ? PageChange.change : PageChange.none;
}

/** Replays heap records on pages. */
export class HeapChanges {
  readonly #writer = new HeapPageWriter();
  readonly #page = new HeapPage();
  readonly #main = new Payload();
  readonly #joined = new Uint8Array(PAGE_BYTES);
  #bytes: Uint8Array = this.#joined;

  /** Applies the record's change to block 0. Returns false if it cannot be applied: the page is then unknown. */
  apply(record: WalRecord, block: BlockReference, version: WalVersion, bytes: Uint8Array): boolean {
    this.#bytes = bytes;
    this.#writer.attach(bytes);
    try {
      return this.#apply(record, block, version);
    } catch (error) {
      if (error instanceof ShortPayload) return false;
      throw error;
    }
  }

  #apply(record: WalRecord, block: BlockReference, version: WalVersion): boolean {
    const operation = record.info & HEAP_OPERATION;
    if (record.rmgr === Rmgr.heap2) {
      if (operation === Heap2.multiInsert) return this.#multiInsert(record, block);
      const writer = this.#writer;
      forEachPrunedItem(record, block, version, (item, state, to) => writer.set(item, state, to));
      return true;
    }
    switch (operation) {
      case Heap.insert: {
        const item = this.#main.main(record).u16();
        const { dataStart, dataBytes } = block;
        return this.#put(item, record.xid, record.bytes, dataStart, dataStart + dataBytes);
      }
      case Heap.update:
      case Heap.hotUpdate:
        return this.#update(record, block);
      default:
        return this.#overwrite(this.#main.main(record).u16(), record, block);
    }
  }

  /** bytes[start, end): xl_heap_header, and the tuple from its null bitmap on. Without it the item is unknown. */
  #put(item: number, xid: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (start + HEAP_HEADER_BYTES > end) {
      this.#writer.set(item, ItemState.unused);
      return true;
    }
    const at = this.#writer.place(item, INFOMASK2_AT + end - start);
    if (at < 0) return false;
    const page = this.#bytes;
    page.fill(0, at, at + INFOMASK2_AT);
    for (let shift = 0; shift < 4; shift++) page[at + shift] = (xid >>> (8 * shift)) & 0xff;
    if (end - start > 64) page.set(bytes.subarray(start, end), at + INFOMASK2_AT);
    else
      for (let from = start; from < end; from++)
        page[at + INFOMASK2_AT + from - start] = bytes[from]!;
    return true;
  }

  /**
   * uint32 old xmax, uint16 old offset, uint8 infobits, uint8 flags, uint32 new xmax, uint16 new offset
   *
   * Block 0: [uint16 prefix], [uint16 suffix], xl_heap_header, null bitmap and padding, and what is between the prefix and the suffix of
   * the old tuple's columns. They are on one page then.
   */
  #update(record: WalRecord, block: BlockReference): boolean {
    const main = this.#main.main(record);
    if (main.left < UPDATE_BYTES) return false;
    const oldItem = main.skip(4).u16();
    const flags = main.skip(1).u8();
    const item = main.skip(4).u16();
    const { bytes, view } = record;
    const end = block.dataStart + block.dataBytes;
    if ((flags & (PREFIX_FROM_OLD | SUFFIX_FROM_OLD)) === 0) {
      return this.#put(item, record.xid, bytes, block.dataStart, end);
    }
    let at = block.dataStart;
    const hasPrefix = (flags & PREFIX_FROM_OLD) !== 0;
    const hasSuffix = (flags & SUFFIX_FROM_OLD) !== 0;
    if (at + (hasPrefix ? 2 : 0) + (hasSuffix ? 2 : 0) + HEAP_HEADER_BYTES > end) return false;
    const prefix = hasPrefix ? view.getUint16(at, true) : 0;
    if (hasPrefix) at += 2;
    const suffix = hasSuffix ? view.getUint16(at, true) : 0;
    if (hasSuffix) at += 2;
    const head = HEAP_HEADER_BYTES + bytes[at + HEAP_HEADER_BYTES - 1]! - TUPLE_HEADER_BYTES;
    const old = this.#page.attach(this.#bytes) ? this.#page.tuple(oldItem) : undefined;
    const length = end - at + prefix + suffix;
    if (head < HEAP_HEADER_BYTES || at + head > end || length > PAGE_BYTES) return false;
    const columns = old === undefined ? 0 : old.start + old.hoff - TUPLE_HEADER_BYTES;
    // The server's page has both tuples; ours may lack the old one.
    if (old === undefined || old.hoff < TUPLE_HEADER_BYTES || columns + prefix + suffix > old.end) {
      this.#writer.set(item, ItemState.unused);
      return old === undefined;
    }
    const joined = this.#joined;
    joined.set(bytes.subarray(at, at + head));
    joined.set(old.bytes.subarray(columns, columns + prefix), head);
    joined.set(bytes.subarray(at + head, end), head + prefix);
    joined.set(old.bytes.subarray(old.end - suffix, old.end), length - suffix);
    return this.#put(item, record.xid, joined, 0, length);
  }

  /** uint8 flags, 1 byte of padding, uint16 count, [uint16 offsets[]]; block 0: tuples, each at an even place: uint16 length, xl_heap_header, bytes */
  #multiInsert(record: WalRecord, block: BlockReference): boolean {
    const { bytes, view } = record;
    const main = this.#main.main(record);
    const count = main.skip(2).u16();
    const isNew = (record.info & INIT_PAGE) !== 0;
    const { dataStart } = block;
    const end = dataStart + block.dataBytes;
    let at = dataStart;
    for (let index = 1; index <= count; index++) {
      const item = isNew ? index : main.u16();
      at += (at - dataStart) & 1;
      if (at + 2 + HEAP_HEADER_BYTES > end) return false;
      const next = at + 2 + HEAP_HEADER_BYTES + view.getUint16(at, true);
      if (next > end || !this.#put(item, record.xid, bytes, at + 2, next)) return false;
      at = next;
    }
    return true;
  }

  /** Overwrites column data in place; the length stays. */
  #overwrite(item: number, record: WalRecord, block: BlockReference): boolean {
    const old = this.#page.attach(this.#bytes) ? this.#page.tuple(item) : undefined;
    if (old === undefined) return true;
    const columns =
      old.start - TUPLE_HEADER_BYTES + this.#bytes[old.start - TUPLE_HEADER_BYTES + HOFF_AT]!;
    if (columns + block.dataBytes !== old.end) return false;
    this.#bytes.set(record.blockData(block), columns);
    return true;
  }
}
