/** Errors of the server in mid-stream: those that pass do not end tail, those that stay do. */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type RunningWalctl, spawnWalctl } from "../support/program/cli.ts";
import { insertedIds, parseLines } from "../support/program/lines.ts";
import { LOAD_TABLE } from "../support/server/load.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { testedVersions } from "./support/versions.ts";
import { until } from "../support/tools/until.ts";

async function connectWalsender({ host, port }: TestServer): Promise<pg.Client> {
  const config: pg.ClientConfig & { replication: string } = {
    host,
    port,
    user: "postgres",
    database: "postgres",
    replication: "database",
  };
  const client = new pg.Client(config);
  client.on("error", () => {});
  await client.connect();
  return client;
}

for (const version of testedVersions()) {
  describe(`errors in mid-stream on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let nextId = 1_000_000;

    before(async () => {
      server = await startServer({ version, settings: { max_wal_senders: "2" } });
      await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR ALL TABLES`);
      await server.sql("CREATE ROLE reader LOGIN REPLICATION; GRANT SELECT ON load TO reader");
    });
    after(() => server.dispose());

    const createSlot = (slot: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    /** A row, and the lines that show it. */
    const printsNext = async (running: RunningWalctl): Promise<string[]> => {
      const id = nextId++;
      await server.sql(`INSERT INTO load VALUES (${id}, 'x')`);
      return await running.waitFor((line) => line.includes(`"id":${id},`));
    };
    /** As a role whose settings and rights can be changed, with one row passed on. */
    const streaming = async (t: TestContext, slot: string): Promise<RunningWalctl> => {
      await createSlot(slot);
      const running = spawnWalctl(["tail", "-U", "reader", "-S", slot, "-P", "p", "--ack"], {
        server,
      });
      t.after(() => running.dispose());
      await printsNext(running);
      return running;
    };
    const walsenders = (call: string): Promise<unknown> =>
      server.sql(`SELECT ${call} FROM pg_stat_replication WHERE application_name = 'walctl'`);
    const ends = async (running: RunningWalctl): Promise<void> => {
      assert.equal((await running.stop()).status, 0, running.stderr);
    };

    test("a deadlock with REINDEX of a catalogue: every row once", async (t) => {
      // Whoever finds the deadlock is its victim; each looks once, so long after it began to wait.
      await server.sql("ALTER ROLE reader SET deadlock_timeout = '2s'");
      t.after(() => server.sql("ALTER ROLE reader RESET ALL"));
      const running = await streaming(t, "deadlock");
      const other = await server.connect();
      t.after(() => other.end());
      await other.query("SET deadlock_timeout = '1h'");
      // Whatever is known before needs no catalogue while these are locked.
      const insert = (rows: number): Promise<unknown> =>
        server.sql(`INSERT INTO fresh SELECT i FROM generate_series(1, ${rows}) i`);
      const waiting = async (): Promise<number> =>
        (
          await server.sql(
            "SELECT 1 FROM pg_stat_activity WHERE backend_type = 'walsender' AND wait_event_type = 'Lock'",
          )
        ).length;
      await server.sql("CREATE TABLE fresh (id bigint)");
      await insert(0);
      await waiting();
      await other.query("BEGIN; REINDEX INDEX pg_class_oid_index");
      await insert(2);
      await until(async () => (await waiting()) > 0);
      await other.query("LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE; COMMIT");
      await running.waitForStderr(
        /warning: the stream was interrupted: deadlock detected \(SQLSTATE 40P01\)/,
      );
      assert.deepEqual(insertedIds(parseLines(await printsNext(running))), [1, 2, nextId - 1]);
      await ends(running);
    });

    test("a cancelled walsender comes again", async (t) => {
      const running = await streaming(t, "cancelled");
      await walsenders("pg_cancel_backend(pid)");
      await running.waitForStderr(
        /warning: the stream was interrupted: .* \(SQLSTATE 57014\)\nDETAIL: Connecting again in 0\.1 s/,
      );
      assert.deepEqual(insertedIds(parseLines(await printsNext(running))), [nextId - 1]);
      await ends(running);
    });

    test("the timeouts of a role do not end the stream, nor its return", async (t) => {
      const timeouts = ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"];
      for (const name of timeouts) await server.sql(`ALTER ROLE reader SET ${name} = '100ms'`);
      t.after(() => server.sql("ALTER ROLE reader RESET ALL"));
      const running = await streaming(t, "timeouts");
      const other = await server.connect();
      t.after(() => other.end());
      // The decoder looks up a table that it has not seen before.
      await other.query("CREATE TABLE unseen (id bigint PRIMARY KEY)");
      await other.query("BEGIN; LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE");
      await other.query(`INSERT INTO load VALUES (${nextId++}, 'x')`);
      await other.query("INSERT INTO unseen VALUES (7)");
      await sleep(500);
      await other.query("COMMIT");
      await running.waitFor((line) => line.includes('"new":{"id":7}'));
      assert.doesNotMatch(running.stderr, /warning/);
      await other.query("BEGIN; LOCK TABLE pg_publication IN ACCESS EXCLUSIVE MODE");
      await walsenders("pg_terminate_backend(pid)");
      await running.waitForStderr(
        /the stream was interrupted: could not .* \(SQLSTATE (55P03|57014)\)/,
      );
      await other.query("COMMIT");
      await printsNext(running);
      await ends(running);
    });

    test("max_wal_senders is reached: it tries until there is a place", async (t) => {
      const running = await streaming(t, "crowded");
      const first = await connectWalsender(server);
      t.after(() => first.end());
      await walsenders("pg_terminate_backend(pid)");
      let second: pg.Client | undefined;
      while (second === undefined) second = await connectWalsender(server).catch(() => undefined);
      await running.waitForStderr(/max_wal_senders.* \(SQLSTATE 53300\)\nDETAIL: Connecting again/);
      await second.end();
      await printsNext(running);
      await ends(running);
    });

    test("a role that may no longer log in is not tried again", async (t) => {
      const running = await streaming(t, "locked_out");
      await server.sql("ALTER ROLE reader NOLOGIN");
      t.after(() => server.sql("ALTER ROLE reader LOGIN"));
      await walsenders("pg_terminate_backend(pid)");
      assert.equal((await running.exit()).status, 1);
      assert.match(running.stderr, /^walctl: error: could not connect .* \(SQLSTATE 28000\)$/m);
      assert.equal(running.stderr.split("Connecting again").length, 2);
    });

    // It takes half a minute.
    if (version === testedVersions().at(-1))
      test("an internal error that comes again and again ends it, with every attempt reported", async (t) => {
        const running = await streaming(t, "broken");
        // The decoder does not find the type's output function.
        await server.sql("CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE moods (m mood)");
        await server.sql("SET allow_system_table_mods = on");
        await server.sql("UPDATE pg_type SET typoutput = 999999 WHERE typname = 'mood'");
        await server.sql("INSERT INTO moods VALUES ('ok')");
        const since = performance.now();
        assert.equal((await running.exit()).status, 1);
        const seconds = (performance.now() - since) / 1000;
        await server.sql("DROP TABLE moods");
        assert.match(
          running.stderr,
          /^walctl: error: could not stream the changes: cache lookup failed for function 999999 \(SQLSTATE XX000\)$/m,
        );
        const attempts = running.stderr.split("warning: the stream was interrupted").length - 1;
        assert.equal(attempts, 10);
        assert.ok(seconds > 15, `${attempts} attempts in ${seconds} s`);
      });

    test("slots --watch goes on after an error that passes", async (t) => {
      await server.sql("ALTER ROLE reader SET lock_timeout = '50ms'");
      t.after(() => server.sql("ALTER ROLE reader RESET ALL"));
      const running = spawnWalctl(["slots", "--watch", "0.2", "-F", "ndjson", "-U", "reader"], {
        server,
      });
      t.after(() => running.dispose());
      await running.nextLine();
      const other = await server.connect();
      t.after(() => other.end());
      await other.query("BEGIN; LOCK TABLE pg_authid IN ACCESS EXCLUSIVE MODE");
      await sleep(1000);
      await other.query("COMMIT");
      running.lines.splice(0);
      await running.nextLine();
      await ends(running);
    });
  });
}
