import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** Longer than anything takes on a machine that is busy with other tests. */
const DEADLINE_MS = 120_000;

/**
 * Waits until the condition holds, and asks for it every so many milliseconds.
 * @throws after two minutes, with the condition's text
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  everyMs = 20,
): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, `it is still not so: ${condition.toString()}`);
    await sleep(everyMs);
  }
}
