/** Records for standbys (storage/standbydefs.h). Each reader returns the record's fields, and throws ShortPayload. */
import { Payload, ShortPayload } from "./payload.ts";
import type { WalRecord } from "./record.ts";

export const StandbyOperation = { lock: 0x00, runningXacts: 0x10, invalidations: 0x20 } as const;

const LOCK_BYTES = 12;
const payload = new Payload();

/**
 * int32 count, int32 subtransactions, bool overflowed, 3 bytes of padding, uint32 next xid, oldest running, latest
 * completed, xids[], those of top level first. Overflowed: not all subtransactions are listed.
 */
export function readRunningXacts(record: WalRecord) {
  const data = payload.main(record);
  const [top, sub] = [data.i32(), data.i32()];
  const overflowed = data.bool();
  const next_xid = data.skip(3).u32();
  const oldest_running_xid = data.u32();
  const latest_completed_xid = data.u32();
  if (top < 0 || sub < 0) throw new ShortPayload();
  const [xids, subxids] = [data.u32s(top), data.u32s(sub)];
  return { next_xid, oldest_running_xid, latest_completed_xid, xids, subxids, overflowed };
}

/** LOCK: int32 n, n times: uint32 xid, uint32 database, uint32 relation */
export function readLocks(record: WalRecord) {
  const data = payload.main(record);
  const lock = () => ({ xid: data.u32(), database: data.u32(), relation_oid: data.u32() });
  return { locks: Array.from({ length: data.count(LOCK_BYTES) }, lock) };
}

/** INVALIDATIONS: uint32 database, uint32 tablespace, bool, 3 bytes of padding, int32 count */
export function readInvalidations(record: WalRecord) {
  const data = payload.main(record);
  return { database: data.u32(), invalidations: data.skip(8).i32() };
}
