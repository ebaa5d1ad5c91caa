/** How --row reads its value. What it prints is in tail/row.pg.test.ts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AskedRows } from "../../../src/messages/filter/asked-rows.ts";
import { WalctlError } from "../../../src/errors.ts";

describe("--row", () => {
  for (const [text, schema, table] of [
    ["orders 42", "shop", "orders"],
    ["Shop.Orders 42 'it''s'", "shop", "orders"],
    [`"Order Items"  42  'a b'`, "shop", "Order Items"],
    [`public."a.""b" x=1 "Y Z"='2'`, "public", 'a."b'],
    ["orders -1", "shop", "orders"],
  ] as const) {
    it(`reads ${text}`, () => {
      const [pattern] = new AskedRows([text]).tables;
      assert.equal(pattern?.fits(schema, table), true);
      assert.equal(pattern.fits(schema, `${table}2`), false);
    });
  }

  for (const text of ["", "orders", "42", " ", "orders 'open", "orders id=42 7"]) {
    it(`refuses "${text}" with an example`, () => {
      assert.throws(
        () => new AskedRows([text]),
        (error) =>
          error instanceof WalctlError &&
          error.exitCode === 2 &&
          /orders 42/.test(error.hint ?? ""),
      );
    });
  }
});
