/**
 * Records of Heap and Heap2 (access/heapam_xlog.h). A reader fills one object, which counts until its next call. Each
 * throws ShortPayload if the data has no room for what it reads.
 */
import { type StoredTuple, TUPLE_HEADER_BYTES } from "../tuples/tuple.ts";
import type { BlockReference } from "./block-reference.ts";
import { readLocator } from "./locator.ts";
import { Payload, ShortPayload } from "./payload.ts";
import type { WalRecord } from "./record.ts";
import { Rmgr } from "./rmgrs.ts";

const OPERATION_MASK = 0x70;
const INIT_PAGE = 0x80;

export const HeapOperation = {
  insert: 0x00,
  delete: 0x10,
  update: 0x20,
  truncate: 0x30,
  hotUpdate: 0x40,
  confirm: 0x50,
  lock: 0x60,
  inplace: 0x70,
} as const;

export const Heap2Operation = {
  rewrite: 0x00,
  /** Up to 16 PRUNE, VACUUM and FREEZE_PAGE; from 17 on one record under three names. */
  prune: 0x10,
  vacuum: 0x20,
  freeze: 0x30,
  visible: 0x40,
  multiInsert: 0x50,
  lockUpdated: 0x60,
  newCid: 0x70,
} as const;

/** XLH_INSERT_, of INSERT and MULTI_INSERT. */
export const InsertFlag = {
  ALL_VISIBLE_CLEARED: 0x01,
  LAST_IN_MULTI: 0x02,
  IS_SPECULATIVE: 0x04,
  CONTAINS_NEW_TUPLE: 0x08,
  ON_TOAST_RELATION: 0x10,
  ALL_FROZEN_SET: 0x20,
} as const;

/** XLH_UPDATE_ */
export const UpdateFlag = {
  OLD_ALL_VISIBLE_CLEARED: 0x01,
  NEW_ALL_VISIBLE_CLEARED: 0x02,
  CONTAINS_OLD_TUPLE: 0x04,
  CONTAINS_OLD_KEY: 0x08,
  CONTAINS_NEW_TUPLE: 0x10,
  PREFIX_FROM_OLD: 0x20,
  SUFFIX_FROM_OLD: 0x40,
} as const;

/** XLH_DELETE_ */
export const DeleteFlag = {
  ALL_VISIBLE_CLEARED: 0x01,
  CONTAINS_OLD_TUPLE: 0x02,
  CONTAINS_OLD_KEY: 0x04,
  IS_SUPER: 0x08,
  IS_PARTITION_MOVE: 0x10,
  /** From 19 on: REPACK deletes it from its copy. */
  NO_LOGICAL: 0x20,
} as const;

/** XLH_LOCK_ */
export const LockFlag = { ALL_FROZEN_CLEARED: 0x01 } as const;

/** XLHL_ */
export const InfoBit = {
  XMAX_IS_MULTI: 0x01,
  XMAX_LOCK_ONLY: 0x02,
  XMAX_EXCL_LOCK: 0x04,
  XMAX_KEYSHR_LOCK: 0x08,
  KEYS_UPDATED: 0x10,
} as const;

/** VISIBILITYMAP_ (access/visibilitymapdefs.h) */
export const VisibleFlag = {
  ALL_VISIBLE: 0x01,
  ALL_FROZEN: 0x02,
  XLOG_CATALOG_REL: 0x04,
} as const;

/** xl_heap_header: the last bytes of a tuple's header. */
export const HEAP_HEADER_BYTES = 5;

/** One of HeapOperation, or of Heap2Operation. */
export function heapOperation({ info }: WalRecord): number {
  return info & OPERATION_MASK;
}

/** Throws if the main data is shorter; otherwise returns where it starts. */
function mainOf({ mainBytes, mainStart }: WalRecord, bytes: number): number {
  if (mainBytes < bytes) throw new ShortPayload();
  return mainStart;
}

const insert = { offset: 0, flags: 0 };

/** INSERT: uint16 offset, uint8 flags */
export function readInsert(record: WalRecord): Readonly<typeof insert> {
  const at = mainOf(record, 3);
  insert.offset = record.view.getUint16(at, true);
  insert.flags = record.view.getUint8(at + 2);
  return insert;
}

/** HEAP_CONFIRM, INPLACE: uint16 offset */
export function readOffset(record: WalRecord): number {
  return record.view.getUint16(mainOf(record, 2), true);
}

const DELETE_BYTES = 8;
const deleted = { xmax: 0, offset: 0, infobits: 0, flags: 0 };

