import assert from "node:assert/strict";
import { test } from "node:test";
import { Outage } from "../../../src/server/stream/backoff.ts";

test("of an outage each reason is said once, and again at growing distances", () => {
  let nowMs = 0;
  const outage = new Outage(() => nowMs);
  const refused = "could not connect to server: connection refused";
  assert.equal(outage.add("lost the connection to the server"), "");
  assert.equal(outage.add(refused), "");
  const said: string[] = [];
  for (nowMs = 5000; nowMs <= 3_600_000; nowMs += 5000) {
    const text = outage.add(refused);
    if (text !== undefined) said.push(text.trim());
  }
  assert.deepEqual(said, [
    "14 attempts in 1 min have failed.",
    "26 attempts in 2 min have failed.",
    "50 attempts in 4 min have failed.",
    "98 attempts in 8 min have failed.",
    "194 attempts in 16 min have failed.",
    "386 attempts in 32 min have failed.",
  ]);
  assert.equal(outage.attempts, 722);
  // Another reason is news at once, another position or process is not.
  assert.equal(outage.add("slot in use by pid 17, at 0/1A2B"), "");
  assert.equal(outage.add("slot in use by pid 4711, at A/99"), undefined);
  outage.end();
  assert.deepEqual([outage.attempts, outage.add(refused)], [0, ""]);
});
