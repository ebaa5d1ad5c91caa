/** Records about the log itself (catalog/pg_control.h, access/xlog_internal.h). Each reader returns the record's fields, and throws ShortPayload. */
import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { WalVersion } from "../pages/versions.ts";
import { Payload } from "./payload.ts";
import type { WalRecord } from "./record.ts";

export const XlogOperation = {
  checkpointShutdown: 0x00,
  checkpointOnline: 0x10,
  nextOid: 0x30,
  switch: 0x40,
  backupEnd: 0x50,
  parameterChange: 0x60,
  restorePoint: 0x70,
  fpwChange: 0x80,
  endOfRecovery: 0x90,
  fpiForHint: 0xa0,
  fpi: 0xb0,
  assignLsn: 0xc0,
  overwriteContrecord: 0xd0,
  checkpointRedo: 0xe0,
  decodingChange: 0xf0,
} as const;

/** Seconds from 1970 to 2000. */
const EPOCH_SECONDS = 946_684_800n;
const WAL_LEVELS = ["minimal", "replica", "logical"];
const NAME_BYTES = 64;
/** ChecksumStateType (storage/checksum.h). */
const CHECKSUM_STATES = ["off", "on", "inprogress-off", "inprogress-on"];

function checkpointTimeAt(version: WalVersion): number {
  return version >= 19 ? 72 : 64;
}

const payload = new Payload();

/**
 * CHECKPOINT_SHUTDOWN, CHECKPOINT_ONLINE: uint64 redo, uint32 timeline, uint32 previous timeline, bool full_page_writes,
 * from 17 on int32 wal_level at 20, uint64 next xid at 24, uint32 next oid, next multixact, next offset, oldest xid, its
 * database, oldest multixact, its database, int64 time at 64, uint32 oldest and newest commit timestamp, oldest running
 * xid. From 19 on bool logical decoding at 24, next xid at 32, uint64 next offset, time at 72, uint32 checksums at 92
 */
export function readCheckpoint(record: WalRecord, version: WalVersion) {
  const data = payload.main(record);
  const redo = data.lsn();
  const [timeline, previous_timeline] = [data.u32(), data.u32()];
  const full_page_writes = data.bool();
  const level = data.skip(3).i32();
  const logical_decoding = version >= 19 ? data.bool() : undefined;
  if (version >= 19) data.skip(7);
  const [xid, epoch] = [data.u32(), data.u32()];
  const next_oid = data.u32();
  // Behind next_oid: at 36, from 19 on at 44.
  const time = pgTimeOfSeconds(data.skip(28).i64());
  const oldest_running_xid = data.skip(8).u32();
  const checksums = version >= 19 ? checksumState(data.u32()) : undefined;
  return {
    redo,
    fields: {
      timeline,
      previous_timeline,
      full_page_writes,
      wal_level: version >= 17 ? walLevel(level) : undefined,
      logical_decoding,
      next_xid: `${epoch}:${xid}`,
      next_oid,
      checksums,
    },
    nextXid: xid,
    time,
    /** 0: it does not say. */
    oldest_running_xid,
  };
}

/** PARAMETER_CHANGE: five int32, int32 wal_level, bool, bool */
export function readParameters(record: WalRecord) {
  const data = payload.main(record);
  return {
    max_connections: data.i32(),
    max_worker_processes: data.i32(),
    max_wal_senders: data.i32(),
    max_prepared_transactions: data.i32(),
    max_locks_per_transaction: data.i32(),
    wal_level: walLevel(data.i32()),
    wal_log_hints: data.bool(),
    track_commit_timestamp: data.bool(),
  };
}

/** CHECKPOINT_REDO: int32 wal_level, from 19 on uint32 checksums */
export function readRedo(record: WalRecord, version: WalVersion) {
  const data = payload.main(record);
  const wal_level = walLevel(data.i32());
  return { wal_level, checksums: version >= 19 ? checksumState(data.u32()) : undefined };
}

/** LOGICAL_DECODING_STATUS_CHANGE: bool */
export function readDecodingChange(record: WalRecord) {
  return { logical_decoding: payload.main(record).bool() };
}

/** XLOG2 CHECKSUMS: uint32 state */
export function readChecksums(record: WalRecord) {
  return { checksums: checksumState(payload.main(record).u32()) };
}

/** NEXTOID: uint32 oid */
export function readNextOid(record: WalRecord) {
  return { oid: payload.main(record).u32() };
}

/** RESTORE_POINT: int64 time, char[64] name */
export function readRestorePoint(record: WalRecord) {
  const data = payload.main(record);
  return { time: data.time(), name: data.text(NAME_BYTES) };
}

/** FPW_CHANGE: bool */
export function readFullPageWrites(record: WalRecord) {
  return { full_page_writes: payload.main(record).bool() };
}

/** BACKUP_END: uint64 start LSN */
export function readBackupEnd(record: WalRecord): Lsn {
  return payload.main(record).lsn();
}

/** OVERWRITE_CONTRECORD: uint64 LSN, int64 time */
export function readOverwrite(record: WalRecord) {
  const data = payload.main(record);
  return { lsn: data.lsn(), time: data.time() };
}

/** END_OF_RECOVERY: int64 time, uint32 timeline, uint32 previous timeline, from 17 on int32 wal_level */
export function readEndOfRecovery(record: WalRecord, version: WalVersion) {
  const data = payload.main(record);
  const time = data.time();
  const [timeline, previous_timeline] = [data.u32(), data.u32()];
  const wal_level = version >= 17 ? walLevel(data.i32()) : undefined;
  return { time, fields: { timeline, previous_timeline, wal_level } };
}

/** Whether the record has nothing but images of pages. */
export function isPageImage({ opcode }: WalRecord): boolean {
  return opcode === XlogOperation.fpi || opcode === XlogOperation.fpiForHint;
}

/** The time of a checkpoint, a restore point or an end of recovery. Undefined if the record has none. */
export function xlogTime(
  { mainBytes, mainStart, opcode, view }: WalRecord,
  version: WalVersion,
): PgTime | undefined {
  const isCheckpoint =
    opcode === XlogOperation.checkpointShutdown || opcode === XlogOperation.checkpointOnline;
  const beginsWithTime =
    opcode === XlogOperation.restorePoint || opcode === XlogOperation.endOfRecovery;
  const at = isCheckpoint ? checkpointTimeAt(version) : 0;
  if ((!isCheckpoint && !beginsWithTime) || mainBytes < at + 8) return undefined;
  const time = view.getBigInt64(mainStart + at, true);
  return isCheckpoint ? pgTimeOfSeconds(time) : (time as PgTime);
}

/** Converts a pg_time_t, which counts seconds since 1970. */
function pgTimeOfSeconds(seconds: bigint): PgTime {
  return ((seconds - EPOCH_SECONDS) * 1_000_000n) as PgTime;
}

function checksumState(state: number): string {
  return CHECKSUM_STATES[state] ?? String(state);
}

function walLevel(level: number): string {
  return WAL_LEVELS[level] ?? String(level);
}