/** DELETE, LOCK, LOCK_UPDATED: uint32 xmax, uint16 offset, uint8 infobits, uint8 flags */
export function readDelete(record: WalRecord): Readonly<typeof deleted> {
  const at = mainOf(record, DELETE_BYTES);
  const { view } = record;
  deleted.xmax = view.getUint32(at, true);
  deleted.offset = view.getUint16(at + 4, true);
  deleted.infobits = view.getUint8(at + 6);
  deleted.flags = view.getUint8(at + 7);
  return deleted;
}

const UPDATE_BYTES = 14;
const update = { oldXmax: 0, oldOffset: 0, infobits: 0, flags: 0, newXmax: 0, newOffset: 0 };

/**
 * UPDATE, HOT_UPDATE: uint32 old xmax, uint16 old offset, uint8 old infobits, uint8 flags, uint32 new xmax, uint16 new
 * offset. Block 1 is the old row's page if that is another one.
 */
export function readUpdate(record: WalRecord): Readonly<typeof update> {
  const at = mainOf(record, UPDATE_BYTES);
  const { view } = record;
  update.oldXmax = view.getUint32(at, true);
  update.oldOffset = view.getUint16(at + 4, true);
  update.infobits = view.getUint8(at + 6);
  update.flags = view.getUint8(at + 7);
  update.newXmax = view.getUint32(at + 8, true);
  update.newOffset = view.getUint16(at + 12, true);
  return update;
}

/** The old row or key that a DELETE has after its fixed fields. */
export function deletedTuple(record: WalRecord): StoredTuple | undefined {
  return oldTuple(record, DELETE_BYTES);
}

/** The old row or key that an UPDATE has after its fixed fields. */
export function updatedTuple(record: WalRecord): StoredTuple | undefined {
  return oldTuple(record, UPDATE_BYTES);
}

function oldTuple(record: WalRecord, fixedBytes: number): StoredTuple | undefined {
  const { mainStart, mainBytes } = record;
  return storedTuple(record, mainStart + fixedBytes, mainStart + mainBytes);
}

/** A record's bytes[start, end): xl_heap_header (uint16 infomask2, uint16 infomask, uint8 hoff), then what follows a tuple's header. */
export function storedTuple(
  { bytes, view }: WalRecord,
  start: number,
  end: number,
): StoredTuple | undefined {
  if (end - start < HEAP_HEADER_BYTES) return undefined;
  return {
    infomask2: view.getUint16(start, true),
    infomask: view.getUint16(start + 2, true),
    hoff: view.getUint8(start + 4),
    bytes,
    start: start + HEAP_HEADER_BYTES,
    end,
  };
}

const newTuple = { prefix: 0, suffix: 0, start: 0, columns: 0, end: 0 };

/**
 * An UPDATE's new tuple in block 0: [uint16 prefix], [uint16 suffix], from `start` on xl_heap_header, the null bitmap
 * and padding, and from `columns` on what is between the prefix and the suffix of the old tuple's columns.
 */
export function readNewTuple(
  { bytes, view }: WalRecord,
  { dataBytes, dataStart }: BlockReference,
  flags: number,
): Readonly<typeof newTuple> {
  const hasPrefix = (flags & UpdateFlag.PREFIX_FROM_OLD) !== 0;
  const hasSuffix = (flags & UpdateFlag.SUFFIX_FROM_OLD) !== 0;
  const start = dataStart + (hasPrefix ? 2 : 0) + (hasSuffix ? 2 : 0);
  const end = dataStart + dataBytes;
  if (start + HEAP_HEADER_BYTES > end) throw new ShortPayload();
  const hoff = bytes[start + HEAP_HEADER_BYTES - 1]!;
  const columns = start + HEAP_HEADER_BYTES + hoff - TUPLE_HEADER_BYTES;
  if (hoff < TUPLE_HEADER_BYTES || columns > end) throw new ShortPayload();
  newTuple.prefix = hasPrefix ? view.getUint16(dataStart, true) : 0;
  newTuple.suffix = hasSuffix ? view.getUint16(start - 2, true) : 0;
  newTuple.start = start;
  newTuple.columns = columns;
  newTuple.end = end;
  return newTuple;
}

/**
 * MULTI_INSERT: uint8 flags, 1 byte of padding, uint16 count, uint16 offsets[] unless the page is new. Block 0: tuples,
 * each at an even place: uint16 length, xl_heap_header, bytes.
 */
export class MultiInsert {
  flags = 0;
  count = 0;
  /** The row that next() found: its item; its xl_heap_header and the tuple are bytes[start, end), or not in the record if `end` is 0. */
  item = 0;
  start = 0;
  end = 0;
  #record!: WalRecord;
  #offsetsAt = 0;
  #index = 0;
  #dataAt = 0;
  #dataStart = 0;
  #dataEnd = 0;

