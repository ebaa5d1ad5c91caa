import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lsn } from "../../../src/lsn.ts";
import { Ledger } from "../../../src/server/delivery/ledger.ts";
import type { OtherMessage } from "../../../src/postgres/messages/messages.ts";
import { boundaryOf } from "../../../src/postgres/messages/boundary.ts";
import { begin, commit } from "../../support/wire/messages.ts";

const lsn = (value: number): Lsn => BigInt(value) as Lsn;

function take(ledger: Ledger, message: OtherMessage): void {
  const boundary = boundaryOf(message);
  assert.ok(boundary !== undefined);
  ledger.boundary(boundary);
}

test("a commit counts once the write that held it is done, as its end_lsn and never more", () => {
  const ledger = new Ledger();
  for (const message of [begin(100), commit(100, 140)]) take(ledger, message);
  const mark = ledger.mark();
  assert.equal(ledger.delivered, 0n);
  ledger.deliver(mark);
  assert.equal(ledger.delivered, 140n);
});

test("what its reader confirms has been written, before the write that holds it is done", () => {
  const ledger = new Ledger();
  take(ledger, begin(100));
  take(ledger, commit(100, 140));
  ledger.deliver(lsn(140));
  assert.deepEqual([ledger.written, ledger.delivered], [140n, 140n]);
});

test("what came after the mark is not delivered with it", () => {
  const ledger = new Ledger();
  take(ledger, begin(100));
  take(ledger, commit(100, 140));
  const mark = ledger.mark();
  take(ledger, begin(140));
  take(ledger, commit(140, 180));
  ledger.deliver(mark);
  assert.equal(ledger.delivered, 140n);
});

test("a keepalive's position counts between transactions, and not within one", () => {
  const ledger = new Ledger();
  ledger.keepalive(lsn(50));
  ledger.deliver(ledger.mark());
  assert.equal(ledger.delivered, 50n);
  take(ledger, begin(100));
  // It can already stand at the commit's position.
  ledger.keepalive(lsn(140));
  ledger.deliver(ledger.mark());
  assert.equal(ledger.delivered, 50n);
  assert.equal(ledger.received, 140n);
});

test("a keepalive behind a commit that is not yet written waits for it", () => {
  const ledger = new Ledger();
  take(ledger, begin(100));
  take(ledger, commit(100, 140));
  ledger.keepalive(lsn(200));
  assert.equal(ledger.delivered, 0n);
  ledger.deliver(ledger.mark());
  assert.equal(ledger.delivered, 200n);
});

test("a transaction that ended while a write was pending is not delivered with that write", () => {
  const ledger = new Ledger();
  take(ledger, begin(100));
  take(ledger, commit(100, 140));
  const { ends } = ledger;
  const mark = ledger.mark();
  take(ledger, begin(140));
  take(ledger, commit(140, 180));
  ledger.write(mark, ends);
  ledger.deliver(ledger.written);
  assert.deepEqual([ledger.delivered, ledger.undelivered], [140n, 1]);
});

test("positions never go back", () => {
  const ledger = new Ledger();
  ledger.keepalive(lsn(200));
  ledger.deliver(ledger.mark());
  ledger.keepalive(lsn(100));
  ledger.deliver(lsn(100));
  assert.equal(ledger.delivered, 200n);
  assert.equal(ledger.received, 200n);
});

test("after a lost connection nothing is open", () => {
  const ledger = new Ledger();
  take(ledger, begin(100));
  ledger.disconnect();
  ledger.keepalive(lsn(90));
  ledger.deliver(ledger.mark());
  assert.equal(ledger.delivered, 90n);
});

test("a keepalive from before the start position does not take the next start back", () => {
  // The server sends these while it reads from restart_lsn up to where it was told to start; connecting again
  // there, it would send what is in FILE already.
  const ledger = new Ledger();
  ledger.startAt(500n as Lsn);
  ledger.keepalive(300n as Lsn);
  assert.equal(ledger.mark(), 300n);
  assert.equal(ledger.next, 500n);
  // Nor does one from behind it take the next start on: another server may have written something else there.
  ledger.keepalive(700n as Lsn);
  assert.equal(ledger.next, 500n);
  take(ledger, commit(760, 800));
  assert.equal(ledger.next, 800n);
});

test("on a new connection counts only what was passed on, not what keepalives said of the log", () => {
  const ledger = new Ledger();
  take(ledger, begin(100));
  take(ledger, commit(100, 140));
  ledger.keepalive(lsn(500));
  ledger.write(ledger.mark());
  ledger.deliver(ledger.written);
  ledger.disconnect();
  ledger.restart();
  assert.deepEqual([ledger.received, ledger.delivered, ledger.mark()], [140n, 140n, 140n]);
});
