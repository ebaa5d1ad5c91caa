import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lsn } from "../../../src/lsn.ts";
import { boundaryOf } from "../../../src/postgres/messages/boundary.ts";
import { isRowChange } from "../../../src/postgres/messages/changes.ts";
import type { PgoutputMessage } from "../../../src/postgres/messages/messages.ts";
import { Limits } from "../../../src/server/start/limits.ts";
import { begin, commit, insert } from "../../support/wire/messages.ts";

/** What is passed on, and why it ended. */
function run(limits: Limits, messages: readonly PgoutputMessage[]): readonly string[] {
  const seen: string[] = [];
  for (const message of messages) {
    const row = isRowChange(message);
    const before = row
      ? limits.reached
        ? "limit"
        : undefined
      : limits.endsBefore(boundaryOf(message));
    if (before !== undefined) return [...seen, before];
    seen.push(message.kind);
    const after = row ? limits.change() : limits.endsAfter(boundaryOf(message));
    if (after !== undefined) return [...seen, after];
  }
  return seen;
}

const two = [
  begin(100),
  insert(),
  insert(),
  commit(100, 140),
  begin(140),
  insert(),
  commit(140, 180),
];
const at = (value: number): Limits => new Limits(BigInt(value) as Lsn, undefined);
const rows = (count: number): Limits => new Limits(undefined, undefined, count);

test("a limit cuts a transaction short, and takes the commit that follows its last row", () => {
  assert.deepEqual(run(rows(1), two), ["begin", "insert", "limit"]);
  assert.deepEqual(run(rows(2), two), ["begin", "insert", "insert", "commit", "limit"]);
  assert.equal(run(rows(3), two).at(-1), "limit");
  assert.equal(run(rows(4), two).length, two.length);
});

test("an end position takes every transaction that committed at or before it", () => {
  const first = ["begin", "insert", "insert", "commit"];
  assert.deepEqual(run(at(99), two), ["endpos"]);
  assert.deepEqual(run(at(100), two), [...first, "endpos"]);
  assert.deepEqual(run(at(140), two), [...first, "endpos"]);
  assert.deepEqual(run(at(141), two), [...two.map((message) => message.kind), "endpos"]);
  assert.equal(run(at(181), two).length, two.length);
});

test("a keepalive at the end position ends it too", () => {
  assert.equal(at(150).endsAt(149n as Lsn), false);
  assert.equal(at(150).endsAt(150n as Lsn), true);
  assert.equal(rows(1).endsAt(150n as Lsn), false);
});
