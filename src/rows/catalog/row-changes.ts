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

export interface Place {
  readonly block: number;
  readonly item: number;
}

const multi = new MultiInsert();

/**
 * The changes to the file of the record's block 0: for each row the place of the one that the record ends and of the
 * one that it makes.
 * @throws ShortPayload
 */
export function forEachRowChange(
  record: WalRecord,
  change: (ended: Place | undefined, made: Place | undefined) => void,
): void {
  const block = record.blockById(0)?.block;
  if (block === undefined) return;
  const operation = heapOperation(record);
  if (record.rmgr === Rmgr.heap2) {
    if (operation !== Heap2Operation.multiInsert) return;
    const rows = multi.read(record);
    while (rows.next()) change(undefined, { block, item: rows.item });
    return;
  }
  switch (operation) {
    case HeapOperation.insert:
      return change(undefined, { block, item: readInsert(record).offset });
    case HeapOperation.delete:
      return change({ block, item: readDelete(record).offset }, undefined);
    case HeapOperation.update:
    case HeapOperation.hotUpdate: {
      const { newOffset, oldOffset } = readUpdate(record);
      const ended = { block: record.blockById(1)?.block ?? block, item: oldOffset };
      return change(ended, { block, item: newOffset });
    }
  }
}
