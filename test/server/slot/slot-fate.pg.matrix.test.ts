/** What becomes of a slot: held by others, lost, quiet, on a standby, behind a pooler. */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { startSessionPooler } from "../../support/server/session-pooler.ts";
import { startStandby } from "../../support/server/standby.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

for (const version of newestOrBoth()) {
  describe(`the fate of slots on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      const settings = { wal_sender_timeout: "0", min_wal_size: "32MB", max_wal_size: "64MB" };
      server = await startServer({ version, settings, tcp: true });
      await server.sql(`${LOAD_TABLE}; CREATE TABLE quiet (id int PRIMARY KEY);
        CREATE PUBLICATION p FOR TABLE load; CREATE PUBLICATION q FOR TABLE quiet`);
    });
    after(() => server.dispose());

    const createSlot = (slot: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const spawnFor = (t: TestContext, args: readonly string[]): RunningWalctl => {
      const running = spawnWalctl(["tail", ...args], { server });
      t.after(() => running.dispose());
      return running;
    };
    /** Until the query gives a row. */
    const until = async (sql: string): Promise<void> => {
      while ((await server.sql(sql)).length === 0) await sleep(50);
    };
    const active = (slot: string): Promise<void> =>
      until(`SELECT 1 FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`);

    test("a slot in use: an error that names the holder; with --wait it is waited for", async (t) => {
      await createSlot("held");
      const holder = spawnFor(t, ["-S", "held", "-P", "p", "--ack"]);
      await active("held");
      const refused = await walctl(["tail", "-S", "held", "-P", "p"], { server });
      assert.equal(refused.status, 1);
      assert.match(
        refused.stderr,
        /^walctl: error: slot "held" is in use \(SQLSTATE 55006\)\nDETAIL: It is held by server process \d+ \(application "walctl", user "postgres", connected since .*\)\.\nHINT: --wait waits until it is free/,
      );
      const waiting = spawnFor(t, ["-S", "held", "-P", "p", "--ack", "--wait"]);
      await waiting.waitForStderr(
        /warning: waiting for the slot: slot "held" is in use.*\nDETAIL: It is held by server process/,
      );
      const impatient = spawnFor(t, ["-S", "held", "-P", "p", "--wait"]);
      await impatient.waitForStderr("waiting for the slot");
      assert.equal((await impatient.stop("SIGINT")).status, 0);
      // Waiting goes on for more than one attempt, and is told of once.
      await sleep(3000);
      assert.equal((await holder.stop()).status, 0);
      await server.sql("INSERT INTO load VALUES (1, 'x')");
      await waiting.waitFor((line) => line.includes('"id":1,'));
      assert.equal(waiting.stderr.split("warning").length, 2, waiting.stderr);
      assert.equal((await waiting.stop()).status, 0);
    });

    test("the slot of a quiet publication advances while other tables are busy, with wal_sender_timeout 0", async (t) => {
      await createSlot("quiet");
      const running = spawnFor(t, ["-S", "quiet", "-P", "q", "--ack", "-s", "0.5"]);
      await active("quiet");
      for (let round = 0; round < 3; round++) {
        const [row] = await server.sql<{ lsn: string }>(
          `INSERT INTO load SELECT ${1000 * (round + 1)} + i, repeat('x', 500) FROM generate_series(1, 500) i
           RETURNING pg_current_wal_insert_lsn()::text AS lsn`,
        );
        await until(
          `SELECT 1 FROM pg_replication_slots WHERE slot_name = 'quiet' AND confirmed_flush_lsn >= '${row?.lsn}'`,
        );
      }
      assert.deepEqual(running.lines, []);
      assert.equal((await running.stop()).status, 0);
    });

    test("a slot that is lost during the stream or before it is reported with its reason, and not tried again", async (t) => {
      await createSlot("lost");
      // Without --ack the slot stays where it is.
      const running = spawnFor(t, ["-S", "lost", "-P", "q"]);
      await active("lost");
      await server.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
      await server.sql("SELECT pg_reload_conf()");
      for (let round = 0; round < 4; round++) {
        await server.sql(
          `INSERT INTO load SELECT ${100_000 * (round + 1)} + i, repeat('x', 1000) FROM generate_series(1, 20000) i`,
        );
        await server.sql("SELECT pg_switch_wal()");
        await server.sql("CHECKPOINT");
      }
      const during = await running.exit();
      const afterwards = await walctl(["tail", "-S", "lost", "-P", "q"], { server });
      await server.sql("ALTER SYSTEM RESET max_slot_wal_keep_size");
      await server.sql("SELECT pg_reload_conf()");
      for (const { status, stderr } of [during, afterwards]) {
        assert.equal(status, 1);
        assert.match(
          stderr,
          /^walctl: error: slot "lost" was invalidated and cannot be used any more$/m,
        );
        assert.match(
          stderr,
          /^DETAIL: It is invalidated.*: the server has removed WAL that it needed\..* A larger max_slot_wal_keep_size /m,
        );
        assert.match(
          stderr,
          /^HINT: drop-slot frees its name and .*; another slot, from now on: walctl create-slot lost_2 /m,
        );
      }
      assert.match(during.stderr, /warning: lost the connection/);
    });

    test(
      "a slot that nobody used for too long names idle_replication_slot_timeout",
      { skip: version < 18 },
      async () => {
        await createSlot("idle");
        await server.sql("ALTER SYSTEM SET idle_replication_slot_timeout = '1s'");
        await server.sql("SELECT pg_reload_conf()");
        await sleep(2000);
        await server.sql("CHECKPOINT");
        await server.sql("ALTER SYSTEM RESET idle_replication_slot_timeout");
        await server.sql("SELECT pg_reload_conf()");
        // Its restart_lsn and catalog_xmin are still there; nothing is kept for it.
        const { stdout } = await walctl(["slots"], { server });
        const line = stdout.split("\n").find((each) => each.includes('"slot":"idle"')) ?? "{}";
        const slot = JSON.parse(line) as Readonly<Record<string, unknown>>;
        assert.notEqual(slot["restart_lsn"], null);
        assert.deepEqual([slot["retained_bytes"], slot["xmin_age"]], [null, null]);
        const { status, stderr } = await walctl(["tail", "-S", "idle", "-P", "q"], { server });
        assert.equal(status, 1);
        assert.match(
          stderr,
          /invalidated \(idle_timeout\): nobody used it for longer than idle_replication_slot_timeout\./,
        );
        assert.match(stderr, /A larger idle_replication_slot_timeout lets/);
      },
    );

    test("poolers that do not speak replication are guessed at in a hint", async (t) => {
      const refusing = await startSessionPooler(server, true);
      const forgetting = await startSessionPooler(server, false);
      t.after(() => Promise.all([refusing.close(), forgetting.close()]));
      await createSlot("pooled");
      for (const slot of [["-S", "pooled"], []]) {
        const args = ["tail", ...slot, "-P", "q"];
        const through = (port: number): Record<string, string> => ({
          PGHOST: "127.0.0.1",
          PGPORT: String(port),
          PGSSLMODE: "disable",
        });
        const refused = await walctl(args, { server, env: through(refusing.port) });
        assert.equal(refused.status, 1);
        assert.match(refused.stderr, /\(SQLSTATE 08P01\)\nHINT: If that is a connection pooler/);
        const forgotten = await walctl(args, { server, env: through(forgetting.port) });
        assert.equal(forgotten.status, 1);
        assert.match(forgotten.stderr, /\(SQLSTATE 42601\)\nHINT: .* connection pooler/);
      }
    });

    test("SIGINT while the slot waits for an open transaction ends it with 0 and leaves no slot", async (t) => {
      const other = await server.connect();
      t.after(() => other.end());
      await other.query("BEGIN; INSERT INTO quiet VALUES (-1)");
      const running = spawnFor(t, ["--bootstrap", "-S", "new", "-P", "q", "-t", "quiet"]);
      await active("new");
      assert.equal((await running.stop("SIGINT")).status, 0);
      await until(
        "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'new')",
      );
      await other.query("ROLLBACK");
    });

    test(
      "neither a stalled reader nor a role's settings end the session",
      { skip: version < 17 },
      async (t) => {
        await createSlot("settings");
        await server.sql(`ALTER ROLE postgres SET transaction_timeout = '500ms'; ALTER ROLE postgres SET statement_timeout = '500ms';
        ALTER ROLE postgres SET idle_session_timeout = '500ms'; ALTER ROLE postgres SET lock_timeout = '500ms'`);
        try {
          await server.sql(
            "INSERT INTO load SELECT 9000000 + i, repeat('x', 500) FROM generate_series(1, 20000) i",
          );
          const running = spawnFor(t, ["-S", "settings", "-P", "p"]);
          const lines = [await running.nextLine()];
          running.stall();
          await sleep(3000);
          running.resume();
          lines.push(...(await running.waitFor((line) => line.includes('"id":9020000,'))));
          assert.equal(insertedIds(parseLines(lines)).length, 20_000);
          await sleep(1500);
          assert.equal((await running.stop()).stderr.split("warning").length, 1, running.stderr);
        } finally {
          await server.sql("ALTER ROLE postgres RESET ALL");
        }
      },
    );

    test("on a standby", async (t) => {
      const standby = await startStandby(server);
      t.after(() => standby.dispose());
      if (version < 16) {
        const { status, stderr } = await walctl(["create-slot", "s"], { server: standby });
        assert.equal(status, 1);
        assert.match(stderr, /\(SQLSTATE 0A000\)\nHINT: A standby decodes from PostgreSQL 16 on/);
        return;
      }
      // A slot there starts at the next snapshot of the primary's running transactions.
      const creating = walctl(["create-slot", "s"], { server: standby });
      while (
        (await standby.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = 's'")).length === 0
      )
        await sleep(20);
      for (let again = 0; again < 3; again++) {
        await server.sql("SELECT pg_log_standby_snapshot()");
        await sleep(200);
      }
      assert.equal((await creating).status, 0);
      await server.sql("INSERT INTO quiet VALUES (1), (2)");
      const running = spawnWalctl(["tail", "-S", "s", "-P", "q", "--ack"], { server: standby });
      t.after(() => running.dispose());
      const lines = await running.waitFor((line) => line.includes('"kind":"commit"'));
      assert.deepEqual(insertedIds(parseLines(lines)), [1, 2]);
      await server.sql("INSERT INTO quiet VALUES (3)");
      await running.waitFor((line) => line.includes('"id":3}'));
      assert.equal((await running.stop()).status, 0);
      const now = await walctl(["tail", "-S", "s", "-P", "q", "-E", "now"], { server: standby });
      assert.equal(now.status, 0);
    });
  });
}
