/** Ends of transactions and what they carry (access/xact.h; rmgrdesc/xactdesc.c, ParseCommitRecord). */
import { INVALID_LSN, type Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { WalVersion } from "../pages/versions.ts";
import { type Locator, readLocator } from "./locator.ts";
import { Payload } from "./payload.ts";
import type { WalRecord } from "./record.ts";

export const TransactionOperation = {
  commit: 0x00,
  prepare: 0x10,
  abort: 0x20,
  commitPrepared: 0x30,
  abortPrepared: 0x40,
  assignment: 0x50,
  invalidation: 0x60,
} as const;
const OPERATION_MASK = 0x70;
const HAS_XINFO = 0x80;

/** Bits of xinfo. */
const HAS_DATABASE = 0x01;
const HAS_SUBTRANSACTIONS = 0x02;
const HAS_FILES = 0x04;
const HAS_INVALIDATIONS = 0x08;
const HAS_TWO_PHASE = 0x10;
const HAS_ORIGIN = 0x20;
const HAS_GID = 0x80;
const HAS_STATISTICS = 0x100;
const FORCES_SYNC = 0x8000_0000;

const LOCATOR_BYTES = 12;
const INVALIDATION_BYTES = 16;
/** Where a PREPARE has its time; commits and aborts begin with theirs. */
const PREPARE_TIME_AT = 16;
const XINFO_AT = 8;
const NO_XIDS: readonly number[] = [];
const NO_FILES: readonly Locator[] = [];

/** One of TransactionOperation. */
export function transactionOperation({ info }: WalRecord): number {
  return info & OPERATION_MASK;
}

/** Whether the record commits a transaction, or aborts it; undefined if it is not the end of one. */
export function endKind(record: WalRecord): "commit" | "abort" | undefined {
  switch (transactionOperation(record)) {
    case TransactionOperation.commit:
    case TransactionOperation.commitPrepared:
      return "commit";
    case TransactionOperation.abort:
    case TransactionOperation.abortPrepared:
      return "abort";
    default:
      return undefined;
  }
}

/** The time of an end or a PREPARE. Undefined if the record has none. */
export function transactionTime(record: WalRecord): PgTime | undefined {
  const isPrepare = transactionOperation(record) === TransactionOperation.prepare;
  if (!isPrepare && endKind(record) === undefined) return undefined;
  const at = isPrepare ? PREPARE_TIME_AT : 0;
  if (record.mainBytes < at + 8) return undefined;
  return record.view.getBigInt64(record.mainStart + at, true) as PgTime;
}

/**
 * Whether the commit's record says that it had to be on disk at once: files of a database or tablespace were made or
 * removed before it, which no rollback takes back (ForceSyncCommit() in commands/dbcommands.c and tablespace.c).
 */
export function isBehindFiles(record: WalRecord): boolean {
  return xinfoOf(record) >= FORCES_SYNC;
}

/** Whether the record ends a transaction and names files that this drops. PREPARE only announces them. */
export function dropsFiles(record: WalRecord): boolean {
  return endKind(record) !== undefined && (xinfoOf(record) & HAS_FILES) !== 0;
}

/** 0 if it has none. */
function xinfoOf({ info, mainBytes, mainStart, view }: WalRecord): number {
  if ((info & HAS_XINFO) === 0 || mainBytes < XINFO_AT + 4) return 0;
  return view.getUint32(mainStart + XINFO_AT, true);
}

/** The contents of a Transaction record; most have few. One object reads one record after another. */
export class TransactionRecord {
  time: PgTime = 0n as PgTime;
  /** 0: it does not say. */
  database = 0;
  /** Subtransactions that end with it, are prepared with it, or are assigned to `topXid`. */
  subxids: readonly number[] = NO_XIDS;
  dropped: readonly Locator[] = NO_FILES;
  /** The transaction that was prepared, and its name. 0 and undefined: there is none. */
  preparedXid = 0;
  gid: string | undefined;
  /** Of an ASSIGNMENT. */
  topXid = 0;
  /** The number of invalidation messages: a commit has them if it changed catalogues. */
  invalidations = 0;
  originLsn: Lsn = INVALID_LSN;
  originTime: PgTime | undefined;
  readonly #data = new Payload();
  /** Where a commit's invalidation messages begin in its main data. */
  #invalidationsAt = 0;

  /** @throws ShortPayload */
  read(record: WalRecord, version: WalVersion): this {
    this.database = 0;
    this.subxids = NO_XIDS;
    this.dropped = NO_FILES;
    this.preparedXid = 0;
    this.gid = undefined;
    this.topXid = 0;
    this.invalidations = 0;
    this.originLsn = INVALID_LSN;
    this.originTime = undefined;
    const data = this.#data.main(record);
    switch (transactionOperation(record)) {
      case TransactionOperation.prepare:
        this.#readPrepare(data, version);
        break;
      case TransactionOperation.assignment:
        // uint32 top xid, int32 n, uint32 subxids[n]
        this.topXid = data.u32();
        this.subxids = data.u32s(data.count(4));
        break;
      case TransactionOperation.invalidation:
        this.invalidations = data.i32();
        break;
      default:
        this.#readEnd(record, data, version);
    }
    return this;
  }

  /** The transaction whose end was read: its xid and those of its subtransactions, and its time at its origin. */
  end({ originId = 0, xid }: WalRecord): {
    readonly xids: readonly [number, ...number[]];
    readonly time: PgTime;
    readonly originId: number;
  } {
    const { originTime, preparedXid, subxids, time } = this;
    const top = preparedXid === 0 ? xid : preparedXid;
    return {
      xids: [top, ...subxids],
      time: originId !== 0 && originTime !== undefined ? originTime : time,
      originId,
    };
  }

  /** Passes on the invalidation messages of the commit that was read: int8 id, uint32 database at 4, uint32 hash or relation at 8. */
  forEachInvalidation(record: WalRecord, take: (id: number, hashOrRelation: number) => void): void {
    const data = this.#data.main(record).skip(this.#invalidationsAt);
    for (let left = this.invalidations; left > 0; left--) {
      const id = (data.u8() << 24) >> 24;
      take(id, data.skip(7).u32());
      data.skip(4);
    }
  }

  /**
   * int64 time, [uint32 xinfo]. Then each part only if its bit is set: uint32 database, uint32 tablespace; int32 n,
   * uint32 subxids[n]; int32 n, locators[n]; int32 n, statistics[n]; for commits int32 n, invalidations[n]; uint32 xid,
   * [gid NUL]; uint64 origin LSN, int64 origin time
   */
  #readEnd(record: WalRecord, data: Payload, version: WalVersion): void {
    this.time = data.time();
    const xinfo = (record.info & HAS_XINFO) === 0 ? 0 : data.u32();
    if ((xinfo & HAS_DATABASE) !== 0) {
      this.database = data.u32();
      data.skip(4);
    }
    if ((xinfo & HAS_SUBTRANSACTIONS) !== 0) this.subxids = data.u32s(data.count(4));
    if ((xinfo & HAS_FILES) !== 0) this.dropped = locators(data, data.count(LOCATOR_BYTES));
    if ((xinfo & HAS_STATISTICS) !== 0) {
      const bytes = version >= 18 ? 16 : 12;
      data.skip(data.count(bytes) * bytes);
    }
    if (endKind(record) === "commit" && (xinfo & HAS_INVALIDATIONS) !== 0) {
      this.invalidations = data.count(INVALIDATION_BYTES);
      this.#invalidationsAt = record.mainBytes - data.left;
      data.skip(this.invalidations * INVALIDATION_BYTES);
    }
    if ((xinfo & HAS_TWO_PHASE) !== 0) {
      this.preparedXid = data.u32();
      if ((xinfo & HAS_GID) !== 0) this.gid = data.cstring();
    }
    if ((xinfo & HAS_ORIGIN) !== 0) {
      this.originLsn = data.lsn();
      this.originTime = data.time();
    }
  }

  /**
   * uint32 magic, uint32 length, uint32 xid, uint32 database, int64 time, uint32 owner, int32 subxids, int32 files
   * dropped by a commit, int32 by an abort, from 15 on int32 statistics of each, int32 invalidations, bool, 1 byte of
   * padding, uint16 gid length, uint64 origin LSN, int64 origin time; then gid, subxids and files, each padded to 8
   */
  #readPrepare(data: Payload, version: WalVersion): void {
    const all = data.left;
    this.preparedXid = data.skip(8).u32();
    this.database = data.u32();
    this.time = data.time();
    const subxacts = data.skip(4).i32();
    const files = data.i32();
    data.skip(version === 14 ? 4 : 12);
    this.invalidations = data.i32();
    const gidBytes = data.skip(2).u16();
    this.originLsn = data.lsn();
    const originTime = data.time();
    if (this.originLsn !== INVALID_LSN) this.originTime = originTime;
    this.gid = data.text(gidBytes);
    data.align(8, all);
    if (subxacts > 0) this.subxids = data.u32s(subxacts);
    data.align(8, all);
    if (files > 0) this.dropped = locators(data, files);
  }
}

function locators(data: Payload, count: number): readonly Locator[] {
  const found: Locator[] = [];
  for (let index = 0; index < count; index++) found.push(readLocator(data));
  return found;
}
