import assert from "node:assert/strict";
import type { Fates, Transaction } from "./fates.ts";
import type { StreamLine } from "./stream-line.ts";

/** A streamed change carries its subtransaction's xid, and nobody knows yet when it will commit. */
const MAY_DIFFER = new Set(["xid", "commit_time"]);
const COMMIT_KEYS = ["commit_lsn", "end_lsn", "commit_time"];

/**
 * A streamed message carries the transaction's own xid, not its subtransaction's as a change does
 * (pgoutput_message), so that nobody can tell that it is void. Ours says so itself.
 */
const VOID_MESSAGE = 'prefix:"matrix void"';

/** The same transactions, of the same changes, whatever the order in which they were told. */
export function compareFates(actual: Fates, expected: Fates): void {
  const described = describeAll(actual.committed);
  for (const [xid, changes] of describeAll(expected.committed)) {
    assert.deepEqual(described.get(xid), changes, `transaction ${xid}`);
    described.delete(xid);
  }
  assert.deepEqual([...described.keys()], [], "transactions that nobody committed");
  assert.deepEqual(actual.loose.map(describe), expected.loose.map(describe));
}

/** By xid; a transaction without changes may be there or not. */
function describeAll(transactions: readonly Transaction[]): Map<number, readonly string[]> {
  const some = transactions.filter(({ changes }) => changes.length > 0);
  return new Map(
    some.map(({ xid, changes, origin, commit }) => [
      xid,
      [
        `origin ${origin}`,
        ...changes.map(({ line }) => describe(line)).filter((text) => !text.includes(VOID_MESSAGE)),
        COMMIT_KEYS.map((key) => commit.members.get(key)).join(" "),
      ],
    ]),
  );
}

function describe(line: StreamLine): string {
  const members = [...line.members].filter(([key]) => !MAY_DIFFER.has(key));
  return members.map(([key, value]) => `${key}:${value}`).join(" ");
}
