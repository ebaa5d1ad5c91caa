import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lsn, formatLsn, parseLsn } from "../src/lsn.ts";

test("an LSN is printed as pg_lsn prints it, and read back", () => {
  for (const [text, value] of [
    ["0/0", 0n],
    ["0/1", 1n],
    ["0/FFFFFFFF", 0xffffffffn],
    ["1/0", 0x100000000n],
    ["16/B374D848", 0x16b374d848n],
    ["FFFFFFFF/FFFFFFFF", 0xffffffffffffffffn],
  ] as const) {
    assert.equal(formatLsn(value as Lsn), text);
    assert.equal(parseLsn(text), value);
  }
  assert.equal(parseLsn("16/b374d848"), 0x16b374d848n);
});

test("what pg_lsn refuses is refused", () => {
  for (const text of [
    "",
    "0",
    "/",
    "0/",
    "/0",
    "0/123456789",
    "0x0/0",
    "-1/0",
    "0/0 ",
    "0/G",
    "1/2/3",
  ]) {
    assert.equal(parseLsn(text), undefined, text);
  }
});
