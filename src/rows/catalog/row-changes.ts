import { HEAP_OPERATION } from "../../wal/detail/heap.ts";
import { Payload } from "../../wal/detail/payload.ts";
import type { WalRecord } from "../../wal/record.ts";
import { Rmgr } from "../../wal/rmgrs.ts";

const Heap = { insert: 0x00, delete: 0x10, update: 0x20, hotUpdate: 0x40 } as const;
const MULTI_INSERT = 0x50;
const INIT_PAGE = 0x80;

/** Receives the rows that a heap record makes and ends, by their places. */
export interface RowChanges {
  inserted(block: number, item: number): void;
  deleted(block: number, item: number): void;
}

const main = new Payload();

/**
 * Reports the changes to the file of the record's block 0. An UPDATE reports the old row first.
 * @throws ShortPayload
 */
export function forEachRowChange(record: WalRecord, changes: RowChanges): void {
  const block = record.blockById(0)?.block;
  if (block === undefined) return;
  const operation = record.info & HEAP_OPERATION;
  const data = main.main(record);
  if (record.rmgr === Rmgr.heap2) {
    if (operation !== MULTI_INSERT) return;
    // uint8 flags, 1 byte of padding, uint16 count, [uint16 offsets[]]
    const count = data.skip(2).u16();
    const isNew = (record.info & INIT_PAGE) !== 0;
    const items = isNew ? undefined : data.u16s(count);
    for (let index = 0; index < count; index++) {
      changes.inserted(block, items?.[index] ?? index + 1);
    }
    return;
  }
  switch (operation) {
    case Heap.insert:
      return changes.inserted(block, data.u16());
    case Heap.delete:
      return changes.deleted(block, data.skip(4).u16());
    case Heap.update:
    case Heap.hotUpdate: {
      // uint32 old xmax, uint16 old offset, uint8 infobits, uint8 flags, uint32 new xmax, uint16 new offset
      const oldItem = data.skip(4).u16();
      const item = data.skip(6).u16();
      changes.deleted(record.blockById(1)?.block ?? block, oldItem);
      return changes.inserted(block, item);
    }
  }
}
