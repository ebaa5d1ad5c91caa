import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CheckpointFacts } from "../../../src/server/doctor/inspect-server.ts";
import { checkpointFindings } from "../../../src/server/doctor/server-findings.ts";
import { OWN, RDS, expectCheck } from "./support.ts";

describe("checkpoints", () => {
  const often: CheckpointFacts = {
    requested: 9,
    timed: 1,
    seconds: 100,
    wal_bytes: 9 * 2 ** 30,
    max_wal_size_bytes: 2 ** 30,
    max_wal_size: "1GB",
  };
  it("that come too often are a warning", () => {
    expectCheck(checkpointFindings(often, OWN), "checkpoints", [
      "warning",
      /^9 of 10 checkpoints .* max_wal_size \(1GB now\) was reached, by the WAL between them, one every 10 s; .*: walctl inspect .* "\$PGDATA\/pg_wal"$/,
      null,
    ]);
    expectCheck(checkpointFindings(often, RDS), "checkpoints", [
      "warning",
      /at its first change$/,
      null,
    ]);
  });
  for (const [story, facts] of [
    ["on a server that does not count WAL", undefined],
    ["few", { ...often, requested: 4, timed: 0 }],
    ["on time for the most part", { ...often, requested: 9, timed: 9 }],
    ["by hand", { ...often, wal_bytes: 2 ** 30 }],
  ] as const) {
    it(`${story} are no finding`, () => {
      assert.deepEqual(checkpointFindings(facts, OWN), []);
    });
  }
});
