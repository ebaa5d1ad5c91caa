/** A short run of `npm run test:chaos`, which goes on for as long as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runChaos } from "./chaos.ts";

const DURATION_MS = 10_000;

test("random faults under load: nothing lost, nothing twice, nothing confirmed too early", async (t) => {
  const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
  const log: string[] = [];
  const report = await runChaos({
    version: 18,
    seed,
    durationMs: DURATION_MS,
    log: (line) => log.push(line),
  });
  t.diagnostic(`${report.transactions} transactions of ${report.rows} rows`);
  for (const { name, wrong } of report.subjects) {
    assert.deepEqual(wrong, [], `${name}, seed ${seed}: ${log.join(", ")}`);
  }
});
