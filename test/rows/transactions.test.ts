import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Beginnings } from "../../src/rows/transactions/beginnings.ts";
import { Change, ChangeBit, ChangeKind, OldRow } from "../../src/rows/transactions/change-log.ts";
import { OpenTransactions } from "../../src/rows/transactions/open-transactions.ts";
import { KeptValues, TransactionChunks } from "../../src/rows/toast/chunks.ts";
import { MemorySpill } from "./support/memory-spill.ts";

function insertAt(position: number, bytes: number): Change {
  const change = new Change();
  change.position = position;
  change.end = position + 8;
  change.kind = ChangeKind.update;
  change.bits = ChangeBit.logical | ChangeBit.clearsToast;
  change.relfilenode = 16384 + (position % 7);
  const row = Buffer.alloc(bytes, position % 251);
  change.newRow = { bytes: row, start: 0, end: row.length, infomask: 2, infomask2: 3, hoff: 24 };
  change.oldRow = {
    bytes: row,
    start: 1,
    end: 1 + (position % 3),
    infomask: 4,
    infomask2: 5,
    hoff: 32,
  };
  change.oldFrom = OldRow.key;
  return change;
}

/** Positions as they come, each with what it was given. */
function positionsOf(changes: Iterable<Change>, bytes: number): number[] {
  return Array.from(changes, (change) => {
    const { newRow, oldRow, position } = change;
    assert.equal(
      newRow?.bytes.subarray(newRow.start, newRow.end).every((byte) => byte === position % 251),
      true,
    );
    assert.equal((newRow?.end ?? 0) - (newRow?.start ?? 0), bytes);
    assert.equal(oldRow === undefined ? 0 : oldRow.end - oldRow.start, position % 3);
    assert.deepEqual([newRow?.infomask, newRow?.infomask2, newRow?.hoff], [2, 3, 24]);
    assert.equal(change.relfilenode, 16384 + (position % 7));
    assert.equal(change.oldFrom, OldRow.key);
    return position;
  });
}

describe("open transactions", () => {
  it("joins subtransactions in the order of the log, and no others", () => {
    const open = new OpenTransactions(new MemorySpill());
    const expected: number[] = [];
    for (let position = 1000; position < 3000; position++) {
      const xid = 10 + (position % 5);
      open.append(xid, insertAt(position, 40));
      if (xid !== 12) expected.push(position);
    }
    assert.deepEqual(positionsOf(open.changes([10, 11, 13, 14, 99]), 40), expected);
  });

  it("gives back what memory had no room for", () => {
    const spill = new MemorySpill();
    const open = new OpenTransactions(spill);
    const expected: number[] = [];
    for (let position = 0; position < 25_000; position++) {
      open.append(position % 2 === 0 ? 7 : 8, insertAt(position, 5000));
      expected.push(position);
    }
    assert.ok(spill.writes > 500);
    assert.deepEqual(positionsOf(open.changes([7, 8]), 5000), expected);
    open.forget([7]);
    assert.equal(spill.cleared, 0);
    open.forget([8]);
    assert.equal(spill.cleared, 1);
  });

  it("forgets what a crash left without an end, also across the end of the xids", () => {
    const open = new OpenTransactions(new MemorySpill());
    for (const xid of [0xffff_fff0, 5, 900]) open.append(xid, insertAt(xid, 1));
    open.forgetBefore(6);
    assert.deepEqual(
      [0xffff_fff0, 5, 900].map((xid) => open.has(xid)),
      [false, false, true],
    );
  });

  it("knows the family of a subtransaction", () => {
    const open = new OpenTransactions(new MemorySpill());
    open.assign(11, 10);
    open.assign(12, 10);
    open.assign(21, 20);
    assert.deepEqual(new Set(open.familyOf(12)), new Set([10, 11, 12]));
    assert.deepEqual(open.familyOf(10), [10]);
  });
});

