import assert from "node:assert/strict";
import { test } from "node:test";
import { type CatalogueType, TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";

const ENUM: CatalogueType = { oid: 70000, name: "mood", shape: null };
const DOMAIN: CatalogueType = { oid: 70003, name: "d", shape: { kind: "domain", base: 70000 } };

test("the catalogue is asked once for a type, and never for a built-in one", () => {
  const types = new TypeRegistry();
  assert.deepEqual(types.uncatalogued([23, 70000, 70003, 70000, 99999]), [70000, 70003, 99999]);
  types.catalogue([70000, 70003, 99999], [ENUM, DOMAIN]);
  assert.deepEqual(types.uncatalogued([23, 70000, 70003, 99999]), []);
});

test("a type is called what the stream calls it, but for a domain, of which that names the base type", () => {
  const types = new TypeRegistry();
  types.catalogue([70000, 70003], [ENUM, DOMAIN]);
  types.announce(70000, "public", "temper");
  types.announce(70003, "public", "temper");
  assert.equal(types.nameOf(70000), "temper");
  assert.equal(types.nameOf(70003), "d");
});
