/** Finds the time in records that have one: commits, aborts, prepares, checkpoints, restore points, ends of recovery. */
import type { PgTime } from "../pg-time.ts";
import type { WalVersion } from "../postgres/pages/versions.ts";
import type { WalRecord } from "../postgres/records/record.ts";
import { Rmgr } from "../postgres/records/rmgrs.ts";
import { transactionTime } from "../postgres/records/transaction.ts";
import { xlogTime } from "../postgres/records/xlog.ts";

/** Undefined if the record has no time. */
export function recordTime(record: WalRecord, version: WalVersion): PgTime | undefined {
  if (record.rmgr === Rmgr.transaction) return transactionTime(record);
  return record.rmgr === Rmgr.xlog ? xlogTime(record, version) : undefined;
}