describe("transactions that may have begun before the input", () => {
  it("are all of them until something tells", () => {
    const beginnings = new Beginnings(1000, { lsn: 0 });
    assert.equal(beginnings.mayBeOlder(5, 6000), true);
    // Its redo point lies before the input.
    beginnings.checkpoint(999, 4);
    assert.equal(beginnings.mayBeOlder(5, 6000), true);
    beginnings.checkpoint(1000, 5);
    assert.deepEqual(
      [4, 5].map((xid) => beginnings.mayBeOlder(xid, 6000)),
      [true, false],
    );
  });

  it("are those of the first list, and of a list later than a gap", () => {
    const beginnings = new Beginnings(0, { lsn: 0 });
    beginnings.listed([7, 9]);
    beginnings.listed([30]);
    assert.deepEqual(
      [7, 8, 9, 30].map((xid) => beginnings.mayBeOlder(xid, 6000)),
      [true, false, true, false],
    );
    beginnings.restart(5000);
    assert.equal(beginnings.mayBeOlder(30, 6000), true);
    beginnings.listed([31]);
    assert.deepEqual(
      [30, 31].map((xid) => beginnings.mayBeOlder(xid, 6000)),
      [false, true],
    );
  });

  it("are those of the catalogue file's list, for ends behind its export", () => {
    const running = { lsn: 2000, xids: [7] };
    const older = (from: number, position: number): readonly boolean[] => {
      const beginnings = new Beginnings(from, { lsn: 2100, running });
      const answers = [7, 8].map((xid) => beginnings.mayBeOlder(xid, position));
      beginnings.ended([7]);
      return [...answers, beginnings.mayRun(position)];
    };
    assert.deepEqual(older(2000, 2100), [true, false, false]);
    assert.deepEqual(older(2001, 2100), [true, true, true]);
    assert.deepEqual(older(2000, 2099), [true, true, true]);
  });
});

describe("values stored out of line", () => {
  const value = { valueId: 5, toastRelation: 100, rawSize: 6, storedSize: 6, compressed: false };
  const chunk = (sequence: number, text: string) => ({
    valueId: 5,
    sequence,
    data: Buffer.from(text),
  });

  it("are whole, or not known", () => {
    const chunks = new TransactionChunks();
    assert.equal(chunks.payload(value), undefined);
    chunks.add(chunk(1, "def"));
    assert.equal(chunks.payload(value), undefined);
    chunks.add(chunk(0, "abc"));
    assert.equal(Buffer.from(chunks.payload(value) ?? []).toString(), "abcdef");
    assert.equal(chunks.payload({ ...value, storedSize: 5 }), undefined);
    chunks.clear();
    assert.equal(chunks.payload(value), undefined);
  });

  it("are kept by their table and number, and found in a file by one read", () => {
    const spill = new MemorySpill();
    const kept = new KeptValues(spill, 64 * 1024);
    kept.add(100, chunk(0, "abc"));
    kept.add(100, chunk(1, "def"));
    for (let id = 10; id < 500; id++) {
      for (let sequence = 0; sequence < 3; sequence++) {
        kept.add(100, { valueId: id, sequence, data: Buffer.alloc(1996, id + sequence) });
      }
    }
    assert.ok(spill.writes > 10);
    assert.equal(Buffer.from(kept.payload(value) ?? []).toString(), "abcdef");
    assert.equal(spill.reads, 1);
    assert.equal(kept.payload({ ...value, toastRelation: 101 }), undefined);
    assert.equal(kept.payload({ ...value, storedSize: 5 }), undefined);
    for (const id of [10, 499]) {
      const size = 3 * 1996;
      const payload = kept.payload({ ...value, valueId: id, rawSize: size, storedSize: size });
      const parts = [0, 1, 2].map((sequence) => Buffer.alloc(1996, id + sequence));
      assert.deepEqual(Buffer.from(payload ?? []), Buffer.concat(parts));
    }
  });

  it("are put together from the pages that show them, in any order, the newest first", () => {
    const kept = new KeptValues(new MemorySpill(), 64 * 1024);
    const filler = { valueId: 9, sequence: 0, data: Buffer.alloc(8000) };
    for (const part of [chunk(1, "old"), chunk(0, "abc"), chunk(2, "ghi"), chunk(1, "def")]) {
      kept.add(100, part);
      for (let count = 0; count < 10; count++) kept.add(101, filler);
    }
    const found = kept.payload({ ...value, rawSize: 9, storedSize: 9 });
    assert.equal(Buffer.from(found ?? []).toString(), "abcdefghi");
  });
});
