/** Records for standbys (storage/standbydefs.h). */
import type { WalRecord } from "../record.ts";
import { type Payload, ShortPayload } from "./payload.ts";
import type { DetailRow, DetailSink } from "./sink.ts";

const OPCODE_LOCK = 0x00;
const OPCODE_RUNNING_XACTS = 0x10;
const LOCK_BYTES = 12;

export function describeStandby(record: WalRecord, data: Payload, sink: DetailSink): void {
  switch (record.opcode) {
    case OPCODE_LOCK:
      return describeLocks(data, sink);
    case OPCODE_RUNNING_XACTS:
      return describeRunning(data, sink);
    default:
      // INVALIDATIONS: uint32 database, uint32 tablespace, bool, 3 bytes of padding, int32 count
      sink.number("database", data.u32());
      sink.number("invalidations", data.skip(8).i32());
  }
}

/** int32 n, n times: uint32 xid, uint32 database, uint32 relation */
function describeLocks(data: Payload, sink: DetailSink): void {
  const locks: DetailRow[] = [];
  for (let left = data.count(LOCK_BYTES); left > 0; left--) {
    locks.push({ xid: data.u32(), database: data.u32(), relation_oid: data.u32() });
  }
  sink.rows("locks", locks);
}

/**
 * int32 count, int32 subtransactions, bool overflowed, 3 bytes of padding, uint32 next xid, oldest running, latest
 * completed, xids[], those of top level first
 */
function describeRunning(data: Payload, sink: DetailSink): void {
  const top = data.i32();
  const sub = data.i32();
  const overflowed = data.bool();
  data.skip(3);
  sink.number("next_xid", data.u32());
  sink.number("oldest_running_xid", data.u32());
  sink.number("latest_completed_xid", data.u32());
  if (top < 0 || sub < 0) throw new ShortPayload();
  sink.numbers("xids", data.u32s(top));
  sink.numbers("subxids", data.u32s(sub));
  sink.bool("overflowed", overflowed);
}
