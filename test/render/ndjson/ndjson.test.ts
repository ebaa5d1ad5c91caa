import assert from "node:assert/strict";
import { test } from "node:test";
import type { Relation, RowChange, Transaction } from "../../../src/postgres/messages/messages.ts";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import type { PgTime } from "../../../src/pg-time.ts";
import { NdjsonRenderer } from "../../../src/render/ndjson/ndjson.ts";
import { seededRandom } from "../../support/tools/random.ts";

const INT8 = 20;
const ROWS = 5000;

type Row = Pick<RowChange, "position" | "transaction" | "relation">;

function relation(table: string): Relation {
  return {
    oid: 1,
    schema: "public",
    table,
    replicaIdentity: "default",
    columns: [{ name: "id", key: true, typeOid: INT8, typeModifier: -1 }],
    keyed: true,
    announced: true,
  };
}

/** Byte1('t')  Int32 length  digits */
function change(kind: RowChange["kind"], of: Row, id: string): RowChange {
  const bytes = Buffer.concat([Buffer.from("t\0\0\0\0"), Buffer.from(id)]);
  bytes.writeUInt32BE(id.length, 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tuple = { bytes, view, start: 0, columnCount: 1 };
  if (kind === "insert") return { ...of, kind, key: null, old: null, new: tuple };
  if (kind === "update") return { ...of, kind, key: tuple, old: null, new: tuple };
  return { ...of, kind, key: tuple, old: null, new: null };
}

function renderer(): NdjsonRenderer {
  return new NdjsonRenderer({ types: new TypeRegistry(), values: "json", safeNumbers: false });
}

test("a row's line is the same whatever line comes before it in a batch", () => {
  const next = seededRandom(20261124);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!;
  const relations = [relation("orders"), relation("名前 größe")];
  const transactions: Array<Transaction | null> = [
    { xid: 7, commitTime: 1n as PgTime },
    { xid: 8, commitTime: 846_000_000_123_456n as PgTime },
    null,
  ];
  const ids = ["1", "12345", "-9007199254740993", "9".repeat(200_000)];
  const positions = [
    0, 1, 0xf, 0x10, 0x10, 0xff, 0xfff, 0x1000, 0x7fffffff, 0xfffffff0, 0xffffffff,
  ].flatMap((low) => [0, 1, 0x16].map((high) => ({ high, low })));
  const batch = renderer();
  const lines: string[] = [];
  let expected = "";
  let transaction: Transaction | null = null;
  let [table] = relations as [Relation];
  for (let row = 0; row < ROWS; row++) {
    // Mostly as the row before, as in life.
    if (next() < 0.1) transaction = pick(transactions);
    if (next() < 0.1) table = pick(relations);
    const message = change(
      pick(["insert", "insert", "insert", "update", "delete"]),
      { position: pick(positions), transaction, relation: table },
      pick(next() < 0.01 ? ids : ids.slice(0, 3)),
    );
    batch.render(message);
    const alone = renderer();
    alone.render(message);
    expected += Buffer.from(alone.take()).toString();
    if (next() < 0.05) lines.push(Buffer.from(batch.take()).toString());
  }
  lines.push(Buffer.from(batch.take()).toString());
  assert.equal(lines.join(""), expected);
  assert.match(expected, /"lsn":"16\/FFFFFFF0"/);
});
