/** CLOG, CommitTs, MultiXact, ReplicationOrigin and LogicalMessage (access/clog.h, commit_ts.h, multixact.h, replication/origin.h, message.h). Each reader returns the record's fields, and throws ShortPayload. */
import type { WalVersion } from "../pages/versions.ts";
import { Payload } from "./payload.ts";
import type { WalRecord } from "./record.ts";

const STATUS_LOG_TRUNCATE = 0x10;
const MultiXactOperation = { createId: 0x20, truncateId: 0x30 } as const;
const ORIGIN_SET = 0x00;
const payload = new Payload();

/** Page numbers have 64 bits from PostgreSQL 17 on. */
function pageNumber(data: Payload, version: WalVersion): number {
  return version >= 17 ? Number(data.i64()) : data.i32();
}

/** CLOG and CommitTs. ZEROPAGE: page. TRUNCATE: page, uint32 for each key: the oldest xid, and for CLOG its database */
export function readStatusLog(
  record: WalRecord,
  version: WalVersion,
  oldest: readonly string[],
): Readonly<Record<string, number>> {
  const data = payload.main(record);
  const pageno = pageNumber(data, version);
  if (record.opcode !== STATUS_LOG_TRUNCATE) return { pageno };
  return { pageno, ...Object.fromEntries(oldest.map((key) => [key, data.u32()])) };
}

/**
 * CREATE_ID: uint32 id, uint32 offset (from 19 on uint64 at 8), int32 n, n times uint32 xid, int32 status. TRUNCATE_ID:
 * uint32 database, uint32 start and end of ids, uint32 start and end of members; from 19 on uint32 database, uint32
 * oldest id, uint64 oldest offset. ZERO_…: page
 */
export function readMultiXact(record: WalRecord, version: WalVersion) {
  const data = payload.main(record);
  const member = () => ({ xid: data.u32(), status: data.i32() });
  switch (record.opcode) {
    case MultiXactOperation.createId:
      return {
        mid: data.u32(),
        moff: version >= 19 ? Number(data.skip(4).i64()) : data.u32(),
        members: Array.from({ length: data.count(8) }, member),
      };
    case MultiXactOperation.truncateId:
      if (version >= 19)
        return {
          oldestMultiDB: data.u32(),
          oldestMulti: data.u32(),
          oldestOffset: Number(data.i64()),
        };
      return {
        oldestMultiDB: data.u32(),
        startTruncOff: data.u32(),
        endTruncOff: data.u32(),
        startTruncMemb: data.u32(),
        endTruncMemb: data.u32(),
      };
    default:
      return { pageno: pageNumber(data, version) };
  }
}

/** SET: uint64 LSN of another server, uint16 origin, bool force. DROP: uint16 origin */
export function readOrigin(record: WalRecord) {
  const data = payload.main(record);
  if (record.opcode !== ORIGIN_SET) return { fields: { node_id: data.u16() } };
  const remoteLsn = data.lsn();
  return { remoteLsn, fields: { node_id: data.u16(), force: data.bool() } };
}

/** Where a message's prefix begins in the main data, and the low half of its length. */
export const MESSAGE_PREFIX_AT = 24;
export const MESSAGE_PREFIX_BYTES_AT = 8;

/**
 * LogicalMessage: uint32 database, bool transactional, 3 bytes of padding, uint64 prefix length with NUL, uint64 content
 * length, prefix, content. The content need not be there.
 */
export function readMessage(mainData: Uint8Array) {
  const data = payload.kept(mainData);
  const [database, transactional] = [data.u32(), data.bool()];
  const prefixBytes = Number(data.skip(3).i64());
  const bytes = Number(data.i64());
  return { database, transactional, prefix: data.text(prefixBytes), bytes };
}

/**
 * The content of a message, which is the end of its main data.
 * @throws ShortPayload if not all of the message was kept
 */
export function messageContent(mainData: Uint8Array): Uint8Array {
  const data = payload.kept(mainData).skip(MESSAGE_PREFIX_BYTES_AT);
  const prefixBytes = Number(data.i64());
  const bytes = Number(data.i64());
  return data.skip(prefixBytes).bytes(bytes);
}
