/** The stream's machine against a model of the server, over random histories and interruptions. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { StreamModel, explain, scenario } from "../../support/wire/stream-model.ts";

const folder = mkdtempSync(join(process.env["WALCTL_TEST_MODEL_DIR"] ?? tmpdir(), "walctl-model-"));
const file = join(folder, "out.ndjson");
after(() => rmSync(folder, { recursive: true, force: true }));

const runs = Number(process.env["WALCTL_TEST_MODEL_RUNS"] ?? 2000);
const seed = Number(process.env["WALCTL_TEST_MODEL_SEED"] ?? Date.now() % 2 ** 31);

test(`whatever is interrupted, every change is printed once and nothing else is confirmed (seed ${seed})`, async () => {
  const property = fc.asyncProperty(scenario, async (each) => {
    assert.equal(await new StreamModel(each, file).run(), undefined);
  });
  const { counterexample, numRuns, failed } = await fc.check(property, { numRuns: runs, seed });
  const found = counterexample?.[0];
  if (failed && found !== undefined) assert.fail(`run ${numRuns}: ${await explain(found, file)}`);
});
