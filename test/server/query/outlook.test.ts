import assert from "node:assert/strict";
import { test } from "node:test";
import { outlookOfSqlState } from "../../../src/server/query/outlook.ts";

/** Manual: PostgreSQL Error Codes. */
const CLASSES =
  "00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX";

test("each class of SQLSTATEs has an outlook: what passes, what may, and all others stay", () => {
  const classesThat = (outlook: string): string =>
    CLASSES.split(" ")
      .filter((sqlClass) => outlookOfSqlState(`${sqlClass}000`) === outlook)
      .join(" ");
  assert.equal(classesThat("passes"), "08 40 53 55 57 72");
  assert.equal(classesThat("doubtful"), "0A 58 XX");
});

test("single SQLSTATEs differ from their class", () => {
  for (const [sqlState, outlook] of [
    // Timeouts end the session; that a transaction is read-only stays.
    ["25P03", "passes"],
    ["25P04", "passes"],
    ["25006", "stays"],
    ["57P03", "passes"],
    ["57P05", "passes"],
    ["57014", "passes"],
    // database_dropped
    ["57P04", "stays"],
    ["55P02", "stays"],
    // Of a fork.
    ["ZZ001", "doubtful"],
  ] as const) {
    assert.equal(outlookOfSqlState(sqlState), outlook, sqlState);
  }
});
