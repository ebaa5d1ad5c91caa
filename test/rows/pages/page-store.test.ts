/** Heap pages followed through records, by their bytes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PageStore } from "../../../src/rows/pages/page-store.ts";
import type { PageMemory } from "../../../src/rows/pages/page-cache.ts";
import { u16, u32 } from "../../wal/support/log-encoder.ts";
import { MemorySpill } from "../support/memory-spill.ts";
import {
  type HeapRecord,
  RELATION,
  heapPage,
  replayRecords,
  tupleData,
} from "../support/records.ts";

const HEAP = 10;
const HEAP2 = 9;
const XLOG = 0;
const A = [1, 0, 0, 0, 0xaa, 0xab, 0xac, 0xad];
const B = [2, 0, 0, 0, 0xba, 0xbb, 0xbc, 0xbd];

const insert = (item: number, columns: readonly number[], init = false): HeapRecord => ({
  rmgr: HEAP,
  info: init ? 0x80 : 0,
  main: [...u16(item), 8],
  blocks: [{ block: 0, init, data: tupleData(columns) }],
});
const image = (page: Uint8Array, block = 0): HeapRecord => ({
  rmgr: XLOG,
  info: 0xb0,
  main: [],
  blocks: [{ block, image: page }],
});
/** Prefix and suffix are the old tuple's. */
const update = (
  oldItem: number,
  item: number,
  prefix: number,
  suffix: number,
  middle: readonly number[],
): HeapRecord => ({
  rmgr: HEAP,
  info: 0x40,
  main: [...u32(0), ...u16(oldItem), 0, 0x60, ...u32(0), ...u16(item)],
  blocks: [{ block: 0, data: [...u16(prefix), ...u16(suffix), ...tupleData(middle)] }],
});
const remove = (item: number, page?: Uint8Array): HeapRecord => ({
  rmgr: HEAP,
  info: 0x10,
  main: [...u32(9), ...u16(item), 0, 0],
  blocks: [page === undefined ? { block: 0 } : { block: 0, image: page }],
});
/** Of 17 and later. */
const prune = (
  redirected: readonly (readonly [number, number])[],
  dead: readonly number[],
  unused: readonly number[],
): HeapRecord => ({
  rmgr: HEAP2,
  info: 0x10,
  main: [0, 0x20 | 0x40 | 0x80],
  blocks: [
    {
      block: 0,
      data: [
        ...u16(redirected.length),
        ...redirected.flat().flatMap(u16),
        ...u16(dead.length),
        ...dead.flatMap(u16),
        ...u16(unused.length),
        ...unused.flatMap(u16),
      ],
    },
  ],
});

function storeOf(records: readonly HeapRecord[], memory?: PageMemory): PageStore {
  const store = new PageStore({ tracks: () => "all", memory });
  replayRecords(records, (record) => store.apply(record, 18));
  return store;
}

/** The columns of the first items, as far as they are known. */
function columnsOf(store: PageStore, count: number, block = 0): (number[] | undefined)[] {
  return Array.from({ length: count }, (_, index) => {
    const tuple = store.tupleAt(RELATION, block, index + 1);
    return tuple && [...tuple.bytes.subarray(tuple.start + 1, tuple.end)];
  });
}

