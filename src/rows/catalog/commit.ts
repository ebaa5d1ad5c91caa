import { describeRecord } from "../../wal/detail/describe.ts";
import type { DetailSink } from "../../wal/detail/sink.ts";
import { TRANSACTION_OPERATION_MASK, TransactionOperation } from "../../wal/detail/transaction.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";

export interface Commit {
  /** The top-level one. */
  readonly xid: number;
  /** Those that survive. */
  readonly subxids: readonly number[];
}

class CommitSink implements DetailSink {
  xid = 0;
  subxids: readonly number[] = [];

  number(key: string, value: number): void {
    if (key === "twophase_xid") this.xid = value;
  }

  numbers(key: string, value: readonly number[]): void {
    if (key === "subxids") this.subxids = value;
  }

  rows(): void {}
  bool(): void {}
  text(): void {}
  position(): void {}
  time(): void {}
  names(): void {}
}

/** Of COMMIT and COMMIT_PREPARED, whose transaction is in its payload; undefined: another record. Throws ShortPayload. */
export function commitOf(record: WalRecord, version: WalVersion): Commit | undefined {
  const operation = record.info & TRANSACTION_OPERATION_MASK;
  const isPrepared = operation === TransactionOperation.commitPrepared;
  if (operation !== TransactionOperation.commit && !isPrepared) return undefined;
  const sink = new CommitSink();
  describeRecord(record, version, sink);
  return { xid: isPrepared ? sink.xid : record.xid, subxids: sink.subxids };
}
