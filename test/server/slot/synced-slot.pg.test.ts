/** Slots that a standby synchronizes from its primary: what can be done with them there, before the promotion and after it. */
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { testedVersions } from "../../matrix/support/versions.ts";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { complaints } from "../../support/program/file-tail.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";

const SYNCED =
  /slot "s" is synchronized from the primary, and cannot be read here before this standby is promoted/;

for (const version of testedVersions().filter((each) => each >= 17)) {
  describe(`synchronized slots on PostgreSQL ${version}`, () => {
    let primary: TestServer;
    let standby: TestServer;
    const run = (...args: readonly string[]): Promise<RunResult> =>
      walctl(args, { server: standby, timeoutMs: 30_000 });
    /** Drives the primary on until the standby's slots are like that. */
    const until = async (condition: string): Promise<void> => {
      const sql = `SELECT 1 FROM pg_replication_slots WHERE ${condition}`;
      while ((await standby.sql(sql)).length === 0) {
        await primary.sql("SELECT pg_log_standby_snapshot()");
        await walctl(["tail", "-S", "s", "-P", "p", "--ack", "-E", "now"], { server: primary });
        await sleep(200);
      }
    };

    before(async () => {
      primary = await startServer({ version });
      await primary.sql("CREATE TABLE load (id int PRIMARY KEY)");
      await primary.sql("CREATE PUBLICATION p FOR TABLE load");
      await primary.sql("SELECT pg_create_physical_replication_slot('standby')");
      standby = await startStandby(primary);
      await standby.stop();
      appendFileSync(
        join(standby.host, "data", "postgresql.conf"),
        `primary_conninfo = 'host=${primary.host} port=${primary.port} user=postgres dbname=postgres'
           primary_slot_name = 'standby'\n`,
      );
      await standby.start();
      const create = async (slot: string): Promise<void> => {
        const created = await walctl(["create-slot", slot, "--failover"], { server: primary });
        assert.equal(created.status, 0, created.stderr);
      };
      // Older than what the standby has when the synchronization begins, as long as nobody reads it.
      await create("unready");
      await primary.sql("INSERT INTO load SELECT generate_series(100, 200); CHECKPOINT");
      const [row] = await primary.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
      const replayed = `SELECT 1 WHERE pg_last_wal_replay_lsn() >= '${row?.lsn}'`;
      while ((await standby.sql(replayed)).length === 0) await sleep(20);
      await standby.sql("CHECKPOINT");
      await standby.sql("ALTER SYSTEM SET sync_replication_slots = on");
      await standby.sql("SELECT pg_reload_conf()");
      await create("s");
      await until("slot_name = 's' AND synced AND NOT temporary");
    });
    after(async () => {
      await standby.dispose();
      await primary.dispose();
    });

    test("tail does not wait for one in vain, and create-slot does not call it its own", async () => {
      for (const args of [
        ["tail", "-S", "s", "-P", "p", "-E", "now"],
        ["create-slot", "s"],
      ]) {
        const { status, stderr } = await run(...args);
        assert.equal(status, 1, stderr);
        const [said, detail, hint] = stderr.trimEnd().split("\n").slice(-3);
        assert.match(said ?? "", SYNCED);
        assert.equal(
          detail,
          "DETAIL: This replication slot is being synchronized from the primary server.",
        );
        assert.match(
          hint ?? "",
          /^HINT: Read it on the primary\. Another slot, here, from now on: /,
        );
        assert.doesNotMatch(hint ?? "", /--failover/);
      }
    });

    test("doctor fails for one that is named, and slots finds no fault in it", async () => {
      const { status, stdout } = await run("doctor", "-S", "s", "-F", "ndjson");
      assert.equal(status, 1);
      const checks = parseLines(stdout).filter((line) => Reflect.get(line, "check") === "slot");
      assert.equal(checks.length, 1);
      assert.equal(checks[0]?.["status"], "fail");
      assert.match(String(checks[0]?.["message"]), SYNCED);
      const slots = parseLines((await run("slots", "-F", "ndjson")).stdout);
      const synced = slots.find((line) => line["slot"] === "s");
      assert.deepEqual([synced?.["synced"], synced?.["faults"]], [true, []]);
    });

    test("one that is not ready yet is said to be that, without a query that finds nothing", async () => {
      await until("slot_name = 'unready' AND synced AND temporary");
      const slots = parseLines((await run("slots", "-F", "ndjson")).stdout);
      const faults = slots.find((line) => line["slot"] === "unready")?.["faults"];
      const [fault, ...others] = faults as ReadonlyArray<Readonly<Record<string, unknown>>>;
      assert.deepEqual([others, fault?.["severity"], fault?.["fix"]], [[], "warning", null]);
      assert.match(
        String(fault?.["message"]),
        /^not yet synchronized from the primary, and dropped if this standby is promoted now: it is ready once its reader there has confirmed enough$/,
      );
      const { status, stderr } = await run("tail", "-S", "unready", "-P", "p", "-E", "now");
      assert.equal(status, 1);
      assert.match(stderr, /slot "unready" is synchronized from the primary/);
    });

    test("create-slot --failover names the primary", async () => {
      const { status, stderr } = await run("create-slot", "new", "--failover");
      assert.equal(status, 1);
      assert.match(stderr, /^HINT: Create it on the primary; .*sync_replication_slots/m);
      assert.doesNotMatch(stderr, /PostgreSQL 16/);
    });

    test("a running tail that comes to the standby waits for its promotion, and goes on", async (t) => {
      const proxy = await FaultProxy.start(primary, { unix: true });
      t.after(() => proxy.close());
      const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "-s", "0.2", "--ack"], {
        server: primary,
        env: proxy.env,
      });
      t.after(() => running.dispose());
      await primary.sql("INSERT INTO load VALUES (1)");
      const lines = await running.waitFor((line) => line.includes('"kind":"commit"'));
      const [row] = await primary.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
      const replayed = `SELECT 1 WHERE pg_last_wal_replay_lsn() >= '${row?.lsn}'`;
      while ((await standby.sql(replayed)).length === 0) await sleep(20);
      proxy.redirect(standby);
      proxy.cut();
      await running.waitForStderr(/waiting for the promotion of the standby: slot "s" is sync/);
      await sleep(1000);
      await standby.sql("SELECT pg_promote()");
      await standby.sql("INSERT INTO load VALUES (2)");
      lines.push(...(await running.waitFor((line) => line.includes('"id":2}'))));
      assert.deepEqual(insertedIds(parseLines(lines)), [1, 2]);
      const { status, stderr } = await running.stop();
      assert.equal(status, 0);
      assert.match(
        complaints(stderr).join("\n"),
        /^[^\n]*lost the connection[^\n]*\n[^\n]*promotion[^\n]*$/,
      );
    });

    test("after the promotion it is a slot like any other", async () => {
      const { status, stdout } = await run("doctor", "-S", "s", "-F", "ndjson");
      assert.equal(status, 0, stdout);
      const next = await run("tail", "-S", "s", "-P", "p", "--ack", "-E", "now");
      assert.deepEqual([next.status, complaints(next.stderr)], [0, []]);
    });
  });
}
