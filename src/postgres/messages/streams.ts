import type { StreamAbort, StreamCommit, StreamStart, StreamStop } from "./messages.ts";
import type { ByteReader } from "../bytes/reader.ts";
import { NO_POSITION, type Surroundings } from "./surroundings.ts";
import { readUnusedFlags } from "./transactions.ts";

const ABORT_INFO_BYTES = 16;

/** Byte1('S')  Int32 xid  Int8 1 in the first block of the transaction */
export function readStreamStart(reader: ByteReader, at: Surroundings): StreamStart {
  return {
    kind: "stream_start",
    position: at.position,
    transaction: { xid: reader.uint32(), commitTime: null },
    firstSegment: reader.uint8() !== 0,
  };
}

/** Byte1('E') */
export function readStreamStop(at: Surroundings): StreamStop {
  return {
    kind: "stream_stop",
    position: at.position,
    transaction: at.transaction,
  };
}

/** Byte1('c')  Int32 xid  Int8 flags, 0  Int64 commit LSN  Int64 end LSN  Int64 commit time */
export function readStreamCommit(reader: ByteReader, at: Surroundings): StreamCommit {
  const xid = reader.uint32();
  readUnusedFlags(reader);
  const commitLsn = reader.lsn();
  const endLsn = reader.lsn();
  const commitTime = reader.time();
  return {
    kind: "stream_commit",
    position: at.position,
    transaction: { xid, commitTime },
    commitLsn,
    endLsn,
    commitTime,
  };
}

/** Byte1('A')  Int32 xid  Int32 subxid  [Int64 abort LSN  Int64 abort time], these with streaming = parallel */
export function readStreamAbort(reader: ByteReader, at: Surroundings): StreamAbort {
  const transaction = { xid: reader.uint32(), commitTime: null };
  const subxid = reader.uint32();
  const long = reader.end - reader.offset >= ABORT_INFO_BYTES;
  return {
    kind: "stream_abort",
    position: at.position,
    transaction,
    subxid,
    abortLsn: long ? reader.lsn() : null,
    abortTime: long ? reader.time() : null,
  };
}

/** A Stream Abort for a rollback that the server sends no message about. */
export function streamAbort(xid: number, subxid: number): StreamAbort {
  return {
    kind: "stream_abort",
    position: NO_POSITION,
    transaction: { xid, commitTime: null },
    subxid,
    abortLsn: null,
    abortTime: null,
  };
}
