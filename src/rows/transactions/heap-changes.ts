import type { StoredTuple } from "../../heap/tuple.ts";
import type { BlockReference } from "../../wal/block-reference.ts";
import type { WalRecord } from "../../wal/record.ts";
import { Rmgr } from "../../wal/rmgrs.ts";
import { Change, ChangeBit, ChangeKind, OldRow } from "./change-log.ts";

const OPERATION = 0x70;
const INIT_PAGE = 0x80;
const Heap = {
  insert: 0x00,
  delete: 0x10,
  update: 0x20,
  truncate: 0x30,
  hotUpdate: 0x40,
  confirm: 0x50,
} as const;
const MULTI_INSERT = 0x50;

const InsertFlag = { lastInMulti: 0x02, speculative: 0x04, containsNew: 0x08 } as const;
const DeleteFlag = { oldWhole: 0x02, oldKey: 0x04, super: 0x08 } as const;
const UpdateFlag = { oldWhole: 0x04, oldKey: 0x08, containsNew: 0x10, prefix: 0x20, suffix: 0x40 };

const TUPLE_HEADER_BYTES = 5;
const NOTHING = new Uint8Array(0);

export interface TupleSource {
  /** The tuple as of the record's end. Undefined if the page is unknown. */
  tupleAt(locator: BlockReference, block: number, item: number): StoredTuple | undefined;
}

interface HeapOptions {
  readonly database: number;
  readonly pages: TupleSource;
  /** Whether old rows are read from their pages if the record does not have all of them. */
  readonly oldFromPages: (logical: boolean) => boolean;
  /** Whether wal_level is known to be logical: then a record that is not logged for decoding is no change. */
  readonly logical: () => boolean;
}

/** Turns Heap and Heap2 records into changes. The pages have to be those after the record. */
export class HeapChanges {
  readonly #options: HeapOptions;
  readonly #change = new Change();

  constructor(options: HeapOptions) {
    this.#options = options;
  }

  /** @param take receives each change, always the same object; its tuples live as long as the record */
  read(record: WalRecord, take: (change: Change) => void): void {
    if (record.rmgr === Rmgr.heap2) {
      if ((record.info & OPERATION) === MULTI_INSERT) this.#multiInsert(record, take);
      return;
    }
    switch (record.info & OPERATION) {
      case Heap.insert:
        return this.#insert(record, take);
      case Heap.delete:
        return this.#delete(record, take);
      case Heap.update:
      case Heap.hotUpdate:
        return this.#update(record, take);
      case Heap.truncate:
        return this.#truncate(record, take);
      case Heap.confirm:
        return this.#confirm(record, take);
    }
  }

  /** Undefined if it does not belong to this database's tables. */
  #begin(record: WalRecord, kind: ChangeKind): BlockReference | undefined {
    const [block] = record.blocks;
    if (block?.database !== this.#options.database || record.blockCount === 0) return undefined;
    if (block.fork !== 0) return undefined;
    const change = this.#change;
    change.position = record.lsn;
    change.end = record.endLsn;
    change.kind = kind;
    change.bits = ChangeBit.clearsToast;
    change.oldFrom = OldRow.none;
    change.tablespace = block.tablespace;
    change.database = block.database;
    change.relfilenode = block.relfilenode;
    change.newRow = undefined;
    change.oldRow = undefined;
    change.payload = NOTHING;
    return block;
  }

  /** uint16 offset */
  #confirm(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.confirm);
    if (block === undefined || record.mainBytes < 2) return;
    this.#change.place = placeOf(block.block, record.view.getUint16(record.mainStart, true));
    take(this.#change);
  }

  /** uint16 offset, uint8 flags */
  #insert(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.insert);
    if (block === undefined || record.mainBytes < 3) return;
    const { view, mainStart } = record;
    const flags = view.getUint8(mainStart + 2);
    if (!this.#counts((flags & InsertFlag.containsNew) !== 0)) return;
    const change = this.#change;
    if ((flags & InsertFlag.speculative) !== 0) change.bits |= ChangeBit.speculative;
    const item = view.getUint16(mainStart, true);
    change.place = placeOf(block.block, item);
    this.#setNew(record, block, item, block.dataBytes >= TUPLE_HEADER_BYTES);
    take(change);
  }

