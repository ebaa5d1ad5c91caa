import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { diagnose, faults } from "../../server/doctor/diagnosis.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { until } from "../../support/tools/until.ts";

for (const version of newestOrBoth()) {
  describe(`slots on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      const settings = { wal_level: "logical", max_prepared_transactions: "2" };
      server = await startServer({ version, settings });
    });
    after(() => server.dispose());

    function run(...args: string[]): Promise<RunResult> {
      return walctl(args, { server });
    }

    async function slots(): Promise<unknown[]> {
      const rows = await server.sql("SELECT slot_name FROM pg_replication_slots ORDER BY 1");
      return rows.map((row) => row["slot_name"]);
    }

    /** A transaction that creating a slot has to wait for. The caller ends it. */
    async function openTransaction(): Promise<pg.Client> {
      const client = await server.connect();
      await client.query("SET application_name = 'long job'");
      await client.query("BEGIN");
      await client.query("SELECT txid_current()");
      return client;
    }

    test("created once, unchanged after, dropped", async () => {
      const created = await run("create-slot", "s");
      assert.equal(created.status, 0, created.stderr);
      const line =
        /^\{"slot":"s","status":"(\w+)","plugin":"pgoutput","consistent_point":"(.*)"\}\n$/;
      const [, status, lsn] = line.exec(created.stdout) ?? [];
      assert.equal(status, "created");
      assert.match(lsn ?? "", /^[0-9A-F]+\/[0-9A-F]+$/);
      const again = await run("create-slot", "s");
      assert.equal(again.stdout, created.stdout.replace("created", "unchanged"));
      assert.equal((await run("drop-slot", "s")).stdout, '{"slot":"s","status":"dropped"}\n');
      assert.deepEqual(await slots(), []);
    });

    test("two at once: one creates it, the other finds it", async () => {
      const both = await Promise.all([run("create-slot", "s"), run("create-slot", "s")]);
      const statuses = both.map(
        ({ stdout, stderr }) => /"status":"(\w+)"/.exec(stdout)?.[1] ?? stderr,
      );
      // The second may also have come while the first was still at it.
      const good = statuses.filter((status) => /^(created|unchanged)$|still being/.test(status));
      assert.equal(good.length, 2, statuses.join());
      assert.ok(statuses.includes("created"));
      await run("drop-slot", "s");
    });

    test("names whom it waits for, and leaves nothing when the time is up", async () => {
      const client = await openTransaction();
      const { status, stdout, stderr } = await run("create-slot", "s", "--lock-timeout", "1");
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(
        stderr,
        /^walctl: waiting for server process \d+ \(application "long job", user "postgres"/,
      );
      assert.match(stderr, /error: could not create slot "s" within 1 s.*SQLSTATE 55P03/);
      assert.match(stderr, /DETAIL: It waited for server process \d+ /);
      assert.match(stderr, /HINT: .*walctl create-slot s --lock-timeout 10 /);
      assert.deepEqual(await slots(), []);
      await client.end();
    });

    test("A transaction that nobody is going to end is named, with what ends it and what that loses.", async () => {
      const gid = 'it\'s a\n\\ "g"';
      await server.sql("CREATE TABLE kept (a int)");
      await server.sql(`BEGIN; INSERT INTO kept VALUES (1); PREPARE TRANSACTION 'it''s a\n\\ "g"'`);
      const idle = await openTransaction();
      await sleep(1100);
      const { checks } = await diagnose(server);
      const found = checks.filter(({ check }) => check === "open_transactions");
      assert.match(
        found[0]?.message ?? "",
        /^prepared transaction E'.*' \(database "postgres", owner "postgres", prepared \S+ \S+, \d+ s ago\): a new slot waits/,
      );
      assert.match(
        found[1]?.message ?? "",
        /^server process \d+ \(.*idle in transaction, .*pg_terminate_backend/,
      );
      for (const both of [true, false]) {
        const { stderr } = await run("create-slot", "s", "--lock-timeout", "1");
        const [, hint = ""] = /^HINT: (.*)$/m.exec(stderr) ?? [];
        const [, literal = ""] = /COMMIT PREPARED (E'.*?') keeps its changes/.exec(hint) ?? [];
        assert.deepEqual(await server.sql(`SELECT ${literal} AS gid`), [{ gid }], stderr);
        assert.ok(hint.includes(`ROLLBACK PREPARED ${literal} loses them`), hint);
        assert.match(hint, /Then: walctl create-slot s /);
        assert.equal(
          /pg_terminate_backend\(\d+\) ends its session, and loses/.test(hint),
          both,
          hint,
        );
        if (both) await idle.end();
        else await server.sql(`COMMIT PREPARED ${literal}`);
      }
      assert.deepEqual(
        faults(await diagnose(server)).filter((name) => name === "open_transactions"),
        [],
      );
      assert.equal((await run("create-slot", "s")).status, 0);
      await run("drop-slot", "s");
    });

    test("goes on when the transaction ends", async () => {
      const client = await openTransaction();
      const program = spawnWalctl(["create-slot", "s"], { server });
      await program.waitForStderr("waiting for server process");
      await client.end();
      assert.match(await program.nextLine(), /"status":"created"/);
      assert.equal((await program.exit()).status, 0);
      await run("drop-slot", "s");
    });

    test("interrupted, it leaves no unfinished slot", async () => {
      const client = await openTransaction();
      for (const pause of [300, 1500]) {
        const program = spawnWalctl(["create-slot", "s", "--lock-timeout", "0"], { server });
        await until(async () => (await slots()).length > 0);
        await sleep(pause);
        program.signal("SIGINT");
        const { status, stderr } = await program.exit();
        assert.equal(status, 1);
        assert.match(stderr, /error: interrupted: slot "s" was not created\n/);
        assert.deepEqual(await slots(), []);
      }
      await client.end();
    });

    test("a slot that cannot be used is an error with the command that makes another", async () => {
      await server.sql("SELECT pg_create_physical_replication_slot('s')");
      assert.match(
        (await run("create-slot", "s")).stderr,
        /slot "s" is a physical slot\nHINT: .*: walctl create-slot s_2 /,
      );
      await run("drop-slot", "s", "--force");
      await server.sql("CREATE DATABASE other");
      const elsewhere = await run("create-slot", "s", "-d", "other");
      assert.equal(elsewhere.status, 0, elsewhere.stderr);
      const { stderr } = await run("create-slot", "s");
      assert.match(
        stderr,
        /slot "s" belongs to database "other", not "postgres"\nHINT: From there it can be read: walctl tail -S s .* -d other\. .*: walctl create-slot s_2 .* -d postgres\n/,
      );
      await run("drop-slot", "s", "-d", "other");
    });

    test("options of a newer server are refused, those of a slot that lacks them told", async () => {
      const failover = await run("create-slot", "s", "--failover");
      if (version < 17) {
        assert.match(
          failover.stderr,
          /^walctl: error: --failover needs PostgreSQL 17; this server is 15\.\d+\n$/,
        );
        assert.equal(failover.status, 2);
        assert.deepEqual(await slots(), []);
        await run("create-slot", "s");
      }
      assert.match(
        (await run("create-slot", "s", "--two-phase")).stderr,
        /warning: .* is not two-phase\n/,
      );
      await run("drop-slot", "s");
      assert.equal((await run("create-slot", "s", "--two-phase")).status, 0);
      assert.equal((await run("create-slot", "s", "--two-phase")).stderr, "");
      await run("drop-slot", "s");
    });

    test("a slot's name that PostgreSQL does not allow never reaches the server", async () => {
      for (const command of ["create-slot", "drop-slot"]) {
        const { status, stderr } = await run(command, 'S 1."T;drop"');
        assert.equal(status, 2);
        assert.match(stderr, /cannot be the name of a slot\nHINT: .*: s_1_t_drop_\n$/);
      }
    });
  });
}

test("a slot whose WAL is gone is told as lost", async () => {
  const server = await startServer({
    version: 18,
    settings: { wal_level: "logical", max_slot_wal_keep_size: "1MB", max_wal_size: "32MB" },
  });
  try {
    assert.equal((await walctl(["create-slot", "s"], { server })).status, 0);
    for (let round = 0; round < 6; round++) {
      await server.sql("SELECT pg_switch_wal()");
      await server.sql("CREATE TABLE IF NOT EXISTS filler (a int)");
      await server.sql("INSERT INTO filler VALUES (1)");
    }
    await server.sql("CHECKPOINT");
    const { status, stderr } = await walctl(["create-slot", "s"], { server });
    assert.equal(status, 1);
    assert.match(stderr, /error: slot "s" was invalidated and cannot be used any more\n/);
    assert.match(
      stderr,
      /DETAIL: It is invalidated \(wal_removed\): the server has removed WAL that it needed\./,
    );
    assert.match(stderr, /HINT: drop-slot frees its name and discards .*: walctl create-slot s_2 /);
  } finally {
    await server.dispose();
  }
});
