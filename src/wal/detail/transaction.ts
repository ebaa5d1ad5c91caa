/** Ends of transactions and what they carry (access/xact.h; rmgrdesc/xactdesc.c, ParseCommitRecord). */
import { INVALID_LSN } from "../../lsn.ts";
import type { WalRecord } from "../record.ts";
import type { WalVersion } from "../pages/versions.ts";
import type { Payload } from "./payload.ts";
import type { DetailRow, DetailSink } from "./sink.ts";

export const TransactionOperation = {
  commit: 0x00,
  prepare: 0x10,
  abort: 0x20,
  commitPrepared: 0x30,
  abortPrepared: 0x40,
  assignment: 0x50,
  invalidation: 0x60,
} as const;
export const TRANSACTION_OPERATION_MASK = 0x70;
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

/**
 * Whether the commit's record says that it had to be on disk at once: files of a database or tablespace were made or
 * removed before it, which no rollback takes back (ForceSyncCommit() in commands/dbcommands.c and tablespace.c).
 */
export function isBehindFiles({ info, view, mainStart, mainBytes }: WalRecord): boolean {
  if ((info & HAS_XINFO) === 0 || mainBytes < 12) return false;
  return view.getUint32(mainStart + 8, true) >= FORCES_SYNC;
}

/** Returns how many bytes are left where a commit's invalidation messages begin; 0: it has none. */
export function describeTransaction(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  sink: DetailSink,
): number {
  switch (record.info & TRANSACTION_OPERATION_MASK) {
    case TransactionOperation.commit:
    case TransactionOperation.commitPrepared:
      return describeEnd(record, data, version, true, sink);
    case TransactionOperation.abort:
    case TransactionOperation.abortPrepared:
      return describeEnd(record, data, version, false, sink);
    case TransactionOperation.prepare:
      describePrepare(data, version, sink);
      return 0;
    case TransactionOperation.assignment:
      sink.number("top_xid", data.u32());
      sink.numbers("subxids", data.u32s(data.count(4)));
      return 0;
    default:
      sink.number("invalidations", data.i32());
      return 0;
  }
}

/**
 * int64 time, [uint32 xinfo]. Then each part only if its bit is set: uint32 database, uint32 tablespace; int32 n,
 * uint32 subxids[n]; int32 n, locators[n]; int32 n, statistics[n]; for commits int32 n, invalidations[n]; uint32 xid,
 * [gid NUL]; uint64 origin LSN, int64 origin time
 */
function describeEnd(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  commit: boolean,
  sink: DetailSink,
): number {
  sink.time("time", data.time());
  const xinfo = (record.info & HAS_XINFO) === 0 ? 0 : data.u32();
  if ((xinfo & HAS_DATABASE) !== 0) {
    sink.number("database", data.u32());
    data.skip(4);
  }
  if ((xinfo & HAS_SUBTRANSACTIONS) !== 0) sink.numbers("subxids", data.u32s(data.count(4)));
  if ((xinfo & HAS_FILES) !== 0) sink.rows("dropped", locators(data, data.count(LOCATOR_BYTES)));
  if ((xinfo & HAS_STATISTICS) !== 0) {
    const bytes = version >= 18 ? 16 : 12;
    data.skip(data.count(bytes) * bytes);
  }
  let invalidations = 0;
  let left = 0;
  if (commit && (xinfo & HAS_INVALIDATIONS) !== 0) {
    invalidations = data.count(INVALIDATION_BYTES);
    left = data.left;
    data.skip(invalidations * INVALIDATION_BYTES);
  }
  if ((xinfo & HAS_TWO_PHASE) !== 0) {
    sink.number("twophase_xid", data.u32());
    if ((xinfo & HAS_GID) !== 0) sink.text("gid", data.cstring());
  }
  if (invalidations > 0) sink.number("invalidations", invalidations);
  if ((xinfo & HAS_ORIGIN) !== 0) {
    sink.lsn("origin_lsn", data.lsn());
    sink.time("origin_time", data.time());
  }
  return left;
}

/**
 * uint32 magic, uint32 length, uint32 xid, uint32 database, int64 time, uint32 owner, int32 subxids, int32 files
 * dropped by a commit, int32 by an abort, from 15 on int32 statistics of each, int32 invalidations, bool, 1 byte of
 * padding, uint16 gid length, uint64 origin LSN, int64 origin time; then gid, subxids and files, each padded to 8
 */
function describePrepare(data: Payload, version: WalVersion, sink: DetailSink): void {
  const all = data.left;
  const xid = data.skip(8).u32();
  const database = data.u32();
  sink.time("time", data.time());
  sink.number("database", database);
  sink.number("xid", xid);
  const subxacts = data.skip(4).i32();
  const files = data.i32();
  data.skip(version === 14 ? 4 : 12);
  const invalidations = data.i32();
  const gidBytes = data.skip(2).u16();
  const originLsn = data.lsn();
  const originTime = data.time();
  sink.text("gid", data.text(gidBytes));
  data.align(8, all);
  if (subxacts > 0) sink.numbers("subxids", data.u32s(subxacts));
  data.align(8, all);
  if (files > 0) sink.rows("dropped", locators(data, files));
  if (invalidations > 0) sink.number("invalidations", invalidations);
  if (originLsn === INVALID_LSN) return;
  sink.lsn("origin_lsn", originLsn);
  sink.time("origin_time", originTime);
}

function locators(data: Payload, count: number): DetailRow[] {
  const rows: DetailRow[] = [];
  for (let index = 0; index < count; index++) {
    rows.push({ tablespace: data.u32(), database: data.u32(), relfilenode: data.u32() });
  }
  return rows;
}