  read(record: WalRecord): this {
    const at = mainOf(record, 4);
    const { info, mainBytes, view } = record;
    this.#record = record;
    this.flags = view.getUint8(at);
    this.count = view.getUint16(at + 2, true);
    const isNew = (info & INIT_PAGE) !== 0;
    if (!isNew && mainBytes < 4 + 2 * this.count) throw new ShortPayload();
    this.#offsetsAt = isNew ? 0 : at + 4;
    const { dataBytes = 0, dataStart = 0 } = record.blockById(0) ?? {};
    this.#dataStart = this.#dataAt = dataStart;
    this.#dataEnd = dataStart + dataBytes;
    this.#index = 0;
    return this;
  }

  /** Undefined where the page is new: its items are numbered from 1. */
  get offsets(): readonly number[] | undefined {
    if (this.#offsetsAt === 0) return undefined;
    return Array.from({ length: this.count }, (_, index) => this.#offset(index));
  }

  /** Whether `item` is the last one. */
  get isLast(): boolean {
    return this.#index === this.count;
  }

  next(): boolean {
    if (this.#index === this.count) return false;
    this.item = this.#offsetsAt === 0 ? this.#index + 1 : this.#offset(this.#index);
    this.#index++;
    this.start = this.end = 0;
    const at = this.#dataAt + ((this.#dataAt - this.#dataStart) & 1);
    const start = at + 2;
    if (start + HEAP_HEADER_BYTES > this.#dataEnd) return true;
    const end = start + HEAP_HEADER_BYTES + this.#record.view.getUint16(at, true);
    this.#dataAt = end;
    if (end > this.#dataEnd) return true;
    this.start = start;
    this.end = end;
    return true;
  }

  #offset(index: number): number {
    return this.#record.view.getUint16(this.#offsetsAt + 2 * index, true);
  }
}

/** Whether the record is flagged as logged for decoding. */
export function isLogged(record: WalRecord): boolean {
  const { mainBytes, mainStart, rmgr, view } = record;
  const has = (at: number, flags: number): boolean =>
    at < mainBytes && (view.getUint8(mainStart + at) & flags) !== 0;
  const operation = heapOperation(record);
  if (rmgr === Rmgr.heap2) {
    return operation === Heap2Operation.multiInsert && has(0, InsertFlag.CONTAINS_NEW_TUPLE);
  }
  switch (operation) {
    case HeapOperation.insert:
      return has(2, InsertFlag.CONTAINS_NEW_TUPLE);
    case HeapOperation.delete:
      return has(7, DeleteFlag.CONTAINS_OLD_TUPLE | DeleteFlag.CONTAINS_OLD_KEY);
    case HeapOperation.update:
    case HeapOperation.hotUpdate:
      return has(7, UpdateFlag.CONTAINS_NEW_TUPLE);
    default:
      return false;
  }
}

const payload = new Payload();

/** Main data of a TRUNCATE: uint32 database, uint32 count, uint8 flags, 3 bytes of padding, uint32 relations[] */
export function readTruncate(mainData: Uint8Array) {
  const data = payload.kept(mainData);
  const database = data.u32();
  const count = data.u32();
  const flags = data.u8();
  const relids = data.skip(3).u32s(count);
  return { database, relids, cascade: (flags & 1) !== 0, restart_identity: (flags & 2) !== 0 };
}

const VISIBLE_FLAGS_AT = 4;

/** Whether a VISIBLE marks its page as all frozen. */
export function marksAllFrozen({ bytes, mainBytes, mainStart }: WalRecord): boolean {
  if (mainBytes <= VISIBLE_FLAGS_AT) return false;
  return (bytes[mainStart + VISIBLE_FLAGS_AT]! & VisibleFlag.ALL_FROZEN) !== 0;
}

/** VISIBLE: uint32 horizon, uint8 flags */
export function readVisible(record: WalRecord) {
  const data = payload.main(record);
  return { horizon: data.u32(), flags: data.u8() };
}

/** NEW_CID: uint32 top xid, cmin, cmax, combo cid, locator, uint16 block high, uint16 block low, uint16 offset */
export function readNewCid(record: WalRecord) {
  const data = payload.main(record);
  const [top_xid, cmin, cmax, combo_cid] = data.u32s(4);
  const file = readLocator(data);
  const block = data.u16() * 0x10000 + data.u16();
  return { top_xid, cmin, cmax, combo_cid, ...file, tid: `(${block},${data.u16()})` };
}
