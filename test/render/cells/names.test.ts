import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Relation } from "../../../src/postgres/messages/messages.ts";
import { shortenName, TableNames } from "../../../src/render/cells/names.ts";
import { textWidth } from "../../../src/render/terminal/text-width.ts";

let oid = 0;
const named = (schema: string, table: string): Relation => ({
  oid: oid++,
  schema,
  table,
  replicaIdentity: "default",
  columns: [],
  keyed: false,
  announced: true,
});

describe("names of tables", () => {
  it("are shortened in the middle, with more of the end", () => {
    const names = new TableNames("…");
    names.see(named("public", "x"));
    const short = ["accounts", "tellers", "branches", "history"].map((end) =>
      names.within(named("public", `pgbench_${end}`), 12),
    );
    assert.deepEqual(short, ["pgb…accounts", "pgb…_tellers", "pgb…branches", "pgb…_history"]);
  });

  it("never look alike, in whatever place they differ, and stay what they are", () => {
    for (const width of [5, 9, 11, 18, 40]) {
      const names = new TableNames("…");
      names.see(named("public", "x"));
      const tables = Array.from({ length: 300 }, (_, index) => {
        const number = String(index).padStart(3, "0");
        const [a, b] = ["a".repeat(25), "b".repeat(25)];
        return named(index % 3 === 0 ? "public" : "other", `${a}${number}${b}${index % 2}`);
      });
      const short = tables.map((table) => names.within(table, width));
      assert.equal(new Set(short).size, tables.length);
      for (const name of short) assert.ok(textWidth(name) <= Math.max(width, 6), name);
      assert.deepEqual(
        tables.map((table) => names.within(table, width)),
        short,
      );
    }
  });

  it("have their schema, unless it is the first table's", () => {
    const names = new TableNames("…");
    names.see(named("sales", "orders"));
    assert.equal(names.home, "sales");
    const all = [named("sales", "orders"), named("public", "orders"), named("", "pg_class")];
    const shown = (): readonly string[] => all.map((table) => names.within(table, 30));
    assert.deepEqual(shown(), ["orders", "public.orders", "pg_catalog.pg_class"]);
    names.see(named("public", "orders"));
    assert.equal(names.home, "sales", "as long as that is what the screen says");
    names.turn();
    assert.deepEqual(shown(), ["sales.orders", "orders", "pg_catalog.pg_class"]);
    names.see(named("sales", "orders"));
    names.turn();
    assert.equal(names.home, "public", "and stays so");
  });

  it("that have the same glyphs are told apart", () => {
    const names = new TableNames("…");
    names.see(named("public", "x"));
    const short = ["jobs", "j\u043ebs"].map((table) => names.within(named("public", table), 30));
    assert.deepEqual(short, ["jobs", String.raw`j\u043ebs`]);
  });

  it("are not cut inside of an escape", () => {
    const name = shortenName(String.raw`"a\u{e0041}b\u{e0041}c"`, 12, "…");
    assert.equal(
      name.replaceAll(String.raw`\u{e0041}`, ""),
      name.includes("e0041") ? '"a…c"' : name,
    );
    assert.doesNotMatch(name.replaceAll(String.raw`\u{e0041}`, ""), /[\\{}]/);
  });
});
