/** Records of a test's own making, read back as any WAL is. */
import assert from "node:assert/strict";
import type { WalRecord } from "../../../src/postgres/records/record.ts";
import { LogEncoder, headerOf, mainData, u16, u32 } from "../../wal/support/log-encoder.ts";
import { readLog } from "../../wal/support/read.ts";

export const RELATION = { tablespace: 1663, database: 5, relfilenode: 16384 };

export interface BlockParts {
  readonly id?: number;
  readonly block: number;
  readonly relfilenode?: number;
  /** Of a whole page. */
  readonly image?: Uint8Array;
  /** Only for wal_consistency_checking. */
  readonly unapplied?: boolean;
  readonly init?: boolean;
  readonly data?: readonly number[];
}

export interface HeapRecord {
  readonly rmgr: number;
  readonly info: number;
  readonly xid?: number;
  readonly main: readonly number[];
  readonly blocks?: readonly BlockParts[];
}

/** xl_heap_header and a tuple of one attribute, aligned: the null bitmap's byte, then the column. */
export function tupleData(columns: readonly number[]): number[] {
  return [...u16(1), ...u16(0x0802), 24, 0, ...columns];
}

/** Of 18: an image's bits are 1 for a hole and 2 for one that is to be applied. */
function bodyOf({ main, blocks = [] }: HeapRecord): number[] {
  const heads = blocks.flatMap(
    ({ id = 0, block, data = [], image, init, relfilenode, unapplied }) => [
      id,
      (data.length > 0 ? 0x20 : 0) | (image === undefined ? 0 : 0x10) | (init === true ? 0x40 : 0),
      ...u16(data.length),
      ...(image === undefined ? [] : [...u16(image.length), ...u16(0), unapplied === true ? 0 : 2]),
      ...u32(RELATION.tablespace),
      ...u32(RELATION.database),
      ...u32(relfilenode ?? RELATION.relfilenode),
      ...u32(block),
    ],
  );
  const head = mainData(main);
  const headLength = head.length - main.length;
  const datas = blocks.flatMap(({ data = [], image = [] }) => [...image, ...data]);
  return [...heads, ...head.slice(0, headLength), ...datas, ...main];
}

/** Calls `note` with each. */
export function replayRecords(
  records: readonly HeapRecord[],
  note: (record: WalRecord, index: number) => void,
): void {
  const log = new LogEncoder(18);
  for (const each of records) {
    log.record({ rmgr: each.rmgr, info: each.info, xid: each.xid ?? 7, body: bodyOf(each) });
  }
  let index = 0;
  const { faults } = readLog(log.bytes(), {
    header: headerOf(18),
    record: (record) => note(record, index++),
  });
  assert.equal(index, records.length, faults.join());
}

/** A heap page of tuples of one column each; undefined: an unused item. */
export function heapPage(tuples: ReadonlyArray<readonly number[] | undefined>): Uint8Array {
  const page = new Uint8Array(8192);
  const view = new DataView(page.buffer);
  let upper = 8192;
  for (const [index, columns] of tuples.entries()) {
    if (columns === undefined) continue;
    const length = 24 + columns.length;
    upper -= length + ((8 - (length & 7)) & 7);
    view.setUint32(24 + 4 * index, upper + (1 << 15) + length * 0x20000, true);
    view.setUint16(upper + 18, 1, true);
    view.setUint16(upper + 20, 0x0802, true);
    page[upper + 22] = 24;
    page.set(columns, upper + 24);
  }
  view.setUint16(12, 24 + 4 * tuples.length, true);
  view.setUint16(14, upper, true);
  view.setUint16(16, 8192, true);
  view.setUint16(18, 8192 + 4, true);
  return page;
}
