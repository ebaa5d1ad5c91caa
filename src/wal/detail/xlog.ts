/** Records about the log itself (catalog/pg_control.h, access/xlog_internal.h). */
import type { PgTime } from "../../pg-time.ts";
import type { WalRecord } from "../record.ts";
import type { WalVersion } from "../pages/versions.ts";
import type { Payload } from "./payload.ts";
import type { DetailSink } from "./sink.ts";

export const XlogOperation = {
  checkpointShutdown: 0x00,
  checkpointOnline: 0x10,
  nextOid: 0x30,
  backupEnd: 0x50,
  parameterChange: 0x60,
  restorePoint: 0x70,
  fpwChange: 0x80,
  endOfRecovery: 0x90,
  overwriteContrecord: 0xd0,
  checkpointRedo: 0xe0,
} as const;

/** Seconds from 1970 to 2000. */
const EPOCH_SECONDS = 946_684_800n;
const WAL_LEVELS = ["minimal", "replica", "logical"];
const NAME_BYTES = 64;
/** The offset of the time in a checkpoint record. */
export const CHECKPOINT_TIME_OFFSET = 64;

export function describeXlog(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  sink: DetailSink,
): void {
  switch (record.opcode) {
    case XlogOperation.checkpointShutdown:
    case XlogOperation.checkpointOnline:
      return describeCheckpoint(data, version, sink);
    case XlogOperation.checkpointRedo:
      return sink.text("wal_level", walLevel(data.i32()));
    case XlogOperation.parameterChange:
      return describeParameters(data, sink);
    case XlogOperation.nextOid:
      return sink.number("oid", data.u32());
    case XlogOperation.restorePoint:
      sink.time("time", data.time());
      return sink.text("name", data.text(NAME_BYTES));
    case XlogOperation.fpwChange:
      return sink.bool("full_page_writes", data.bool());
    case XlogOperation.backupEnd:
      return sink.lsn("start_lsn", data.lsn());
    case XlogOperation.overwriteContrecord:
      sink.lsn("overwritten_lsn", data.lsn());
      return sink.time("time", data.time());
    case XlogOperation.endOfRecovery:
      sink.time("time", data.time());
      sink.number("timeline", data.u32());
      sink.number("previous_timeline", data.u32());
      if (version >= 17) sink.text("wal_level", walLevel(data.i32()));
      return;
    default:
  }
}

/**
 * uint64 redo, uint32 timeline, uint32 previous timeline, bool full_page_writes, from 17 on int32 wal_level at 20,
 * uint64 next xid at 24, uint32 next oid, next multixact, next offset, oldest xid, its database, oldest multixact, its
 * database, int64 time at 64, uint32 oldest and newest commit timestamp, oldest running xid
 */
function describeCheckpoint(data: Payload, version: WalVersion, sink: DetailSink): void {
  sink.lsn("redo", data.lsn());
  sink.number("timeline", data.u32());
  sink.number("previous_timeline", data.u32());
  sink.bool("full_page_writes", data.bool());
  const level = data.skip(3).i32();
  if (version >= 17) sink.text("wal_level", walLevel(level));
  const xid = data.u32();
  sink.text("next_xid", `${data.u32()}:${xid}`);
  sink.number("next_oid", data.u32());
  const seconds = data.skip(CHECKPOINT_TIME_OFFSET - 36).i64();
  sink.time("time", pgTimeOfSeconds(seconds));
  const oldestRunning = data.skip(8).u32();
  if (oldestRunning !== 0) sink.number("oldest_running_xid", oldestRunning);
}

/** Converts a pg_time_t, which counts seconds since 1970. */
export function pgTimeOfSeconds(seconds: bigint): PgTime {
  return ((seconds - EPOCH_SECONDS) * 1_000_000n) as PgTime;
}

function describeParameters(data: Payload, sink: DetailSink): void {
  for (const key of ["max_connections", "max_worker_processes", "max_wal_senders"]) {
    sink.number(key, data.i32());
  }
  sink.number("max_prepared_transactions", data.i32());
  sink.number("max_locks_per_transaction", data.i32());
  sink.text("wal_level", walLevel(data.i32()));
  sink.bool("wal_log_hints", data.bool());
  sink.bool("track_commit_timestamp", data.bool());
}

function walLevel(level: number): string {
  return WAL_LEVELS[level] ?? String(level);
}
