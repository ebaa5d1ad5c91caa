import { describeRecord } from "../../wal/detail/describe.ts";
import type { DetailSink } from "../../wal/detail/sink.ts";
import { TRANSACTION_OPERATION_MASK, TransactionOperation } from "../../wal/detail/transaction.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";

export interface TransactionEnd {
  readonly commits: boolean;
  /** For a prepared transaction, the xid in the payload. */
  readonly xid: number;
  /** Subtransactions that end with it. */
  readonly subxids: readonly number[];
}

class EndSink implements DetailSink {
  preparedXid = 0;
  subxids: readonly number[] = [];

  number(key: string, value: number): void {
    if (key === "twophase_xid") this.preparedXid = value;
  }

  numbers(key: string, value: readonly number[]): void {
    if (key === "subxids") this.subxids = value;
  }

  rows(): void {}
  bool(): void {}
  text(): void {}
  lsn(): void {}
  time(): void {}
  names(): void {}
}

/**
 * Undefined if the record ends no transaction.
 * @throws ShortPayload
 */
export function endOf(record: WalRecord, version: WalVersion): TransactionEnd | undefined {
  const operation = record.info & TRANSACTION_OPERATION_MASK;
  const isPrepared =
    operation === TransactionOperation.commitPrepared ||
    operation === TransactionOperation.abortPrepared;
  const commits =
    operation === TransactionOperation.commit || operation === TransactionOperation.commitPrepared;
  if (!commits && !isPrepared && operation !== TransactionOperation.abort) return undefined;
  const sink = new EndSink();
  describeRecord(record, version, sink);
  return { commits, xid: isPrepared ? sink.preparedXid : record.xid, subxids: sink.subxids };
}
