/** Short runs of what `npm run test:chaos` does for longer. */
import assert from "node:assert/strict";
import { platform } from "node:os";
import { test } from "node:test";
import { runChaos } from "./chaos.ts";
import { runCombined } from "./combined.ts";
import { runSoak } from "./soak.ts";

const DURATION_MS = 10_000;
/** Time for three bursts. */
const SOAK_MS = 18_000;

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

test("--ack, FILE, --streaming and --two-phase together, over crashes of the server, kills and rotations: each row once, in the order of ends", async (t) => {
  const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
  const log: string[] = [];
  const options = { version: 18, seed, log: (line: string) => log.push(line) } as const;
  for await (const report of runCombined({ ...options, durationMs: DURATION_MS })) {
    t.diagnostic(`WALCTL_TEST_SEED=${report.seed}: ${report.transactions} transactions`);
    for (const { name, wrong } of report.subjects) {
      assert.deepEqual(wrong, [], `${name}, seed ${report.seed}: ${log.join(", ")}`);
    }
  }
});

test("a steady load with bursts, as NDJSON and as a table: nothing lost, in order, less than 100 MB", async (t) => {
  const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
  t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
  const report = await runSoak({ version: 18, seed, durationMs: SOAK_MS });
  t.diagnostic(JSON.stringify(report));
  assert.ok(report.changes > 20_000);
  for (const { name, peakMb, wrong } of report.subjects) {
    assert.deepEqual(wrong, [], name);
    assert.ok(peakMb > 20 || platform() !== "linux", `${name} was not measured`);
  }
});
