/** One FILE, one slot, and more than one walctl that wants them. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { committedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { startServer } from "../../support/server/server.ts";

test("one that was started by mistake, or waits, does not cut what another one is writing", async (t) => {
  // FILE was recovered before the slot was asked for: the transaction that the first process was in the midst
  // of was cut from under it, and one that had waited went on where FILE had ended when it was started.
  const folder = mkdtempSync(join(tmpdir(), "walctl-one-file-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const server = await startServer({ version: 18 });
  t.after(() => server.dispose());
  const proxy = await FaultProxy.start(server, { unix: true });
  t.after(() => proxy.close());
  await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
  await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  const file = join(folder, "out.ndjson");
  const size = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const insert = async (from: number, to: number): Promise<void> => {
    await server.sql(
      `INSERT INTO load SELECT i, repeat('x', 1000) FROM generate_series(${from}, ${to}) i`,
    );
  };
  const holds = async (id: number, running: RunningWalctl): Promise<void> => {
    while (!readFileSync(file, "utf8").includes(`"id":${id},`)) {
      assert.equal(running.child.exitCode, null, running.stderr);
      await sleep(50);
    }
  };

  const args = ["tail", "-S", "s", "-P", "p", "--ack", "-o", file];
  await insert(1, 20_000);
  proxy.delay(20);
  const first = spawnWalctl(args, { server, env: proxy.env });
  t.after(() => first.dispose());
  while (size() === 0) {
    assert.equal(first.child.exitCode, null, first.stderr);
    await sleep(1);
  }
  proxy.stall();
  await sleep(200);
  const cut = size();
  assert.ok(!readFileSync(file, "utf8").includes('"kind":"commit"'));

  const mistake = await walctl(args, { server });
  assert.equal(mistake.status, 1);
  const waiting = spawnWalctl([...args, "--wait"], { server });
  t.after(() => waiting.dispose());
  await waiting.waitForStderr("waiting for the slot");
  assert.equal(size(), cut);

  proxy.delay(0);
  proxy.flow();
  await insert(20_001, 20_010);
  await holds(20_010, first);
  assert.equal((await first.stop()).status, 0);
  await insert(20_011, 20_020);
  await holds(20_020, waiting);
  assert.equal((await waiting.stop()).status, 0);
  assert.deepEqual(
    committedIds(parseLines(readFileSync(file, "utf8"))),
    Array.from({ length: 20_020 }, (_, index) => 1 + index),
  );
});
