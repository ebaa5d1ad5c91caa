/** The items that pruning and VACUUM remove (access/heapam_xlog.h; heapam_xlog.c, heap_xlog_prune_freeze). */
import { ItemState } from "../../heap/page.ts";
import type { BlockReference } from "../../wal/block-reference.ts";
import { Payload } from "../../wal/detail/payload.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";

const VACUUM_TO_16 = 0x20;
const FREEZE_TO_16 = 0x30;
/** Flags from 17 on. */
const HAS_FREEZE_PLANS = 0x10;
const HAS_REDIRECTIONS = 0x20;
const HAS_DEAD_ITEMS = 0x40;
const HAS_UNUSED_ITEMS = 0x80;
const FREEZE_PLAN_BYTES = 12;

/** `to` is 0 except for redirections. */
export type ItemChange = (item: number, state: number, to: number) => void;

/** @throws ShortPayload */
export function forEachPrunedItem(
  record: WalRecord,
  block: BlockReference,
  version: WalVersion,
  change: ItemChange,
): void {
  const main = new Payload().main(record);
  const items = new Payload().block(record, block);
  if (version >= 17) return prunedFrom17(main, items, change);
  switch (record.info & 0x70) {
    case VACUUM_TO_16:
      return each(items, items.left >> 1, ItemState.unused, change);
    case FREEZE_TO_16:
      return;
  }
  main.skip(4);
  redirected(items, main.u16(), change);
  each(items, main.u16(), ItemState.dead, change);
  each(items, items.left >> 1, ItemState.unused, change);
}

function prunedFrom17(main: Payload, items: Payload, change: ItemChange): void {
  const flags = main.skip(1).u8();
  if (items.left === 0) return;
  if ((flags & HAS_FREEZE_PLANS) !== 0) {
    const plans = items.u16();
    items.skip(2 + plans * FREEZE_PLAN_BYTES);
  }
  if ((flags & HAS_REDIRECTIONS) !== 0) redirected(items, items.u16(), change);
  if ((flags & HAS_DEAD_ITEMS) !== 0) each(items, items.u16(), ItemState.dead, change);
  if ((flags & HAS_UNUSED_ITEMS) !== 0) each(items, items.u16(), ItemState.unused, change);
}

function redirected(items: Payload, count: number, change: ItemChange): void {
  for (let left = count; left > 0; left--) change(items.u16(), ItemState.redirect, items.u16());
}

function each(items: Payload, count: number, state: number, change: ItemChange): void {
  for (let left = count; left > 0; left--) change(items.u16(), state, 0);
}
