import assert from "node:assert/strict";
import { test } from "node:test";
import type { Relation } from "../../../src/postgres/messages/messages.ts";
import { RelationPlans } from "../../../src/render/values/relation-plans.ts";

const relation = (oid: number): Relation => ({
  oid,
  schema: "public",
  table: `t${oid}`,
  replicaIdentity: "default",
  keyed: false,
  columns: Array.from({ length: 9 }, (_, index) => {
    return { name: String(index), key: false, typeOid: 25, typeModifier: -1 };
  }),
  announced: true,
});

test("of too many plans those stay that are used, and the others are made again", () => {
  const made: number[] = [];
  const plans = new RelationPlans((of: Relation) => made.push(of.oid));
  const [often, once] = [relation(0), relation(1)];
  plans.of(once);
  for (let oid = 2; oid < 5000; oid++) {
    plans.of(often);
    plans.of(relation(oid));
  }
  plans.of(once);
  assert.equal(made.filter((oid) => oid === often.oid).length, 1);
  assert.equal(made.filter((oid) => oid === once.oid).length, 2);
});
