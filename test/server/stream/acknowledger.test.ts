import assert from "node:assert/strict";
import { test } from "node:test";
import { INVALID_LSN, type Lsn } from "../../../src/lsn.ts";
import { ConsumerError, type StreamConsumer } from "../../../src/server/start/consumer.ts";
import { causeOf } from "../../../src/server/query/causes.ts";
import type { StreamState } from "../../../src/server/start/state.ts";
import { Acknowledger } from "../../../src/server/stream/acknowledger.ts";
import { Feedback } from "../../../src/server/delivery/feedback.ts";
import { Ledger } from "../../../src/server/delivery/ledger.ts";
import { Limits } from "../../../src/server/start/limits.ts";
import { Resume } from "../../../src/server/start/resume.ts";

function stateOf(sync: StreamConsumer["sync"], ledger = new Ledger()): StreamState {
  return {
    consumer: {
      message: () => {},
      announce: () => {},
      change: () => true,
      prepare: () => undefined,
      prepareStreamed: () => undefined,
      flush: () => undefined,
      sync,
      frame: undefined,
      note: undefined,
    },
    ledger,
    feedback: new Feedback(true),
    resume: new Resume(),
    limits: new Limits(undefined, undefined),
    confirmed: undefined,
  };
}

test("a sign of life that is asked for during a sync is asked for with the status behind it, and once", async () => {
  let durable: (position: Lsn) => void = () => {};
  const asked: boolean[] = [];
  const acknowledger = new Acknowledger(
    stateOf(() => new Promise((resolve) => (durable = resolve))),
    {
      send: (status) => asked.push(status.at(-1) === 1),
      fail: (error) => assert.fail(String(error)),
    },
  );
  acknowledger.confirm();
  acknowledger.askForReply();
  acknowledger.confirm();
  assert.deepEqual(asked, [], "nothing is confirmed before it is durable");
  durable(INVALID_LSN);
  await acknowledger.syncing;
  acknowledger.sendStatus();
  assert.deepEqual(asked, [true, false]);
});

test("a sync that does not end holds up no sign of life, and confirms nothing", () => {
  const ledger = new Ledger();
  ledger.keepalive(100n as Lsn);
  ledger.write(100n as Lsn);
  const flushed: bigint[] = [];
  const acknowledger = new Acknowledger(
    stateOf(() => new Promise(() => {}), ledger),
    {
      // Byte1('r')  Int64 written  Int64 flushed
      send: (status) => flushed.push(new DataView(status.buffer, status.byteOffset).getBigInt64(9)),
      fail: (error) => assert.fail(String(error)),
    },
  );
  acknowledger.confirm();
  acknowledger.signOfLife();
  acknowledger.signOfLife();
  assert.deepEqual(flushed, [0n, 0n]);
});

test("what the consumer throws is not taken for a lost connection, whatever its code", async () => {
  const timeout = Object.assign(new Error("fsync ETIMEDOUT"), { code: "ETIMEDOUT" });
  const syncs: ReadonlyArray<StreamConsumer["sync"]> = [
    () => {
      throw timeout;
    },
    () => Promise.reject(timeout),
  ];
  for (const sync of syncs) {
    const failures: unknown[] = [];
    const acknowledger = new Acknowledger(stateOf(sync), {
      send: () => assert.fail("nothing is confirmed"),
      fail: (error) => failures.push(error),
    });
    acknowledger.confirm();
    await acknowledger.syncing;
    const [error] = failures;
    assert.ok(error instanceof ConsumerError && error.cause === timeout);
    assert.equal(causeOf(error), "consumer");
    assert.equal(causeOf(timeout), "lost");
  }
});
