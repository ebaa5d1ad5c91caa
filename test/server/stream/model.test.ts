/**
 * The stream's machine against a model of the server, over random histories, options and interruptions. A run of some
 * seconds; WALCTL_TEST_MODEL_RUNS asks for more, WALCTL_TEST_MODEL_SEED
 * for others.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { StreamModel, explain } from "../../support/model/model.ts";
import { type Scenario, restorations, scenarios } from "../../support/model/scenario.ts";

const { WALCTL_TEST_MODEL_RUNS: runs = "1500", WALCTL_TEST_MODEL_SEED: asked } = process.env;
const numRuns = Number(runs);
// The same each time: what a new seed finds is for somebody who looks at it.
const seed = Number(asked ?? 20_261_202);

const folder = mkdtempSync(join(tmpdir(), "walctl-model-"));
const file = join(folder, "out.ndjson");
after(() => rmSync(folder, { recursive: true, force: true }));

/** With FILE a run takes five times as long. */
async function check(toFile: boolean, share: number): Promise<void> {
  const fits = scenarios.map((each): Scenario => ({ ...each, toFile }));
  const property = fc.asyncProperty(fits, async (each) => {
    assert.equal(await new StreamModel(each, file).run(), undefined);
  });
  const { counterexample } = await fc.check(property, { numRuns: numRuns * share, seed });
  const found = counterexample?.[0];
  if (found !== undefined) assert.fail(await explain(found, file));
}

test(`whatever is interrupted, every change is printed once and nothing else is confirmed (seed ${seed})`, async () => {
  await check(false, 1);
});

test(`whatever kills a process, FILE has every change once in the end (seed ${seed})`, async () => {
  await check(true, 0.2);
});

test(`what a restored server has written instead is printed, or there is an error (seed ${seed})`, async () => {
  const property = fc.asyncProperty(scenarios, restorations, async (each, restored) => {
    const model = new StreamModel({ ...each, toFile: false }, file);
    assert.equal(await model.runRestored(restored), undefined);
  });
  await fc.assert(property, { numRuns, seed });
});
