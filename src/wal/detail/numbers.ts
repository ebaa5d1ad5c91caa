/** Status logs, multixacts, origins and messages (access/clog.h, commit_ts.h, multixact.h, replication/origin.h, message.h). */
import type { WalRecord } from "../record.ts";
import type { WalVersion } from "../pages/versions.ts";
import type { Payload } from "./payload.ts";
import type { DetailSink } from "./sink.ts";

const OPCODE_TRUNCATE = 0x10;
const MULTI_CREATE = 0x20;
const MULTI_TRUNCATE = 0x30;

/** Page numbers have 64 bits from PostgreSQL 17 on. */
function pageNumber(data: Payload, version: WalVersion): number {
  return version >= 17 ? Number(data.i64()) : data.i32();
}

/** ZEROPAGE: page. TRUNCATE: page, uint32 oldest xid, and for CLOG uint32 its database */
export function describeStatusLog(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  oldest: readonly string[],
  sink: DetailSink,
): void {
  sink.number("pageno", pageNumber(data, version));
  if (record.opcode !== OPCODE_TRUNCATE) return;
  for (const key of oldest) sink.number(key, data.u32());
}

/**
 * ZERO_…: page. CREATE_ID: uint32 id, uint32 offset, int32 n, n times uint32 xid, int32 status. TRUNCATE_ID: uint32
 * database, uint32 start and end of ids, uint32 start and end of members
 */
export function describeMultiXact(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  sink: DetailSink,
): void {
  switch (record.opcode) {
    case MULTI_CREATE: {
      sink.number("mid", data.u32());
      sink.number("moff", data.u32());
      const members = data.count(8);
      const rows = Array.from({ length: members }, () => {
        return { xid: data.u32(), status: data.i32() };
      });
      return sink.rows("members", rows);
    }
    case MULTI_TRUNCATE:
      sink.number("oldestMultiDB", data.u32());
      for (const key of ["startTruncOff", "endTruncOff", "startTruncMemb", "endTruncMemb"]) {
        sink.number(key, data.u32());
      }
      return;
    default:
      sink.number("pageno", pageNumber(data, version));
  }
}

/** SET: uint64 LSN, uint16 origin, bool force. DROP: uint16 origin */
export function describeOrigin(record: WalRecord, data: Payload, sink: DetailSink): void {
  if (record.opcode !== 0) return sink.number("node_id", data.u16());
  sink.lsn("remote_lsn", data.lsn());
  sink.number("node_id", data.u16());
  sink.bool("force", data.bool());
}

/** uint32 database, bool transactional, 3 bytes of padding, uint64 prefix length with NUL, uint64 content length, prefix, content */
export function describeMessage(data: Payload, sink: DetailSink): void {
  sink.number("database", data.u32());
  sink.bool("transactional", data.bool());
  const prefixBytes = Number(data.skip(3).i64());
  const contentBytes = Number(data.i64());
  sink.text("prefix", data.text(prefixBytes));
  sink.number("bytes", contentBytes);
}
