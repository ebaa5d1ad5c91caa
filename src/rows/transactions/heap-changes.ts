import type { StoredTuple } from "../../postgres/tuples/tuple.ts";
import type { BlockReference } from "../../postgres/records/block-reference.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import {
  DeleteFlag,
  HEAP_HEADER_BYTES,
  Heap2Operation,
  HeapOperation,
  InsertFlag,
  MultiInsert,
  UpdateFlag,
  deletedTuple,
  heapOperation,
  readDelete,
  readInsert,
  readOffset,
  readTruncate,
  readUpdate,
  storedTuple,
  updatedTuple,
} from "../../postgres/records/heap.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { Change, ChangeBit, ChangeKind, OldRow } from "./change-log.ts";

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
  /** Whether every transaction is known to be logged for decoding: then a record that is not is no change. */
  readonly logical: () => boolean;
  /** Whether decoding is known to be on. */
  readonly decoded: () => boolean;
}

/** Turns Heap and Heap2 records into changes. The pages have to be those after the record. */
export class HeapChanges {
  readonly #options: HeapOptions;
  readonly #change = new Change();
  readonly #multi = new MultiInsert();

  constructor(options: HeapOptions) {
    this.#options = options;
  }

  /** @param take receives each change, always the same object; its tuples live as long as the record */
  read(record: WalRecord, take: (change: Change) => void): void {
    unlessShort(() => this.#read(record, take));
  }

  #read(record: WalRecord, take: (change: Change) => void): void {
    const operation = heapOperation(record);
    if (record.rmgr === Rmgr.heap2) {
      if (operation === Heap2Operation.multiInsert) this.#multiInsert(record, take);
      return;
    }
    switch (operation) {
      case HeapOperation.insert:
        return this.#insert(record, take);
      case HeapOperation.delete:
        return this.#delete(record, take);
      case HeapOperation.update:
      case HeapOperation.hotUpdate:
        return this.#update(record, take);
      case HeapOperation.truncate:
        return this.#truncate(record, take);
      case HeapOperation.confirm:
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

  #confirm(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.confirm);
    if (block === undefined) return;
    this.#change.place = placeOf(block.block, readOffset(record));
    take(this.#change);
  }

  #insert(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.insert);
    if (block === undefined) return;
    const { flags, offset } = readInsert(record);
    if (!this.#counts((flags & InsertFlag.CONTAINS_NEW_TUPLE) !== 0)) return;
    const change = this.#change;
    if ((flags & InsertFlag.IS_SPECULATIVE) !== 0) change.bits |= ChangeBit.speculative;
    change.place = placeOf(block.block, offset);
    this.#setNew(record, block, offset, block.dataBytes >= HEAP_HEADER_BYTES);
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
      ? storedTuple(record, dataStart, dataStart + dataBytes)
      : this.#options.pages.tupleAt(block, block.block, item);
    if (change.newRow === undefined) change.bits |= ChangeBit.newMissing;
  }

  #delete(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.delete);
    if (block === undefined) return;
    const { flags, offset } = readDelete(record);
    if ((flags & DeleteFlag.NO_LOGICAL) !== 0) return;
    if ((flags & DeleteFlag.IS_SUPER) !== 0) this.#change.bits |= ChangeBit.speculative;
    const isWhole = (flags & DeleteFlag.CONTAINS_OLD_TUPLE) !== 0;
    if (isWhole || (flags & DeleteFlag.CONTAINS_OLD_KEY) !== 0) {
      this.#change.bits |= ChangeBit.logical;
      this.#logOld(deletedTuple(record), isWhole);
    }
    if (this.#options.decoded()) this.#change.bits |= ChangeBit.whileDecoded;
    this.#findOld(block, block.block, offset);
    take(this.#change);
  }

  #update(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.update);
    if (block === undefined) return;
    const { flags, newOffset, oldOffset } = readUpdate(record);
    if (!this.#counts((flags & UpdateFlag.CONTAINS_NEW_TUPLE) !== 0)) return;
    const parts = flags & (UpdateFlag.PREFIX_FROM_OLD | UpdateFlag.SUFFIX_FROM_OLD);
    const inRecord = parts === 0 && block.dataBytes >= HEAP_HEADER_BYTES;
    this.#setNew(record, block, newOffset, inRecord);
    const isWhole = (flags & UpdateFlag.CONTAINS_OLD_TUPLE) !== 0;
    if (isWhole || (flags & UpdateFlag.CONTAINS_OLD_KEY) !== 0) {
      this.#logOld(updatedTuple(record), isWhole);
    }
    const oldBlock = record.blockById(1)?.block ?? block.block;
    this.#findOld(block, oldBlock, oldOffset);
    take(this.#change);
  }

  #logOld(tuple: StoredTuple | undefined, isWhole: boolean): void {
    this.#change.oldRow = tuple;
    this.#change.oldFrom = isWhole ? OldRow.whole : OldRow.key;
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

  #multiInsert(record: WalRecord, take: (change: Change) => void): void {
    const block = this.#begin(record, ChangeKind.insert);
    if (block === undefined) return;
    const rows = this.#multi.read(record);
    const { flags } = rows;
    if (!this.#counts((flags & InsertFlag.CONTAINS_NEW_TUPLE) !== 0)) return;
    const change = this.#change;
    const bits = change.bits & ~ChangeBit.clearsToast;
    const isWhole = (flags & InsertFlag.LAST_IN_MULTI) !== 0;
    while (rows.next()) {
      const { end, item, start } = rows;
      change.bits = isWhole && rows.isLast ? bits | ChangeBit.clearsToast : bits;
      if (block.dataBytes === 0)
        change.newRow = this.#options.pages.tupleAt(block, block.block, item);
      else change.newRow = end === 0 ? undefined : storedTuple(record, start, end);
      if (change.newRow === undefined) change.bits |= ChangeBit.newMissing;
      take(change);
    }
  }

  #truncate(record: WalRecord, take: (change: Change) => void): void {
    const mainData = record.mainData();
    if (readTruncate(mainData).database !== this.#options.database) return;
    const change = this.#change;
    change.position = record.lsn;
    change.end = record.endLsn;
    change.kind = ChangeKind.truncate;
    change.bits = ChangeBit.logical;
    change.oldFrom = OldRow.none;
    change.newRow = undefined;
    change.oldRow = undefined;
    change.payload = mainData;
    take(change);
  }
}

function placeOf(block: number, item: number): number {
  return ((block << 11) | item) >>> 0;
}
