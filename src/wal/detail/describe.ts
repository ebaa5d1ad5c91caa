import type { WalRecord } from "../record.ts";
import { Rmgr } from "../rmgrs.ts";
import type { WalVersion } from "../pages/versions.ts";
import {
  HEAP_OPERATION,
  describeHeap,
  describeLock,
  describeMultiInsert,
  describeNewCid,
  describeVisible,
} from "./heap.ts";
import {
  describeMessage,
  describeMultiXact,
  describeOrigin,
  describeStatusLog,
} from "./numbers.ts";
import { Payload } from "./payload.ts";
import { describePrune } from "./prune.ts";
import type { DetailSink } from "./sink.ts";
import { describeStandby } from "./standby.ts";
import {
  describeDatabase,
  describeLocator,
  describeRelationMap,
  describeStorage,
  describeTablespace,
} from "./storage.ts";
import { describeTransaction } from "./transaction.ts";
import { describeXlog } from "./xlog.ts";

const payload = new Payload();

/** Passes the payload to the sink. Those of index methods, Generic and custom resource managers are not decoded. */
export function describeRecord(record: WalRecord, version: WalVersion, sink: DetailSink): void {
  const data = payload.main(record);
  switch (record.rmgr) {
    case Rmgr.heap:
      return describeHeap(record, data, sink);
    case Rmgr.heap2:
      return describeHeap2(record, data, version, sink);
    case Rmgr.transaction:
      describeTransaction(record, data, version, sink);
      return;
    case Rmgr.xlog:
      return describeXlog(record, data, version, sink);
    case Rmgr.standby:
      return describeStandby(record, data, sink);
    case Rmgr.storage:
      return describeStorage(record, data, sink);
    case Rmgr.relMap:
      return describeRelationMap(data, sink);
    case Rmgr.database:
      return describeDatabase(record, data, version, sink);
    case Rmgr.tablespace:
      return describeTablespace(record, data, sink);
    case Rmgr.sequence:
      return describeLocator(data, sink);
    case Rmgr.clog:
      return describeStatusLog(record, data, version, ["oldestXact", "oldestXactDb"], sink);
    case Rmgr.commitTs:
      return describeStatusLog(record, data, version, ["oldestXid"], sink);
    case Rmgr.multiXact:
      return describeMultiXact(record, data, version, sink);
    case Rmgr.replicationOrigin:
      return describeOrigin(record, data, sink);
    case Rmgr.logicalMessage:
      return describeMessage(data, sink);
    default:
  }
}

function describeHeap2(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  sink: DetailSink,
): void {
  switch (record.info & HEAP_OPERATION) {
    case 0x00:
      // REWRITE: a mapping of catalogue rows that only logical decoding uses.
      return;
    case 0x40:
      return describeVisible(data, sink);
    case 0x50:
      return describeMultiInsert(record, data, sink);
    case 0x60:
      return describeLock(data, sink);
    case 0x70:
      return describeNewCid(data, sink);
    default:
      return describePrune(record, data, version, sink);
  }
}
