import assert from "node:assert/strict";
import { test } from "node:test";
import { type Lsn, formatLsn, parseLsn, unpadded } from "../src/lsn.ts";

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

test("an LSN as PostgreSQL 19 prints it is the same LSN", () => {
  for (const [padded, text] of [
    ["0/00000000", "0/0"],
    ["0/01B87138", "0/1B87138"],
    ["16/B374D848", "16/B374D848"],
    ["FFFFFFFF/00000001", "FFFFFFFF/1"],
    ["00000001/00000000", "1/0"],
  ] as const) {
    assert.equal(parseLsn(padded), parseLsn(text));
    assert.equal(unpadded(padded), text);
    assert.equal(unpadded(text), text);
  }
  assert.equal(unpadded("no LSN"), "no LSN");
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
