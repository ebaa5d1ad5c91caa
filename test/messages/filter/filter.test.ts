import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createFilter, type FilterFlags } from "../../../src/messages/filter/filter.ts";
import { ExitCode, WalctlError } from "../../../src/errors.ts";
import type { PgoutputMessage, Relation } from "../../../src/postgres/messages/messages.ts";
import {
  announcement,
  begin,
  commit,
  insert,
  logicalMessage,
  streamAbort,
} from "../../support/wire/messages.ts";

const named = (schema: string, table: string, announced = true): Relation => ({
  ...insert().relation,
  schema,
  table,
  announced,
});
const into = (relation: Relation): PgoutputMessage => ({ ...insert(), relation });
const truncate = (...relations: Relation[]): PgoutputMessage => ({
  kind: "truncate",
  position: insert().position,
  transaction: null,
  relations,
  cascade: false,
  restartIdentity: false,
});

const orders = named("shop", "orders");

const CASES: readonly (readonly [
  story: string,
  flags: FilterFlags,
  message: PgoutputMessage,
  accepted: boolean,
])[] = [
  ["nothing asked", {}, begin(1), true],
  ["a kind", { only: "insert" }, into(orders), true],
  ["a kind in capitals, as in SQL", { only: "INSERT" }, into(orders), true],
  ["another kind", { only: "insert" }, begin(1), false],
  ["its end, to be counted", { only: "insert", summary: true }, streamAbort(1, 2), true],
  ["another kind of change", { only: "delete", summary: true }, into(orders), false],
  ["a list with blanks", { only: "begin, commit" }, commit(1, 2), true],
  ["lists, repeated", { only: ["begin", "commit,insert"] }, into(orders), true],
  ["a table", { onlyTable: "shop.orders" }, into(orders), true],
  ["another table", { onlyTable: "shop.order" }, into(orders), false],
  ["one of two patterns", { onlyTable: ["a.*", "shop.*"] }, into(orders), true],
  ["a star", { onlyTable: "s*.o*s" }, into(orders), true],
  ["a question mark is one character", { onlyTable: "shop.order?" }, into(orders), true],
  ["and not none", { onlyTable: "shop.orders?" }, into(orders), false],
  ["without a dot: in any schema", { onlyTable: "orders" }, into(orders), true],
  ["a dot is a dot", { onlyTable: "ord.rs" }, into(orders), false],
  ["no other character means anything", { onlyTable: "a.b[c" }, into(named("a", "b[c")), true],
  ["the wire's empty schema", { onlyTable: "pg_catalog.t" }, into(named("", "t")), true],
  ["a table never announced, all wanted", { onlyTable: "*" }, into(named("", "", false)), true],
  ["a table never announced", { onlyTable: "pg_*.*" }, into(named("", "", false)), false],
  ["a relation line", { onlyTable: "shop.*" }, { ...announcement(), relation: orders }, true],
  ["another relation's", { onlyTable: "a.*" }, { ...announcement(), relation: orders }, false],
  ["truncate with one that fits", { onlyTable: "a.b" }, truncate(orders, named("a", "b")), true],
  ["truncate with none", { onlyTable: "a.b" }, truncate(orders), false],
  ["what concerns no table stays", { onlyTable: "a.b" }, commit(1, 2), true],
  ["a logical message too", { onlyTable: "a.b" }, logicalMessage(1, true), true],
  ["both must hold", { only: "begin", onlyTable: "shop.*" }, into(orders), false],
];

describe("--only and --only-table", () => {
  for (const [story, flags, message, accepted] of CASES) {
    it(story, () => {
      const { accepts } = createFilter(flags);
      assert.equal(accepts(message), accepted);
      assert.equal(accepts(message), accepted, "asked again");
    });
  }

  it("an unknown kind is a usage error with the kinds there are", () => {
    assert.throws(
      () => createFilter({ only: "insert,inserts" }),
      (error: unknown) =>
        error instanceof WalctlError &&
        error.exitCode === ExitCode.usage &&
        error.message.includes('"inserts"') &&
        (error.hint ?? "").includes("stream_prepare"),
    );
  });
});
