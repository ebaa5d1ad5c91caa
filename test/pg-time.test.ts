import assert from "node:assert/strict";
import { test } from "node:test";
import { type PgTime, formatPgTime, pgTimeFromUnixMs } from "../src/pg-time.ts";

test("times keep their microseconds, on both sides of the epoch", () => {
  for (const [time, text] of [
    [0n, "2000-01-01T00:00:00.000000Z"],
    [1n, "2000-01-01T00:00:00.000001Z"],
    [-1n, "1999-12-31T23:59:59.999999Z"],
    [-1000n, "1999-12-31T23:59:59.999000Z"],
    [0x3_0403_086d_a7fan, "2026-11-24T11:46:42.949114Z"],
  ] as const) {
    assert.equal(formatPgTime(time as PgTime), text);
  }
});

test("what no calendar holds is an infinity", () => {
  assert.equal(formatPgTime(0x7fffffffffffffffn as PgTime), "infinity");
  assert.equal(formatPgTime(-0x8000000000000000n as PgTime), "-infinity");
});

test("the client's clock comes out as it went in", () => {
  const now = Date.UTC(2026, 10, 24, 10, 57, 43, 123);
  assert.equal(formatPgTime(pgTimeFromUnixMs(now)), "2026-11-24T10:57:43.123000Z");
});
