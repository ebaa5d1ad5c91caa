/** What pruning, VACUUM and freezing do to a page: Heap2 (access/heapam_xlog.h; heapam_xlog.c, heap_xlog_prune_freeze). */
import type { WalVersion } from "../pages/versions.ts";
import { ItemState } from "../tuples/heap-page.ts";
import type { BlockReference } from "./block-reference.ts";
import { Heap2Operation, heapOperation } from "./heap.ts";
import { Payload } from "./payload.ts";
import type { WalRecord } from "./record.ts";

/** XLHP_, from PostgreSQL 17 on. */
const PruneFlag = {
  hasHorizon: 0x08,
  hasFreezePlans: 0x10,
  hasRedirections: 0x20,
  hasDeadItems: 0x40,
  hasUnusedItems: 0x80,
} as const;
/** A plan has 12 bytes; the last two are the number of tuples. */
const FREEZE_PLAN_COUNT_AT = 10;

interface PruneCounts {
  readonly horizon?: number | undefined;
  readonly redirected?: number | undefined;
  readonly dead?: number | undefined;
  readonly unused?: number | undefined;
  readonly frozen?: number | undefined;
}

/** `to` is 0 except for redirections. */
export type ItemChange = (item: number, state: number, to: number) => void;

const NO_CHANGE: ItemChange = () => {};
const main = new Payload();
const items = new Payload();

export function isPrune(record: WalRecord): boolean {
  const operation = heapOperation(record);
  return operation >= Heap2Operation.prune && operation <= Heap2Operation.freeze;
}

/** Whether a pruning record freezes tuples. */
export function freezesTuples(record: WalRecord, version: WalVersion): boolean {
  if (version < 17) return heapOperation(record) === Heap2Operation.freeze;
  const at = version >= 19 ? 0 : 1;
  const flags = record.mainBytes > 1 ? record.bytes[record.mainStart + at]! : 0;
  return (flags & PruneFlag.hasFreezePlans) !== 0;
}

/**
 * Reads a record for which isPrune(), and passes on what it makes of items if block 0 has data. An image replaces these.
 * @throws ShortPayload
 */
export function readPrune(
  record: WalRecord,
  version: WalVersion,
  change: ItemChange = NO_CHANGE,
): PruneCounts {
  const block = record.blockById(0);
  if (version >= 17) return readMerged(record, version, block, change);
  main.main(record);
  switch (heapOperation(record)) {
    case Heap2Operation.vacuum:
      // uint16 count of items that are unused now; block 0: uint16 unused[]
      if (attachItems(record, block)) each(items.left >> 1, ItemState.unused, change);
      return { unused: main.u16() };
    case Heap2Operation.freeze:
      // uint32 horizon, uint16 count of tuples
      return { horizon: main.u32(), frozen: main.u16() };
    default:
      return readItems(record, block, change);
  }
}

/** PRUNE, up to 16: uint32 horizon, uint16 redirected, uint16 dead. Block 0: uint16 pairs, uint16 dead[], uint16 unused[]. */
function readItems(
  record: WalRecord,
  block: BlockReference | undefined,
  change: ItemChange,
): PruneCounts {
  const horizon = main.u32();
  const redirected = main.u16();
  const dead = main.u16();
  let unused: number | undefined;
  if (attachItems(record, block)) {
    redirections(redirected, change);
    each(dead, ItemState.dead, change);
    unused = each(items.left >> 1, ItemState.unused, change);
  }
  return { horizon, redirected, dead, unused };
}

/**
 * 17 and 18: uint8 reason, uint8 flags; from 19 on uint16 flags; then [uint32 horizon]. Block 0, each part only if its flag is set: uint16 plans, 2
 * bytes of padding, plans; uint16 n, n pairs of uint16; uint16 n, uint16 dead[n]; uint16 n, uint16 unused[n]; uint16
 * frozen[]
 */
function readMerged(
  record: WalRecord,
  version: WalVersion,
  block: BlockReference | undefined,
  change: ItemChange,
): PruneCounts {
  main.main(record);
  const flags = version >= 19 ? main.u16() : main.skip(1).u8();
  const horizon = (flags & PruneFlag.hasHorizon) === 0 ? undefined : main.u32();
  const hasItems = attachItems(record, block);
  const has = (flag: number): boolean => hasItems && (flags & flag) !== 0;
  return {
    horizon,
    frozen: has(PruneFlag.hasFreezePlans) ? frozenTuples() : undefined,
    redirected: has(PruneFlag.hasRedirections) ? redirections(items.u16(), change) : undefined,
    dead: has(PruneFlag.hasDeadItems) ? each(items.u16(), ItemState.dead, change) : undefined,
    unused: has(PruneFlag.hasUnusedItems) ? each(items.u16(), ItemState.unused, change) : undefined,
  };
}

function attachItems(record: WalRecord, block: BlockReference | undefined): boolean {
  if (block === undefined || block.dataBytes === 0) return false;
  items.block(record, block);
  return true;
}

function frozenTuples(): number {
  let frozen = 0;
  const plans = items.u16();
  items.skip(2);
  for (let left = plans; left > 0; left--) frozen += items.skip(FREEZE_PLAN_COUNT_AT).u16();
  return frozen;
}

function redirections(count: number, change: ItemChange): number {
  for (let left = count; left > 0; left--) change(items.u16(), ItemState.redirect, items.u16());
  return count;
}

function each(count: number, state: number, change: ItemChange): number {
  for (let left = count; left > 0; left--) change(items.u16(), state, 0);
  return count;
}
