import type { WalVersion } from "../../../postgres/pages/versions.ts";
import {
  FORK_NAMES,
  StorageOperation,
  readDatabaseChange,
  readRelationMap,
  readSequence,
  readStorageCreate,
  readStorageTruncate,
  readTablespace,
} from "../../../postgres/records/files.ts";
import type { WalRecord } from "../../../postgres/records/record.ts";
import { Rmgr } from "../../../postgres/records/rmgrs.ts";
import {
  StandbyOperation,
  readInvalidations,
  readLocks,
  readRunningXacts,
} from "../../../postgres/records/standby.ts";
import {
  readMessage,
  readMultiXact,
  readOrigin,
  readStatusLog,
} from "../../../postgres/records/status.ts";
import {
  XlogOperation,
  readBackupEnd,
  readCheckpoint,
  readEndOfRecovery,
  readFullPageWrites,
  readNextOid,
  readOverwrite,
  readParameters,
  readChecksums,
  readDecodingChange,
  readRedo,
  readRestorePoint,
} from "../../../postgres/records/xlog.ts";
import { describeFields } from "./fields.ts";
import { describeHeap, describeHeap2 } from "./heap.ts";
import type { DetailSink } from "./sink.ts";
import { describeTransaction } from "./transaction.ts";

/**
 * Passes the payload to the sink. Those of index methods, Generic and custom resource managers are not decoded.
 * @throws ShortPayload
 */
export function describeRecord(record: WalRecord, version: WalVersion, sink: DetailSink): void {
  switch (record.rmgr) {
    case Rmgr.heap:
      return describeHeap(record, sink);
    case Rmgr.heap2:
      return describeHeap2(record, version, sink);
    case Rmgr.transaction:
      return describeTransaction(record, version, sink);
    case Rmgr.xlog:
      return describeXlog(record, version, sink);
    case Rmgr.xlog2:
      return describeFields(readChecksums(record), sink);
    case Rmgr.standby:
      return describeStandby(record, sink);
    case Rmgr.storage:
      return describeStorage(record, sink);
    case Rmgr.relMap:
      return describeFields(readRelationMap(record), sink);
    case Rmgr.database:
      return describeFields({ ...readDatabaseChange(record, version) }, sink);
    case Rmgr.tablespace:
      return describeFields(readTablespace(record), sink);
    case Rmgr.sequence:
      return describeFields({ ...readSequence(record) }, sink);
    case Rmgr.clog:
      return describeFields(readStatusLog(record, version, ["oldestXact", "oldestXactDb"]), sink);
    case Rmgr.commitTs:
      return describeFields(readStatusLog(record, version, ["oldestXid"]), sink);
    case Rmgr.multiXact:
      return describeFields({ ...readMultiXact(record, version) }, sink);
    case Rmgr.replicationOrigin: {
      const { remoteLsn, fields } = readOrigin(record);
      if (remoteLsn !== undefined) sink.lsn("remote_lsn", remoteLsn);
      return describeFields({ ...fields }, sink);
    }
    case Rmgr.logicalMessage:
      return describeFields(readMessage(record.mainData()), sink);
    default:
  }
}

function describeStandby(record: WalRecord, sink: DetailSink): void {
  switch (record.opcode) {
    case StandbyOperation.lock:
      return describeFields(readLocks(record), sink);
    case StandbyOperation.runningXacts:
      return describeFields(readRunningXacts(record), sink);
    default:
      return describeFields(readInvalidations(record), sink);
  }
}

function describeStorage(record: WalRecord, sink: DetailSink): void {
  if (record.opcode === StorageOperation.create) {
    const { file, fork } = readStorageCreate(record);
    return describeFields({ ...file, fork: FORK_NAMES[fork] ?? String(fork) }, sink);
  }
  const { blocks, file } = readStorageTruncate(record);
  return describeFields({ ...file, blocks }, sink);
}

function describeXlog(record: WalRecord, version: WalVersion, sink: DetailSink): void {
  switch (record.opcode) {
    case XlogOperation.checkpointShutdown:
    case XlogOperation.checkpointOnline: {
      const { redo, fields, time, oldest_running_xid } = readCheckpoint(record, version);
      sink.lsn("redo", redo);
      describeFields(fields, sink);
      sink.time("time", time);
      if (oldest_running_xid !== 0) sink.number("oldest_running_xid", oldest_running_xid);
      return;
    }
    case XlogOperation.checkpointRedo:
      return describeFields(readRedo(record, version), sink);
    case XlogOperation.decodingChange:
      return describeFields(readDecodingChange(record), sink);
    case XlogOperation.parameterChange:
      return describeFields(readParameters(record), sink);
    case XlogOperation.nextOid:
      return describeFields(readNextOid(record), sink);
    case XlogOperation.restorePoint: {
      const { time, name } = readRestorePoint(record);
      sink.time("time", time);
      return sink.text("name", name);
    }
    case XlogOperation.fpwChange:
      return describeFields(readFullPageWrites(record), sink);
    case XlogOperation.backupEnd:
      return sink.lsn("start_lsn", readBackupEnd(record));
    case XlogOperation.overwriteContrecord: {
      const { lsn, time } = readOverwrite(record);
      sink.lsn("overwritten_lsn", lsn);
      return sink.time("time", time);
    }
    case XlogOperation.endOfRecovery: {
      const { time, fields } = readEndOfRecovery(record, version);
      sink.time("time", time);
      return describeFields(fields, sink);
    }
    default:
  }
}
