import { INVALID_LSN } from "../../../lsn.ts";
import type { WalVersion } from "../../../postgres/pages/versions.ts";
import type { WalRecord } from "../../../postgres/records/record.ts";
import {
  TransactionOperation,
  TransactionRecord,
  transactionOperation,
} from "../../../postgres/records/transaction.ts";
import type { DetailSink } from "./sink.ts";

const transaction = new TransactionRecord();

export function describeTransaction(
  record: WalRecord,
  version: WalVersion,
  sink: DetailSink,
): void {
  const read = transaction.read(record, version);
  switch (transactionOperation(record)) {
    case TransactionOperation.assignment:
      sink.number("top_xid", read.topXid);
      return sink.numbers("subxids", read.subxids);
    case TransactionOperation.invalidation:
      return sink.number("invalidations", read.invalidations);
    case TransactionOperation.prepare:
      sink.time("time", read.time);
      sink.number("database", read.database);
      sink.number("xid", read.preparedXid);
      sink.text("gid", read.gid ?? "");
      describeParts(read, sink);
      break;
    default:
      sink.time("time", read.time);
      if (read.database !== 0) sink.number("database", read.database);
      describeParts(read, sink);
      if (read.preparedXid !== 0) sink.number("twophase_xid", read.preparedXid);
      if (read.gid !== undefined) sink.text("gid", read.gid);
  }
  if (read.invalidations > 0) sink.number("invalidations", read.invalidations);
  if (read.originTime === undefined || read.originLsn === INVALID_LSN) return;
  sink.lsn("origin_lsn", read.originLsn);
  sink.time("origin_time", read.originTime);
}

function describeParts({ dropped, subxids }: TransactionRecord, sink: DetailSink): void {
  if (subxids.length > 0) sink.numbers("subxids", subxids);
  const files = dropped.map(({ tablespace, database, relfilenode }) => {
    return { tablespace, database, relfilenode };
  });
  if (files.length > 0) sink.rows("dropped", files);
}
