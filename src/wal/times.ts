/**
 * Finds the time in records that have one: commits, aborts, prepares, checkpoints, restore points, ends of recovery.
 */
import type { PgTime } from "../pg-time.ts";
import { TRANSACTION_OPERATION_MASK, TransactionOperation } from "./detail/transaction.ts";
import { CHECKPOINT_TIME_OFFSET, XlogOperation, pgTimeOfSeconds } from "./detail/xlog.ts";
import type { WalRecord } from "./record.ts";
import { Rmgr } from "./rmgrs.ts";

const PREPARE_TIME_OFFSET = 16;

/** Undefined if the record has no time. */
export function recordTime(record: WalRecord): PgTime | undefined {
  if (record.rmgr === Rmgr.transaction) return transactionTime(record);
  if (record.rmgr !== Rmgr.xlog) return undefined;
  switch (record.opcode) {
    case XlogOperation.checkpointShutdown:
    case XlogOperation.checkpointOnline: {
      const seconds = int64(record, CHECKPOINT_TIME_OFFSET);
      return seconds === undefined ? undefined : pgTimeOfSeconds(seconds);
    }
    case XlogOperation.restorePoint:
    case XlogOperation.endOfRecovery:
      return int64(record, 0) as PgTime | undefined;
    default:
      return undefined;
  }
}

function transactionTime(record: WalRecord): PgTime | undefined {
  switch (record.info & TRANSACTION_OPERATION_MASK) {
    case TransactionOperation.commit:
    case TransactionOperation.commitPrepared:
    case TransactionOperation.abort:
    case TransactionOperation.abortPrepared:
      return int64(record, 0) as PgTime | undefined;
    case TransactionOperation.prepare:
      return int64(record, PREPARE_TIME_OFFSET) as PgTime | undefined;
    default:
      return undefined;
  }
}

function int64(record: WalRecord, offset: number): bigint | undefined {
  if (record.mainBytes < offset + 8) return undefined;
  return record.view.getBigInt64(record.mainStart + offset, true);
}
