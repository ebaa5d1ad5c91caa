/** Heap and Heap2 (access/heapam_xlog.h). The layouts below describe the main data. */
import type { WalRecord } from "../record.ts";
import {
  deleteFlags,
  infobits,
  insertFlags,
  lockFlags,
  updateFlags,
  visibleFlags,
} from "./flags.ts";
import type { Payload } from "./payload.ts";
import type { DetailSink } from "./sink.ts";

/** The bits of the operation; bit 0x80 means that the page is new. */
export const HEAP_OPERATION = 0x70;
const INIT_PAGE = 0x80;

export function describeHeap(record: WalRecord, data: Payload, sink: DetailSink): void {
  switch (record.info & HEAP_OPERATION) {
    case 0x00:
      return describeInsert(data, sink);
    case 0x10:
      return describeDelete(data, sink);
    case 0x20:
    case 0x40:
      return describeUpdate(data, sink);
    case 0x30:
      return describeTruncate(data, sink);
    case 0x60:
      return describeLock(data, sink);
    default:
      // HEAP_CONFIRM, INPLACE: uint16 offset
      sink.number("offset", data.u16());
  }
}

/** uint16 offset, uint8 flags */
function describeInsert(data: Payload, sink: DetailSink): void {
  sink.number("offset", data.u16());
  sink.names("flags", insertFlags(data.u8()));
}

/** uint32 xmax, uint16 offset, uint8 infobits, uint8 flags */
function describeDelete(data: Payload, sink: DetailSink): void {
  const xmax = data.u32();
  sink.number("offset", data.u16());
  const bits = data.u8();
  sink.number("xmax", xmax);
  sink.names("flags", deleteFlags(data.u8()));
  sink.names("infobits", infobits(bits));
}

/** uint32 old xmax, uint16 old offset, uint8 old infobits, uint8 flags, uint32 new xmax, uint16 new offset */
function describeUpdate(data: Payload, sink: DetailSink): void {
  const oldXmax = data.u32();
  sink.number("old_offset", data.u16());
  const bits = data.u8();
  const flags = data.u8();
  const newXmax = data.u32();
  sink.number("new_offset", data.u16());
  sink.number("old_xmax", oldXmax);
  sink.number("new_xmax", newXmax);
  sink.names("flags", updateFlags(flags));
  sink.names("infobits", infobits(bits));
}

/** uint32 xmax, uint16 offset, uint8 infobits, uint8 flags; LOCK and LOCK_UPDATED */
export function describeLock(data: Payload, sink: DetailSink): void {
  const xmax = data.u32();
  sink.number("offset", data.u16());
  const bits = data.u8();
  sink.number("xmax", xmax);
  sink.names("flags", lockFlags(data.u8()));
  sink.names("infobits", infobits(bits));
}

/** uint32 database, uint32 count, uint8 flags, 3 bytes of padding, uint32 relations[] */
function describeTruncate(data: Payload, sink: DetailSink): void {
  sink.number("database", data.u32());
  const count = data.u32();
  const flags = data.u8();
  sink.numbers("relids", data.skip(3).u32s(count));
  sink.bool("cascade", (flags & 1) !== 0);
  sink.bool("restart_identity", (flags & 2) !== 0);
}

/** uint8 flags, 1 byte of padding, uint16 count, and uint16 offsets[] unless the page is new */
export function describeMultiInsert(record: WalRecord, data: Payload, sink: DetailSink): void {
  const flags = data.u8();
  const tuples = data.skip(1).u16();
  sink.number("tuples", tuples);
  if ((record.info & INIT_PAGE) === 0) sink.numbers("offsets", data.u16s(tuples));
  sink.names("flags", insertFlags(flags));
}

/** uint32 horizon, uint8 flags */
export function describeVisible(data: Payload, sink: DetailSink): void {
  sink.number("horizon", data.u32());
  sink.names("flags", visibleFlags(data.u8()));
}

/** uint32 top xid, cmin, cmax, combo cid, locator, tid: uint16 block high, uint16 block low, uint16 offset */
export function describeNewCid(data: Payload, sink: DetailSink): void {
  for (const key of ["top_xid", "cmin", "cmax", "combo_cid"]) sink.number(key, data.u32());
  for (const key of ["tablespace", "database", "relfilenode"]) sink.number(key, data.u32());
  const high = data.u16();
  const block = high * 0x10000 + data.u16();
  sink.text("tid", `(${block},${data.u16()})`);
}
