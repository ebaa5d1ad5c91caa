import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadPace } from "../../../src/server/connection/read-pace.ts";

/** The reads after which there is a pause. */
function naps(reads: ReadonlyArray<readonly [bytes: number, afterMs: number]>): readonly number[] {
  const pace = new ReadPace();
  let nowMs = 0;
  return reads.flatMap(([bytes, afterMs], index) => {
    nowMs += afterMs;
    return pace.napMs(bytes, nowMs) > 0 ? [index] : [];
  });
}

test("a lone row, or one now and then, is never delayed", () => {
  assert.deepEqual(naps(Array.from({ length: 1000 }, () => [100, 20])), []);
});

test("a burst has to go on for a while before there are pauses", () => {
  assert.deepEqual(naps(Array.from({ length: 66 }, () => [100, 0.02])), [64, 65]);
});

test("a gap ends the load, a large read needs no pause", () => {
  const load = Array.from({ length: 100 }, () => [100, 0.02] as const);
  assert.equal(naps([...load, [100, 50]]).at(-1), 99);
  assert.equal(naps([...load, [60_000, 0.02]]).at(-1), 99);
});
