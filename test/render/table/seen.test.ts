import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Relation } from "../../../src/postgres/messages/messages.ts";
import { columnValues, type TupleData, tupleEnd } from "../../../src/postgres/messages/tuple.ts";
import { SeenRows } from "../../../src/render/table/seen.ts";

const column = { typeOid: 25, typeModifier: -1 };
const RELATION: Relation = {
  oid: 1,
  schema: "public",
  table: "t",
  replicaIdentity: "default",
  columns: [
    { name: "id", key: true, ...column },
    { name: "value", key: false, ...column },
  ],
  keyed: true,
  announced: true,
};

function tuple(...values: readonly string[]): TupleData {
  const parts = values.flatMap((value) => {
    const head = Buffer.alloc(5);
    head.write("t");
    head.writeUInt32BE(Buffer.byteLength(value), 1);
    return [head, Buffer.from(value)];
  });
  const bytes = new Uint8Array(Buffer.concat(parts));
  return { bytes, view: new DataView(bytes.buffer), start: 0, columnCount: values.length };
}

const valueIn = (row: TupleData | undefined): string | undefined => {
  const [, value] = row === undefined ? [] : [...columnValues(row)];
  return value?.kind === "text" ? Buffer.from(value.bytes).toString() : undefined;
};

describe("rows that were seen", () => {
  const remember = (seen: SeenRows, ...values: readonly string[]): void => {
    const row = tuple(...values);
    seen.remember(RELATION, row, tupleEnd(row));
  };

  it("are what was seen last of a key, whatever the ring's turn", () => {
    const seen = new SeenRows(1 << 16);
    const truth = new Map<string, string>();
    let found = 0;
    for (let step = 0; step < 50_000; step++) {
      const id = String((step * 7919) % 700);
      const known = valueIn(seen.find(RELATION, tuple(id, "")));
      if (known !== undefined) {
        assert.equal(known, truth.get(id), id);
        found += 1;
      }
      const value = "x".repeat(step % 50) + step;
      truth.set(id, value);
      remember(seen, id, value);
      if (step % 5 === 0) {
        seen.forget(RELATION, tuple(id, ""));
        assert.equal(seen.find(RELATION, tuple(id, "")), undefined);
        truth.delete(id);
      }
    }
    assert.ok(found > 30_000, `${found} were found`);
  });

  it("give way, the oldest first", () => {
    const seen = new SeenRows(1 << 16);
    for (let id = 0; id < 10_000; id++) remember(seen, String(id), "some value");
    const there = Array.from({ length: 10_000 }, (_, id) => id).filter(
      (id) => seen.find(RELATION, tuple(String(id), "")) !== undefined,
    );
    assert.ok(there.length > 800 && there.length < 1500, `${there.length} are there`);
    assert.ok((there[0] ?? 0) > 8000, `${there[0]} is the oldest`);
  });

  it("take no more room for updates, as long as there is room", () => {
    const seen = new SeenRows(1 << 16);
    for (let id = 0; id < 600; id++) remember(seen, String(id), "some value");
    for (let step = 0; step < 10_000; step++) remember(seen, "7", `value ${step % 100}`);
    const there = Array.from({ length: 600 }, (_, id) => id).filter(
      (id) => seen.find(RELATION, tuple(String(id), "")) !== undefined,
    );
    assert.equal(there.length, 600);
    assert.equal(valueIn(seen.find(RELATION, tuple("7", ""))), "value 99");
  });

  it("hold neither a row that is too long nor what came before it", () => {
    const seen = new SeenRows();
    remember(seen, "1", "short");
    remember(seen, "1", "x".repeat(100_000));
    assert.equal(seen.find(RELATION, tuple("1", "")), undefined);
  });

  it("are those of their table, as it is now", () => {
    const seen = new SeenRows();
    remember(seen, "1", "a");
    assert.equal(seen.find({ ...RELATION, oid: 2 }, tuple("1", "")), undefined);
    // ALTER COLUMN … USING may give every row another value and leave the announcement as it was.
    assert.equal(seen.find({ ...RELATION }, tuple("1", "")), undefined);
    assert.equal(seen.find(RELATION, tuple("1", "")), undefined);
    remember(seen, "2", "b");
    seen.forgetTable(RELATION);
    assert.equal(seen.find(RELATION, tuple("2", "")), undefined);
  });

  it("are found by all of a key, and not without one", () => {
    const seen = new SeenRows();
    const columns = RELATION.columns.map((one) => ({ ...one, key: true }));
    const both = { ...RELATION, columns };
    const row = tuple("1", "2");
    seen.remember(both, row, tupleEnd(row));
    assert.notEqual(seen.find(both, tuple("1", "2")), undefined);
    assert.equal(seen.find(both, tuple("12", "")), undefined);
    for (const other of [{ keyed: false }, { replicaIdentity: "full" }] as const) {
      const unkeyed = { ...both, ...other };
      seen.remember(unkeyed, row, tupleEnd(row));
      assert.equal(seen.find(unkeyed, row), undefined);
    }
  });
});
