import type {
  BeginPrepare,
  CommitPrepared,
  Prepare,
  RollbackPrepared,
  StreamPrepare,
} from "./messages.ts";
import type { ByteReader } from "../bytes/reader.ts";
import type { Surroundings } from "./surroundings.ts";
import { readUnusedFlags } from "./transactions.ts";

/** Byte1('b')  Int64 prepare LSN  Int64 end LSN  Int64 prepare time  Int32 xid  String gid */
export function readBeginPrepare(reader: ByteReader, at: Surroundings): BeginPrepare {
  return {
    kind: "begin_prepare",
    position: at.position,
    prepareLsn: reader.lsn(),
    endLsn: reader.lsn(),
    prepareTime: reader.time(),
    transaction: { xid: reader.uint32(), commitTime: null },
    gid: reader.string(),
  };
}

/** Byte1('P' or 'p')  Int8 flags, 0  Int64 prepare LSN  Int64 end LSN  Int64 prepare time  Int32 xid  String gid */
export function readPrepare(
  reader: ByteReader,
  at: Surroundings,
  kind: "prepare" | "stream_prepare",
): Prepare | StreamPrepare {
  readUnusedFlags(reader);
  return {
    kind,
    position: at.position,
    prepareLsn: reader.lsn(),
    endLsn: reader.lsn(),
    prepareTime: reader.time(),
    transaction: { xid: reader.uint32(), commitTime: null },
    gid: reader.string(),
  };
}

/** Byte1('K')  Int8 flags, 0  Int64 commit LSN  Int64 end LSN  Int64 commit time  Int32 xid  String gid */
export function readCommitPrepared(reader: ByteReader, at: Surroundings): CommitPrepared {
  readUnusedFlags(reader);
  const commitLsn = reader.lsn();
  const endLsn = reader.lsn();
  const commitTime = reader.time();
  return {
    kind: "commit_prepared",
    position: at.position,
    transaction: { xid: reader.uint32(), commitTime },
    gid: reader.string(),
    commitLsn,
    endLsn,
    commitTime,
  };
}

/**
 * Byte1('r')  Int8 flags, 0  Int64 prepare's end LSN  Int64 rollback's end LSN
 * Int64 prepare time  Int64 rollback time  Int32 xid  String gid
 */
export function readRollbackPrepared(reader: ByteReader, at: Surroundings): RollbackPrepared {
  readUnusedFlags(reader);
  return {
    kind: "rollback_prepared",
    position: at.position,
    prepareEndLsn: reader.lsn(),
    rollbackEndLsn: reader.lsn(),
    prepareTime: reader.time(),
    rollbackTime: reader.time(),
    transaction: { xid: reader.uint32(), commitTime: null },
    gid: reader.string(),
  };
}
