/** A standby with the primary's failover slots is promoted behind one address, under a running tail. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";

// Without --ack the primary's slot never moves, and the server does not keep its copy on the standby.
test("the stream goes on at the promoted standby without a word", async (t) => {
  const primary = await startServer({ version: 18 });
  t.after(() => primary.dispose());
  await primary.sql(
    "CREATE TABLE load (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE load; SELECT pg_create_physical_replication_slot('standby')",
  );
  const standby = await startStandby(primary);
  t.after(() => standby.dispose());
  await standby.stop();
  appendFileSync(
    join(standby.host, "data", "postgresql.conf"),
    `primary_conninfo = 'host=${primary.host} port=${primary.port} user=postgres dbname=postgres'
       primary_slot_name = 'standby'
       sync_replication_slots = on
       hot_standby_feedback = on\n`,
  );
  await standby.start();
  const created = await walctl(["create-slot", "s", "--failover"], { server: primary });
  assert.equal(created.status, 0, created.stderr);
  const proxy = await FaultProxy.start(primary, { unix: true });
  t.after(() => proxy.close());
  const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "-s", "0.2", "--ack"], {
    server: primary,
    env: proxy.env,
  });
  t.after(() => running.dispose());
  const printed: number[] = [];
  const take = async (id: number): Promise<void> => {
    const lines = await running.waitFor((line) => line.includes(`"id":${id}}`));
    printed.push(...insertedIds(parseLines(lines)));
  };
  await primary.sql("INSERT INTO load VALUES (1), (2)");
  await take(2);
  const synced =
    "SELECT 1 FROM pg_replication_slots WHERE slot_name = 's' AND synced AND NOT temporary";
  while ((await standby.sql(synced)).length === 0) {
    await primary.sql("SELECT pg_log_standby_snapshot()");
    await sleep(200);
  }
  await primary.sql("INSERT INTO load VALUES (3)");
  await take(3);
  const [row] = await primary.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
  const replayed = `SELECT 1 WHERE pg_last_wal_replay_lsn() >= '${row?.lsn}'`;
  while ((await standby.sql(replayed)).length === 0) await sleep(20);
  // What the primary writes last no standby has got, and it is nothing that was printed.
  await standby.sql("SELECT pg_wal_replay_pause()");
  await primary.kill();
  await standby.sql("SELECT pg_wal_replay_resume()");
  await standby.sql("SELECT pg_promote()");
  proxy.redirect(standby);
  proxy.cut();
  await standby.sql("INSERT INTO load VALUES (4)");
  await take(4);
  assert.deepEqual(printed, [1, 2, 3, 4]);
  const { status, stderr } = await running.stop();
  assert.equal(status, 0);
  for (const warning of stderr.match(/^walctl: warning: .*/gm) ?? []) {
    assert.match(warning, /warning: (lost the connection|waiting for the standby)/);
  }
});

// The walsender streams on through the promotion: what it sends then is of a timeline that nobody told of.
test("the standby that is streamed from is promoted, and the connection lost later", async (t) => {
  const primary = await startServer({ version: 18 });
  t.after(() => primary.dispose());
  await primary.sql("CREATE TABLE load (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE load");
  const standby = await startStandby(primary);
  t.after(() => standby.dispose());
  const folder = mkdtempSync(join(tmpdir(), "walctl-failover-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "out");
  const runs = [
    ["-S", "acked", "--ack", "-o", file],
    ["-S", "read"],
  ] as const;
  for (const [, slot] of runs) {
    const creating = walctl(["create-slot", slot], { server: standby });
    const pressed = setInterval(() => void primary.sql("SELECT pg_log_standby_snapshot()"), 200);
    const { status, stderr } = await creating;
    clearInterval(pressed);
    assert.equal(status, 0, stderr);
  }
  const start = (args: readonly string[]): RunningWalctl => {
    const running = spawnWalctl(["tail", "-P", "p", "-s", "0.2", ...args], { server: standby });
    t.after(() => running.dispose());
    return running;
  };
  const [acked, read] = runs.map((args) => start(args));
  assert.ok(acked !== undefined && read !== undefined);
  const written = async (id: number): Promise<void> => {
    while (!existsSync(file) || !readFileSync(file, "utf8").includes(`"id":${id}}`))
      await sleep(20);
    await read.waitFor((line) => line.includes(`"id":${id}}`));
  };
  await primary.sql("INSERT INTO load VALUES (1)");
  await written(1);
  await standby.sql("SELECT pg_promote()");
  await standby.sql("INSERT INTO load VALUES (2)");
  await written(2);
  const [row] = await standby.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
  const confirmed = `SELECT 1 FROM pg_replication_slots WHERE slot_name = 'acked' AND confirmed_flush_lsn >= '${row?.lsn}'`;
  while ((await standby.sql(confirmed)).length === 0) await sleep(20);
  await standby.sql(
    "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE active",
  );
  await standby.sql("INSERT INTO load VALUES (3)");
  await written(3);
  for (const running of [acked, read]) {
    const { status, stderr } = await running.stop();
    assert.equal(status, 0);
    for (const warning of stderr.match(/^walctl: warning: .*/gm) ?? []) {
      assert.match(warning, /warning: lost the connection/);
    }
  }
  await standby.sql("INSERT INTO load VALUES (4)");
  const again = await walctl(["tail", "-P", "p", "-E", "now", ...runs[0]], { server: standby });
  assert.deepEqual([again.status, again.stderr.match(/^walctl: (warning|error).*/gm)], [0, null]);
  const lines = parseLines(readFileSync(file, "utf8").trimEnd().split("\n"));
  assert.deepEqual(insertedIds(lines), [1, 2, 3, 4]);
});