  /** Whether it counts as a change: at wal_level=logical, only if it is logged for decoding. */
  #counts(logged: boolean): boolean {
    if (logged) this.#change.bits |= ChangeBit.logical;
    return logged || !this.#options.logical();
  }

  /** Sets the new row: from the record if that holds it whole, otherwise from its page. */
  #setNew(record: WalRecord, block: BlockReference, item: number, inRecord: boolean): void {
    const change = this.#change;
    const { dataStart, dataBytes } = block;
    change.newRow = inRecord
      ? tupleOf(record, dataStart, dataStart + dataBytes)
      : this.#options.pages.tupleAt(block, block.block, item);
    if (change.newRow === undefined) change.bits |= ChangeBit.newMissing;
  }

  /** uint32 xmax, uint16 offset, uint8 infobits, uint8 flags; the old row */
  #delete(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.delete);
    if (block === undefined || record.mainBytes < 8) return;
    const { view, mainStart } = record;
    const flags = view.getUint8(mainStart + 7);
    if ((flags & DeleteFlag.super) !== 0) this.#change.bits |= ChangeBit.speculative;
    const logged = flags & (DeleteFlag.oldWhole | DeleteFlag.oldKey);
    if (logged !== 0) {
      this.#change.bits |= ChangeBit.logical;
      this.#logOld(record, mainStart + 8, (flags & DeleteFlag.oldWhole) !== 0);
    }
    this.#findOld(block, block.block, view.getUint16(mainStart + 4, true));
    take(this.#change);
  }

  /**
   * uint32 old xmax, uint16 old offset, uint8 old infobits, uint8 flags, uint32 new xmax, uint16 new offset; the old row.
   * Block 1 is the old row's page, where that is another one.
   */
  #update(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.update);
    if (block === undefined || record.mainBytes < 14) return;
    const { view, mainStart } = record;
    const flags = view.getUint8(mainStart + 7);
    if (!this.#counts((flags & UpdateFlag.containsNew) !== 0)) return;
    const parts = flags & (UpdateFlag.prefix | UpdateFlag.suffix);
    const whole = parts === 0 && block.dataBytes >= TUPLE_HEADER_BYTES;
    this.#setNew(record, block, view.getUint16(mainStart + 12, true), whole);
    if ((flags & (UpdateFlag.oldWhole | UpdateFlag.oldKey)) !== 0) {
      this.#logOld(record, mainStart + 14, (flags & UpdateFlag.oldWhole) !== 0);
    }
    const oldBlock = record.blockById(1)?.block ?? block.block;
    this.#findOld(block, oldBlock, view.getUint16(mainStart + 4, true));
    take(this.#change);
  }

  #logOld(record: WalRecord, start: number, whole: boolean): void {
    const end = record.mainStart + record.mainBytes;
    this.#change.oldRow = tupleOf(record, start, end);
    this.#change.oldFrom = whole ? OldRow.whole : OldRow.key;
  }

  /** Reads the old row from its page unless the record has all of it. */
  #findOld(block: BlockReference, oldBlock: number, item: number): void {
    const change = this.#change;
    if (change.oldFrom === OldRow.whole) return;
    if (!this.#options.oldFromPages(change.has(ChangeBit.logical))) return;
    change.oldRow = this.#options.pages.tupleAt(block, oldBlock, item);
    change.oldFrom = change.oldRow === undefined ? OldRow.none : OldRow.page;
    if (change.oldRow === undefined) change.bits |= ChangeBit.oldMissing;
  }

  /** uint8 flags, 1 byte of padding, uint16 count, unless the page is new uint16 offsets[]; each row at an even offset of the block's data */
  #multiInsert(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.insert);
    if (block === undefined || record.mainBytes < 4) return;
    const { view, mainStart } = record;
    const flags = view.getUint8(mainStart);
    const count = view.getUint16(mainStart + 2, true);
    const init = (record.info & INIT_PAGE) !== 0;
    if (!this.#counts((flags & InsertFlag.containsNew) !== 0)) return;
    if (!init && record.mainBytes < 4 + 2 * count) return;
    const change = this.#change;
    const bits = change.bits & ~ChangeBit.clearsToast;
    const { dataStart, dataBytes } = block;
    let at = dataStart;
    for (let index = 0; index < count; index++) {
      const last = index === count - 1 && (flags & InsertFlag.lastInMulti) !== 0;
      change.bits = last ? bits | ChangeBit.clearsToast : bits;
      if (dataBytes === 0) {
        const item = init ? index + 1 : view.getUint16(mainStart + 4 + 2 * index, true);
        change.newRow = this.#options.pages.tupleAt(block, block.block, item);
      } else {
        at = dataStart + ((at - dataStart + 1) & ~1);
        const end = dataStart + dataBytes;
        change.newRow = undefined;
        if (at + 7 <= end) {
          const next = at + 7 + view.getUint16(at, true);
          change.newRow = next > end ? undefined : tupleOf(record, at + 2, next);
          at = next;
        }
      }
      if (change.newRow === undefined) change.bits |= ChangeBit.newMissing;
      take(change);
    }
  }

  /** uint32 database, uint32 count, uint8 flags, 3 bytes of padding, uint32 relations[] */
  #truncate(record: WalRecord, take: (change: Change) => void): void {
    if (record.mainBytes < 12) return;
    const { view, mainStart } = record;
    if (view.getUint32(mainStart, true) !== this.#options.database) return;
    const change = this.#change;
    change.position = record.lsn;
    change.end = record.endLsn;
    change.kind = ChangeKind.truncate;
    change.bits = ChangeBit.logical;
    change.oldFrom = OldRow.none;
    change.newRow = undefined;
    change.oldRow = undefined;
    change.payload = record.mainData();
    take(change);
  }
}

/** Whether the record is flagged as logged for decoding. */
export function isLogged({ rmgr, info, mainBytes, mainStart, view }: WalRecord): boolean {
  const has = (at: number, flags: number): boolean =>
    at < mainBytes && (view.getUint8(mainStart + at) & flags) !== 0;
  if (rmgr === Rmgr.heap2) {
    return (info & OPERATION) === MULTI_INSERT && has(0, InsertFlag.containsNew);
  }
  switch (info & OPERATION) {
    case Heap.insert:
      return has(2, InsertFlag.containsNew);
    case Heap.delete:
      return has(7, DeleteFlag.oldWhole | DeleteFlag.oldKey);
    case Heap.update:
    case Heap.hotUpdate:
      return has(7, UpdateFlag.containsNew);
    default:
      return false;
  }
}

function placeOf(block: number, item: number): number {
  return ((block << 11) | item) >>> 0;
}

/** uint16 infomask2, uint16 infomask, uint8 hoff, then what follows the first 23 bytes of a tuple */
function tupleOf(record: WalRecord, start: number, end: number): StoredTuple | undefined {
  if (end - start < TUPLE_HEADER_BYTES) return undefined;
  const { bytes, view } = record;
  return {
    infomask2: view.getUint16(start, true),
    infomask: view.getUint16(start + 2, true),
    hoff: view.getUint8(start + 4),
    bytes,
    start: start + TUPLE_HEADER_BYTES,
    end,
  };
}
