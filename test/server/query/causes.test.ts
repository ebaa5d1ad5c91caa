import assert from "node:assert/strict";
import { test } from "node:test";
import { causeOfSqlState } from "../../../src/server/query/causes.ts";

/** Manual: PostgreSQL Error Codes. */
const CLASSES =
  "00 01 02 03 08 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 28 2B 2D 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX";

test("each class of SQLSTATEs has a cause, and most errors stay until somebody acts", () => {
  const classesThat = (cause: string): string =>
    CLASSES.split(" ")
      .filter((sqlClass) => causeOfSqlState(`${sqlClass}000`) === cause)
      .join(" ");
  assert.equal(classesThat("lost"), "08 57");
  assert.equal(classesThat("interrupted"), "40 53 55 72");
  assert.equal(classesThat("doubtful"), "0A 58 XX");
});

test("single SQLSTATEs differ from their class", () => {
  for (const [sqlState, cause] of [
    // Timeouts end the session; that a transaction is read-only stays.
    ["25P03", "lost"],
    ["25P04", "lost"],
    ["25006", "final"],
    ["57P03", "stopping"],
    ["57P01", "stopping"],
    ["53300", "lost"],
    ["55006", "slotInUse"],
    ["57P05", "lost"],
    ["57014", "interrupted"],
    // database_dropped
    ["57P04", "final"],
    ["55P02", "final"],
    // Of a fork.
    ["ZZ001", "doubtful"],
  ] as const) {
    assert.equal(causeOfSqlState(sqlState), cause, sqlState);
  }
});