const CASES: ReadonlyArray<readonly [string, readonly HeapRecord[], (number[] | undefined)[]]> = [
  ["nothing is known without an image", [remove(1)], [undefined]],
  ["an inserted row is known without its page", [insert(2, A)], [undefined, A]],
  ["an image shows its page", [image(heapPage([A, undefined, B]))], [A, undefined, B]],
  ["a new page is empty", [image(heapPage([A, B])), insert(1, B, true)], [B, undefined]],
  ["an insert into a known page", [image(heapPage([A])), insert(2, B)], [A, B]],
  ["a deleted row stays until it is pruned", [image(heapPage([A])), remove(1)], [A]],
  ["the image that comes with a delete holds the row", [remove(1, heapPage([A, B]))], [A, B]],
  [
    "an update takes prefix and suffix of the old row",
    [image(heapPage([A])), update(1, 2, 4, 2, [7, 8])],
    [A, [1, 0, 0, 0, 7, 8, 0xac, 0xad]],
  ],
  [
    "an update of a row that is not known is not known",
    [update(1, 2, 4, 2, [7, 8]), insert(3, B)],
    [undefined, undefined, B],
  ],
  [
    "an update joins a row that only a record brought",
    [insert(1, A), update(1, 2, 4, 2, [7, 8])],
    [A, [1, 0, 0, 0, 7, 8, 0xac, 0xad]],
  ],
  [
    "pruning takes rows away",
    [image(heapPage([A, B, A, B])), prune([[1, 4]], [2], [3])],
    [undefined, undefined, undefined, B],
  ],
  [
    "an image for wal_consistency_checking is not applied",
    [
      image(heapPage([A])),
      {
        ...insert(2, B),
        blocks: [{ block: 0, image: heapPage([B, A]), unapplied: true, data: tupleData(B) }],
      },
    ],
    [A, B],
  ],
  [
    "the change of a record is not applied to its own image",
    [{ ...insert(2, A), blocks: [{ block: 0, image: heapPage([A, B]), data: tupleData(A) }] }],
    [A, B],
  ],
  [
    "a change in place keeps the length",
    [
      image(heapPage([A])),
      { rmgr: HEAP, info: 0x70, main: u16(1), blocks: [{ block: 0, data: B }] },
    ],
    [B],
  ],
  [
    "a change in place of another length is of another page",
    [
      image(heapPage([A])),
      { rmgr: HEAP, info: 0x70, main: u16(1), blocks: [{ block: 0, data: [1] }] },
    ],
    [undefined],
  ],
  [
    "several rows of one record",
    [
      {
        rmgr: HEAP2,
        info: 0x50,
        main: [2, 0, ...u16(2), ...u16(2), ...u16(4)],
        blocks: [
          { block: 0, data: [...u16(8), ...tupleData(A.slice(1)), 0, ...u16(9), ...tupleData(B)] },
        ],
      },
    ],
    [undefined, A.slice(1), undefined, B],
  ],
  [
    "a truncated file has no pages behind its end",
    [
      image(heapPage([A])),
      { rmgr: 2, info: 0x20, main: [...u32(0), ...u32(1663), ...u32(5), ...u32(16384), ...u32(7)] },
    ],
    [undefined],
  ],
  [
    "the file of another tablespace is another file",
    [
      image(heapPage([A])),
      { rmgr: 2, info: 0x20, main: [...u32(0), ...u32(1700), ...u32(5), ...u32(16384), ...u32(7)] },
    ],
    [A],
  ],
  [
    "a file that a commit drops is gone",
    [
      image(heapPage([A])),
      {
        rmgr: 1,
        info: 0x80,
        main: [...u32(0), ...u32(0), ...u32(4), ...u32(1), ...u32(1663), ...u32(5), ...u32(16384)],
      },
    ],
    [undefined],
  ],
  [
    "an index's page is none",
    [image(heapPage([A]).map((byte, at) => (at === 16 ? 0xf0 : at === 17 ? 0x1f : byte)))],
    [undefined],
  ],
];

describe("tracked pages", () => {
  for (const [name, records, expected] of CASES) {
    it(name, () => assert.deepEqual(columnsOf(storeOf(records), expected.length), expected));
  }

  it("has room for a page's worth of rows again and again", () => {
    const wide = Array.from({ length: 1000 }, (_, at) => at & 0xff);
    const records: HeapRecord[] = [insert(1, A, true)];
    for (let round = 0; round < 20; round++) {
      for (let item = 2; item <= 8; item++) records.push(insert(item, wide));
      records.push(prune([], [2, 3, 4], [5, 6, 7, 8]));
    }
    records.push(insert(2, wide));
    assert.deepEqual(columnsOf(storeOf(records), 3), [A, wide, undefined]);
  });

  it("has in a file what was not used for longest", () => {
    const spill = new MemorySpill();
    const bytesMax = 20 * 8500;
    const pages = Array.from({ length: 50 }, (_, block) => image(heapPage([A, B]), block));
    const changes = [7, 30, 7].map((block, index) => ({
      ...insert(3 + index, [block, 0, 0, 0, 1, 2, 3, 4]),
      blocks: [{ block, data: tupleData([block, 0, 0, 0, 1, 2, 3, 4]) }],
    }));
    const store = storeOf([...pages, ...changes, image(heapPage([B]), 9)], { spill, bytesMax });
    assert.ok(store.bytes <= bytesMax);
    assert.equal(store.blocksOf(RELATION).length, 50);
    for (let block = 0; block < 50; block++) {
      const C = [block, 0, 0, 0, 1, 2, 3, 4];
      const more = { 7: [A, B, C, undefined, C], 30: [A, B, undefined, C], 9: [B] }[block];
      const expected = [...(more ?? [A, B]), ...Array<undefined>(5).fill(undefined)].slice(0, 5);
      assert.deepEqual(columnsOf(store, 5, block), expected, `block ${block}`);
    }
    const { writes } = spill;
    for (let block = 0; block < 50; block++) columnsOf(store, 1, block);
    assert.equal(spill.writes, writes, "what was only read is not written again");
    store.forgetAll();
    assert.deepEqual(store.blocksOf(RELATION), []);
  });

  it("knows nothing after a gap", () => {
    const store = storeOf([image(heapPage([A]))]);
    store.forgetAll();
    assert.deepEqual(columnsOf(store, 1), [undefined]);
    assert.equal(store.bytes, 0);
  });
});
