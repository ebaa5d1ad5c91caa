import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lsn } from "../../../src/lsn.ts";
import { Feedback } from "../../../src/server/delivery/feedback.ts";

const at = (received: number, delivered: number): { received: Lsn; delivered: Lsn } => ({
  received: BigInt(received) as Lsn,
  delivered: BigInt(delivered) as Lsn,
});

test("without acknowledging, flush is never valid and write is what was received", () => {
  const feedback = new Feedback(false);
  assert.equal(feedback.dueInMs(200n as Lsn, 0), undefined);
  const status = feedback.status(at(200, 200), 0);
  assert.deepEqual([status.write, status.flush, status.apply], [200n, 0n, 0n]);
});

test("with everything delivered write and flush are the same, so that a stopping server goes", () => {
  const feedback = new Feedback(true);
  for (const time of [0, 1000]) {
    const status = feedback.status(at(200, 200), time);
    assert.deepEqual([status.write, status.flush], [200n, 200n]);
  }
});

test("flush that confirms nothing new while something is undelivered is 0/0: held back, it would hold up a stop", () => {
  const feedback = new Feedback(true);
  const flushes = [at(200, 140), at(200, 140), at(300, 140), at(300, 180)].map(
    (positions, index) => feedback.status(positions, index * 1000).flush,
  );
  assert.deepEqual(flushes, [140n, 0n, 0n, 180n]);
  assert.equal(feedback.confirmed, 180n);
});

test("a lone confirmation goes at once, many are put together", () => {
  const feedback = new Feedback(true);
  assert.equal(feedback.dueInMs(140n as Lsn, 0), 0);
  feedback.status(at(200, 140), 0);
  assert.equal(feedback.dueInMs(140n as Lsn, 10), undefined);
  assert.equal(feedback.dueInMs(160n as Lsn, 10), 90);
  assert.equal(feedback.dueInMs(160n as Lsn, 500), 0);
});
