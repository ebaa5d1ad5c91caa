/** Heap2: counts of what pruning, VACUUM and freezing did to a page (access/heapam_xlog.h). */
import type { WalRecord } from "../record.ts";
import type { WalVersion } from "../pages/versions.ts";
import type { Payload } from "./payload.ts";
import type { DetailSink } from "./sink.ts";

/** Flags of the record from PostgreSQL 17 on. */
const HAS_HORIZON = 0x08;
const HAS_FREEZE_PLANS = 0x10;
const HAS_REDIRECTIONS = 0x20;
const HAS_DEAD_ITEMS = 0x40;
const HAS_UNUSED_ITEMS = 0x80;
const FREEZE_PLAN_BYTES = 12;

export function describePrune(
  record: WalRecord,
  data: Payload,
  version: WalVersion,
  sink: DetailSink,
): void {
  if (version >= 17) return describeMerged(record, data, sink);
  switch (record.opcode & 0x70) {
    case 0x10:
      return describeItems(record, data, sink);
    case 0x20:
      // VACUUM: uint16 count of items that are unused now
      return sink.number("unused", data.u16());
    default:
      // FREEZE_PAGE: uint32 horizon, uint16 count of tuples
      sink.number("horizon", data.u32());
      sink.number("frozen", data.u16());
  }
}

/**
 * PRUNE, up to 16: uint32 horizon, uint16 redirected, uint16 dead. Block 0: uint16 pairs, uint16 dead[], uint16
 * unused[]. An image replaces the block's data; the number of unused items is then not known.
 */
function describeItems(record: WalRecord, data: Payload, sink: DetailSink): void {
  sink.number("horizon", data.u32());
  const redirected = data.u16();
  const dead = data.u16();
  sink.number("redirected", redirected);
  sink.number("dead", dead);
  const dataBytes = record.blockById(0)?.dataBytes ?? 0;
  const unused = dataBytes / 2 - 2 * redirected - dead;
  if (dataBytes > 0 && Number.isInteger(unused) && unused >= 0) sink.number("unused", unused);
}

/**
 * From 17 on: uint8 reason, uint8 flags, [uint32 horizon]. Block 0, each part only if its flag is set: uint16 plans, 2
 * bytes of padding, plans; uint16 n, n pairs of uint16; uint16 n, uint16 dead[n]; uint16 n, uint16 unused[n]; uint16
 * frozen[]
 */
function describeMerged(record: WalRecord, data: Payload, sink: DetailSink): void {
  const flags = data.skip(1).u8();
  if ((flags & HAS_HORIZON) !== 0) sink.number("horizon", data.u32());
  const block = record.blockById(0);
  if (block === undefined || block.dataBytes === 0) return;
  const parts = data.block(record, block);
  let frozen: number | undefined;
  if ((flags & HAS_FREEZE_PLANS) !== 0) {
    const plans = parts.u16();
    parts.skip(2);
    frozen = 0;
    // A plan's last field is the number of tuples.
    for (let plan = 0; plan < plans; plan++) frozen += parts.skip(FREEZE_PLAN_BYTES - 2).u16();
  }
  const list = (key: string, flag: number, itemBytes: number): void => {
    if ((flags & flag) === 0) return;
    const count = parts.u16();
    parts.skip(count * itemBytes);
    sink.number(key, count);
  };
  list("redirected", HAS_REDIRECTIONS, 4);
  list("dead", HAS_DEAD_ITEMS, 2);
  list("unused", HAS_UNUSED_ITEMS, 2);
  if (frozen !== undefined) sink.number("frozen", frozen);
}
