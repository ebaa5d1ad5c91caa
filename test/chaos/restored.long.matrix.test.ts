/** A short run of what `npm run test:chaos` does for longer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runRestored } from "./restored.ts";
import { newestOrBoth } from "../matrix/support/versions.ts";

const ROUNDS = 6;

for (const version of newestOrBoth()) {
  test(`a server restored from a copy at any moment, PostgreSQL ${version}: what is missing is said, and nothing of it is skipped`, async (t) => {
    const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
    const log = (line: string): void => t.diagnostic(line);
    assert.deepEqual(await runRestored({ version, seed, rounds: ROUNDS, log }), []);
  });
}
