import { HeapPage, ItemState } from "../../postgres/tuples/heap-page.ts";
import { TUPLE_HEADER_BYTES } from "../../postgres/tuples/tuple.ts";
import type { BlockReference } from "../../postgres/records/block-reference.ts";
import {
  HEAP_HEADER_BYTES,
  Heap2Operation,
  HeapOperation,
  MultiInsert,
  UpdateFlag,
  heapOperation,
  readInsert,
  readNewTuple,
  readOffset,
  readUpdate,
} from "../../postgres/records/heap.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { isPrune, readPrune } from "../../postgres/records/prune.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { HeapPageWriter } from "./heap-page-writer.ts";

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
export function pageChange(record: WalRecord): PageChange {
  const operation = heapOperation(record);
  if (record.rmgr === Rmgr.heap2) {
    if (operation === Heap2Operation.multiInsert) return PageChange.add;
    return isPrune(record) ? PageChange.change : PageChange.none;
  }
  switch (operation) {
    case HeapOperation.insert:
    case HeapOperation.update:
    case HeapOperation.hotUpdate:
      return PageChange.add;
    case HeapOperation.inplace:
      return PageChange.change;
    default:
      return PageChange.none;
  }
}

/** Replays heap records on pages. */
export class PageReplay {
  readonly #writer = new HeapPageWriter();
  readonly #page = new HeapPage();
  readonly #multi = new MultiInsert();
  readonly #joined = new Uint8Array(PAGE_BYTES);
  #bytes: Uint8Array = this.#joined;

  /** Applies the record's change to block 0. Returns false if it cannot be applied: the page is then unknown. */
  apply(record: WalRecord, block: BlockReference, version: WalVersion, bytes: Uint8Array): boolean {
    this.#bytes = bytes;
    this.#writer.attach(bytes);
    return unlessShort(() => this.#apply(record, block, version)) ?? false;
  }

  #apply(record: WalRecord, block: BlockReference, version: WalVersion): boolean {
    if (record.rmgr === Rmgr.heap2) {
      if (heapOperation(record) === Heap2Operation.multiInsert) return this.#multiInsert(record);
      const writer = this.#writer;
      readPrune(record, version, (item, state, to) => writer.set(item, state, to));
      return true;
    }
    switch (heapOperation(record)) {
      case HeapOperation.insert: {
        const { offset } = readInsert(record);
        const { dataStart, dataBytes } = block;
        return this.#put(offset, record.xid, record.bytes, dataStart, dataStart + dataBytes);
      }
      case HeapOperation.update:
      case HeapOperation.hotUpdate:
        return this.#update(record, block);
      default:
        return this.#overwrite(readOffset(record), record, block);
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

  /** A part that the old tuple has, too, is left out: both are on one page then. */
  #update(record: WalRecord, block: BlockReference): boolean {
    const { flags, newOffset: item, oldOffset } = readUpdate(record);
    const { bytes } = record;
    const { dataStart, dataBytes } = block;
    if ((flags & (UpdateFlag.PREFIX_FROM_OLD | UpdateFlag.SUFFIX_FROM_OLD)) === 0) {
      return this.#put(item, record.xid, bytes, dataStart, dataStart + dataBytes);
    }
    const { columns: middle, end, prefix, start, suffix } = readNewTuple(record, block, flags);
    const old = this.#page.attach(this.#bytes) ? this.#page.tuple(oldOffset) : undefined;
    const head = middle - start;
    const length = end - start + prefix + suffix;
    if (length > PAGE_BYTES) return false;
    const columns = old === undefined ? 0 : old.start + old.hoff - TUPLE_HEADER_BYTES;
    // The server's page has both tuples; ours may lack the old one.
    if (old === undefined || old.hoff < TUPLE_HEADER_BYTES || columns + prefix + suffix > old.end) {
      this.#writer.set(item, ItemState.unused);
      return old === undefined;
    }
    const joined = this.#joined;
    joined.set(bytes.subarray(start, middle));
    joined.set(old.bytes.subarray(columns, columns + prefix), head);
    joined.set(bytes.subarray(middle, end), head + prefix);
    joined.set(old.bytes.subarray(old.end - suffix, old.end), length - suffix);
    return this.#put(item, record.xid, joined, 0, length);
  }

  #multiInsert(record: WalRecord): boolean {
    const rows = this.#multi.read(record);
    while (rows.next()) {
      const { end, item, start } = rows;
      if (end === 0 || !this.#put(item, record.xid, record.bytes, start, end)) return false;
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
