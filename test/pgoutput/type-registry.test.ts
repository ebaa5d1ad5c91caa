import assert from "node:assert/strict";
import { test } from "node:test";
import { type CatalogueType, TypeRegistry } from "../../src/pgoutput/type-registry.ts";

const ENUM: CatalogueType = { oid: 70000, name: "mood", shape: null };
const PAIR: CatalogueType = {
  oid: 70001,
  name: "pair",
  shape: { kind: "composite", fields: [{ name: "a", type: 23 }] },
};
const PAIRS: CatalogueType = {
  oid: 70002,
  name: "_pair",
  shape: { kind: "array", element: 70001, delimiter: "," },
};
const DOMAIN: CatalogueType = { oid: 70003, name: "d", shape: { kind: "domain", base: 70000 } };

test("the catalogue is asked once for a type, and never for a built-in one", () => {
  const types = new TypeRegistry();
  assert.deepEqual(types.uncatalogued([23, 70000, 70003, 70000, 99999]), [70000, 70003, 99999]);
  types.catalogue([70000, 70003, 99999], [ENUM, DOMAIN]);
  assert.deepEqual(types.uncatalogued([23, 70000, 70003, 99999]), []);
});

test("what is made of a composite type is asked for with each relation: its attributes may be others now", () => {
  // ALTER TYPE … ADD ATTRIBUTE sends nothing, and the rows after it were printed as text for ever.
  const types = new TypeRegistry();
  types.catalogue([70001, 70002], [PAIR, PAIRS]);
  assert.deepEqual(types.uncatalogued([70001, 70002]), [70001, 70002]);
});
