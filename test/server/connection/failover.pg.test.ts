/** A standby with the primary's failover slots is promoted behind one address, under a running tail. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { testedVersions } from "../../matrix/support/versions.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { complaints } from "../../support/program/file-tail.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";
import { until } from "../../support/tools/until.ts";

const LOST = /^walctl: warning: lost the connection to the server: /;
const WAITING = /^walctl: warning: waiting for the standby: it has replayed its log up to /;

/** A slot on a standby waits for the primary to log its running transactions. */
async function createSlotOn(standby: TestServer, primary: TestServer, slot: string): Promise<void> {
  const creating = walctl(["create-slot", slot], { server: standby });
  const pressed = setInterval(() => void primary.sql("SELECT pg_log_standby_snapshot()"), 200);
  const { status, stderr } = await creating;
  clearInterval(pressed);
  assert.equal(status, 0, stderr);
}

/** Each attempt may be reported. */
function warningsIn(stderr: string): string[] {
  const said = complaints(stderr).map((each) => {
    if (LOST.test(each)) return "lost";
    return WAITING.test(each) ? "waiting" : each;
  });
  return said.filter((each, index) => each !== said[index - 1]);
}

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
  await until(async () => (await standby.sql(replayed)).length > 0);
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
  // What takes the primary's place has everything that was printed.
  assert.deepEqual(warningsIn(stderr), ["lost"]);
});

for (const version of testedVersions().filter((each) => each >= 16)) {
  test(`a standby of version ${version} that is behind after a restart is waited for`, async (t) => {
    const primary = await startServer({ version });
    t.after(() => primary.dispose());
    await primary.sql(
      "CREATE TABLE load (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE load",
    );
    const standby = await startStandby(primary);
    t.after(() => standby.dispose());
    await createSlotOn(standby, primary, "s");
    const folder = mkdtempSync(join(tmpdir(), "walctl-failover-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "out");
    const args = ["tail", "-S", "s", "-P", "p", "-s", "0.2", "--ack", "-o", file];
    const running = spawnWalctl(args, { server: standby });
    t.after(() => running.dispose());
    const ids = (): number[] => insertedIds(parseLines(readFileSync(file, "utf8")));
    const written = async (id: number): Promise<void> => {
      while (!existsSync(file) || !ids().includes(id)) {
        assert.equal(running.child.exitCode, null, running.stderr);
        await sleep(20);
      }
    };
    await primary.sql("INSERT INTO load VALUES (1)");
    await written(1);
    await standby.sql("ALTER SYSTEM SET recovery_min_apply_delay = '1h'");
    await primary.sql("INSERT INTO load VALUES (2)");
    await written(2);
    // It replays again what it has replayed already, and stops at the commit, which is not an hour old.
    await standby.restart("immediate");
    await running.waitForStderr("waiting for the standby");
    await primary.sql("INSERT INTO load VALUES (3)");
    await standby.sql("ALTER SYSTEM RESET recovery_min_apply_delay");
    await standby.sql("SELECT pg_reload_conf()");
    await written(3);
    const { status, stderr } = await running.stop();
    const kept = await primary.sql<{ id: number }>("SELECT id FROM load ORDER BY id");
    assert.deepEqual(
      ids(),
      kept.map(({ id }) => id),
    );
    assert.deepEqual([status, warningsIn(stderr)], [0, ["lost", "waiting"]]);
  });
}

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
  for (const [, slot] of runs) await createSlotOn(standby, primary, slot);
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
  await until(async () => (await standby.sql(confirmed)).length > 0);
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
