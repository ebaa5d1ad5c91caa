import {
  Heap2Operation,
  HeapOperation,
  MultiInsert,
  heapOperation,
  readDelete,
  readInsert,
  readUpdate,
} from "../../postgres/records/heap.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";

/** Receives the rows that a heap record makes and ends, by their places. */
export interface RowChanges {
  inserted(block: number, item: number): void;
  deleted(block: number, item: number): void;
}

const multi = new MultiInsert();

/**
 * Reports the changes to the file of the record's block 0. An UPDATE reports the old row first.
 * @throws ShortPayload
 */
export function forEachRowChange(record: WalRecord, changes: RowChanges): void {
  const block = record.blockById(0)?.block;
  if (block === undefined) return;
  const operation = heapOperation(record);
  if (record.rmgr === Rmgr.heap2) {
    if (operation !== Heap2Operation.multiInsert) return;
    const rows = multi.read(record);
    while (rows.next()) changes.inserted(block, rows.item);
    return;
  }
  switch (operation) {
    case HeapOperation.insert:
      return changes.inserted(block, readInsert(record).offset);
    case HeapOperation.delete:
      return changes.deleted(block, readDelete(record).offset);
    case HeapOperation.update:
    case HeapOperation.hotUpdate: {
      const { newOffset, oldOffset } = readUpdate(record);
      changes.deleted(record.blockById(1)?.block ?? block, oldOffset);
      return changes.inserted(block, newOffset);
    }
  }
}
