import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lsn } from "../../../src/lsn.ts";
import { Confirmations } from "../../../src/server/delivery/confirmations.ts";

function printed(...ends: readonly number[]): Confirmations {
  const confirmations = new Confirmations();
  for (const end of ends) confirmations.commit(BigInt(end) as Lsn);
  confirmations.printed();
  return confirmations;
}

test("the consumer confirms ends of commits that were written, forwards", () => {
  const confirmations = printed(0x100, 0x200, 0x300);
  assert.deepEqual(confirmations.confirm("0/200"), { lsn: 0x200n });
  assert.equal(confirmations.outstanding, 1);
  assert.deepEqual(confirmations.confirm("0/00000200"), { lsn: 0x200n });
  assert.deepEqual(confirmations.confirm(" 0/300\r"), { lsn: 0x300n });
  assert.deepEqual(confirmations.confirm("0/300"), { lsn: 0x300n });
});

test("what could lose a transaction is refused", () => {
  const confirmations = printed(0x100, 0x200);
  confirmations.commit(0x300n as Lsn);
  for (const [line, reason] of [
    ["", /not an LSN/],
    ["0/", /not an LSN/],
    ["nonsense", /not an LSN/],
    ["0/201", /nothing beyond 0\/200/],
    ["0/300", /nothing beyond 0\/200/],
    ["0/101", /not the end_lsn/],
    ["0/50", /not the end_lsn/],
  ] as const) {
    const verdict = confirmations.confirm(line);
    assert.match("refused" in verdict ? verdict.refused : "", reason, line);
  }
  confirmations.confirm("0/200");
  const back = confirmations.confirm("0/100");
  assert.match("refused" in back ? back.refused : "", /0\/200 is confirmed already/);
});

test("the old end of a late prepare confirms nothing, and is not refused", () => {
  const confirmations = printed(0x100, 0x200, 0x80, 0x300);
  assert.equal(confirmations.unconfirmed, 4);
  assert.deepEqual(confirmations.confirm("0/80"), { lsn: 0n });
  assert.deepEqual(confirmations.confirm("0/200"), { lsn: 0x200n });
  assert.deepEqual(confirmations.confirm("0/80"), { lsn: 0x200n });
  assert.equal(confirmations.unconfirmed, 2);
  assert.deepEqual(confirmations.confirm("0/300"), { lsn: 0x300n });
  assert.equal(confirmations.unconfirmed, 0);
});

test("a consumer far behind is rounded down to a commit that is still known; memory stays bounded", () => {
  const confirmations = new Confirmations();
  for (let end = 1; end <= 200_000; end++) {
    confirmations.commit(BigInt(end * 16) as Lsn);
    confirmations.printed();
  }
  assert.ok(confirmations.outstanding <= 65_536);
  assert.equal(confirmations.unconfirmed, 200_000);
  const verdict = confirmations.confirm(
    (50_001 * 16).toString(16).padStart(1, "0").replace(/^/, "0/"),
  );
  assert.ok("lsn" in verdict && verdict.lsn <= 50_001n * 16n && verdict.lsn > 49_900n * 16n);
  assert.equal(BigInt(confirmations.unconfirmed), 200_000n - verdict.lsn / 16n);
  assert.deepEqual(confirmations.confirm(`0/${(200_000 * 16).toString(16)}`), {
    lsn: 200_000n * 16n,
  });
  assert.equal(confirmations.unconfirmed, 0);
});
