import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import { PROGRAM, type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE, startLoad } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { until } from "../../support/tools/until.ts";

for (const version of newestOrBoth()) {
  describe(`tail on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
      await server.sql(LOAD_TABLE);
      await server.sql("CREATE PUBLICATION p FOR TABLE load");
    });
    after(() => server.dispose());

    const spawnFor = (t: TestContext, args: readonly string[]): RunningWalctl => {
      const running = spawnWalctl(args, { server });
      t.after(() => running.dispose());
      return running;
    };
    const createSlot = (slot: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    /** Until a walsender has caught up. */
    const streaming = async (): Promise<void> => {
      const sql = "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'";
      await until(async () => (await server.sql(sql)).length > 0);
    };
    /** Runs a shell line with walctl in it as users write it. */
    const shell = async (line: string): Promise<{ status: number | null; stdout: string }> => {
      const child = spawn(
        "bash",
        ["-c", line.replaceAll("walctl", `${process.execPath} ${PROGRAM}`)],
        {
          env: { ...process.env, ...server.env, PATH: `${process.env["PATH"]}` },
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      const stdout = text(child.stdout);
      const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
      return { status, stdout: await stdout };
    };

    test("into jq under load, the slot follows; without --ack it does not move", async (t) => {
      await createSlot("s");
      const from = await server.confirmed("s");
      const load = await startLoad(server);
      const first = await walctl(["tail", "-S", "s", "-P", "p", "-n", "200"], { server });
      assert.equal(first.status, 0);
      assert.equal(insertedIds(parseLines(first.stdout)).length, 200);
      assert.equal(await server.confirmed("s"), from);

      const running = spawnFor(t, ["tail", "-S", "s", "-P", "p", "--ack"]);
      await running.nextLine();
      const ids = await load.stop();
      await running.waitFor((line) => line.includes(`"id":${ids.at(-1)},`));
      await server.sql("SELECT pg_sleep(0.3)");
      const [caughtUp] = await server.sql<{ ok: boolean }>(
        "SELECT confirmed_flush_lsn >= pg_current_wal_lsn() AS ok FROM pg_replication_slots WHERE slot_name = 's'",
      );
      assert.equal((await running.stop()).status, 0);
      assert.equal(caughtUp?.ok, true);

      await server.sql("INSERT INTO load VALUES (-1, 'jq')");
      const jq = toolPath("jq");
      const piped = await shell(
        `walctl tail --slot s --publication p --ack -E now | ${jq} -c 'select(.kind=="insert").new'`,
      );
      assert.equal(piped.stdout, '{"id":-1,"filler":"jq"}\n');
      await server.sql("DELETE FROM load WHERE id < 0");
    });

    test("a reader that closes the pipe is no error, and what it did not get is not acknowledged", async () => {
      await createSlot("h");
      await server.sql(
        "INSERT INTO load SELECT 1000000 + i, repeat('y', 100) FROM generate_series(1, 20000) i",
      );
      const from = await server.confirmed("h");
      const { status, stdout } = await shell(
        "set -o pipefail; walctl tail -S h -P p --ack | head -5",
      );
      assert.equal(status, 0);
      assert.equal(stdout.trim().split("\n").length, 5);
      assert.equal(await server.confirmed("h"), from);
    });

    test("a signal ends it within a second, with a reader that stalls too", async (t) => {
      await createSlot("sig");
      await server.sql(
        "INSERT INTO load SELECT 2000000 + i, repeat('z', 1000) FROM generate_series(1, 20000) i",
      );
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        const idle = spawnFor(t, ["tail", "-P", "p"]);
        await streaming();
        const idleSince = performance.now();
        assert.equal((await idle.stop(signal)).status, 0);
        assert.ok(performance.now() - idleSince < 3000);

        const stalled = spawnFor(t, ["tail", "-S", "sig", "-P", "p"]);
        await stalled.nextLine();
        stalled.stall();
        await sleep(300);
        const since = performance.now();
        assert.equal((await stalled.stop(signal)).status, 0);
        assert.ok(performance.now() - since < 3000);
      }
    });

    test("--endpos ends behind the last transaction up to there, --limit after so many rows", async () => {
      await createSlot("e");
      await server.sql("INSERT INTO load VALUES (3000001, 'a')");
      const [{ lsn } = { lsn: "" }] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_lsn()::text AS lsn",
      );
      await server.sql("INSERT INTO load VALUES (3000002, 'b'), (3000003, 'c')");
      const toLsn = await walctl(["tail", "-S", "e", "-P", "p", "-E", lsn], { server });
      assert.deepEqual(insertedIds(parseLines(toLsn.stdout)), [3000001]);
      const now = await walctl(["tail", "-S", "e", "-P", "p", "-E", "now"], { server });
      assert.deepEqual(insertedIds(parseLines(now.stdout)), [3000001, 3000002, 3000003]);
      assert.equal(parseLines(now.stdout).at(-1)?.kind, "commit");

      const cut = await walctl(["tail", "-S", "e", "-P", "p", "-n", "2", "--ack"], { server });
      assert.deepEqual(insertedIds(parseLines(cut.stdout)), [3000001, 3000002]);
      // The second transaction was cut short: it comes again, the first does not.
      const again = await walctl(["tail", "-S", "e", "-P", "p", "-E", "now", "--ack"], { server });
      assert.deepEqual(insertedIds(parseLines(again.stdout)), [3000002, 3000003]);
      const nothing = await walctl(["tail", "-S", "e", "-P", "p", "-E", "now"], { server });
      assert.equal(nothing.stdout, "");
    });

    test("--endpos now is where the server stands at first, however long the slot is waited for", async (t) => {
      await createSlot("n");
      const args = ["tail", "-S", "n", "-P", "p"];
      const holder = spawnFor(t, args);
      await server.sql("INSERT INTO load VALUES (3100001, 'before')");
      await holder.waitFor((line) => line.includes('"id":3100001,'));
      const waiting = spawnFor(t, [...args, "-E", "now", "--wait"]);
      await waiting.waitForStderr("waiting for the slot");
      await server.sql("INSERT INTO load VALUES (3100002, 'while it waits')");
      await holder.stop();
      assert.equal((await waiting.exit()).status, 0);
      assert.deepEqual(insertedIds(parseLines(waiting.lines)), [3100001]);
    });

    test("a name given to --columns that no table has is told at the end", async () => {
      await createSlot("c");
      await server.sql("INSERT INTO load VALUES (3200001, 'x')");
      const args = ["tail", "-S", "c", "-P", "p", "-E", "now", "-F", "table", "--columns"];
      const { stderr } = await walctl([...args, "filer"], { server });
      assert.match(
        stderr,
        /^walctl: warning: no printed table has a column named "filer" \(--columns\)\nHINT: Did you mean filler\?$/m,
      );
      assert.doesNotMatch((await walctl([...args, "filler"], { server })).stderr, /warning/);
    });

    test("a start position behind the slot's is warned of, one beyond the server's is refused", async () => {
      await createSlot("i");
      const behind = await walctl(["tail", "-S", "i", "-P", "p", "-I", "0/1", "-E", "now"], {
        server,
      });
      assert.equal(behind.status, 0);
      assert.match(behind.stderr, /^walctl: warning: the slot has been advanced to /);
      const beyond = await walctl(["tail", "-S", "i", "-P", "p", "-I", "FF/0"], { server });
      assert.equal(beyond.status, 1);
      assert.match(
        beyond.stderr,
        /^walctl: error: the start position FF\/0 is beyond the server's/,
      );
      await server.sql("INSERT INTO load VALUES (3500001, 'a')");
      const [{ lsn } = { lsn: "" }] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_lsn()::text AS lsn",
      );
      await server.sql("INSERT INTO load VALUES (3500002, 'b')");
      const later = await walctl(["tail", "-S", "i", "-P", "p", "-I", lsn, "-E", "now"], {
        server,
      });
      assert.deepEqual(insertedIds(parseLines(later.stdout)), [3500002]);
    });

    test("a temporary slot starts from now and is gone afterwards", async (t) => {
      const running = spawnFor(t, ["tail", "-P", "p", "-n", "1", "--only", "insert"]);
      await streaming();
      await server.sql("INSERT INTO load VALUES (4000001, 'now')");
      assert.match(await running.nextLine(), /"id":4000001,/);
      assert.equal((await running.exit()).status, 0);
      assert.deepEqual(await server.sql("SELECT 1 FROM pg_replication_slots WHERE temporary"), []);
    });

    test("the output does not depend on the role's or the database's settings", async () => {
      await server.sql(`
        CREATE TABLE settings (id int PRIMARY KEY, at timestamptz, d date, i interval, f float8, b bytea);
        CREATE PUBLICATION settings FOR TABLE settings`);
      await createSlot("settings");
      await server.sql(
        "INSERT INTO settings VALUES (1, '2026-03-01 12:00+00', '2026-03-01', '1 day 02:03', 0.1::float8 + 0.2, '\\x00ff')",
      );
      const args = ["tail", "-S", "settings", "-P", "settings", "-E", "now", "--only", "insert"];
      const plain = await walctl(args, { server });
      assert.deepEqual(parseLines(plain.stdout)[0]?.new, {
        id: 1,
        at: "2026-03-01T12:00:00+00:00",
        d: "2026-03-01",
        i: "1 day 02:03:00",
        f: 0.30000000000000004,
        b: String.raw`\x00ff`,
      });
      await server.sql(`
        ALTER ROLE postgres SET datestyle = 'German, DMY';
        ALTER ROLE postgres SET intervalstyle = 'iso_8601';
        ALTER ROLE postgres SET timezone = 'Asia/Kolkata';
        ALTER ROLE postgres SET extra_float_digits = -10;
        ALTER ROLE postgres SET bytea_output = 'escape'`);
      const other = await walctl(args, {
        server,
        env: { PGOPTIONS: "-c datestyle=SQL", PGCLIENTENCODING: "LATIN1" },
      });
      await server.sql("ALTER ROLE postgres RESET ALL");
      assert.equal(other.stdout, plain.stdout);
    });

    test("logical messages come when asked for, in and out of transactions", async () => {
      await createSlot("m");
      await server.sql("SELECT pg_logical_emit_message(false, 'out', 'side')");
      await server.sql("SELECT pg_logical_emit_message(true, 'in', 'transaction')");
      const args = ["tail", "-S", "m", "-P", "p", "-E", "now", "--only", "message"];
      assert.equal((await walctl(args, { server })).stdout, "");
      const lines = parseLines((await walctl([...args, "--messages"], { server })).stdout);
      assert.deepEqual(
        lines.map(({ transactional, prefix, content, xid }) => ({
          transactional,
          prefix,
          content,
          inTransaction: xid !== null,
        })),
        [
          { transactional: false, prefix: "out", content: "side", inTransaction: false },
          { transactional: true, prefix: "in", content: "transaction", inTransaction: true },
        ],
      );
    });

    test("names with quotes, spaces and semicolons work everywhere", async () => {
      await server.sql(`CREATE TABLE "S 1.""T;drop" ("c o""l" int PRIMARY KEY)`);
      await server.sql(`CREATE PUBLICATION "My ""Pub""" FOR TABLE "S 1.""T;drop"`);
      await createSlot("names");
      await server.sql(`INSERT INTO "S 1.""T;drop" VALUES (1)`);
      const args = ["tail", "-S", "names", "-P", 'My "Pub"', "-E", "now", "--only", "insert"];
      const [line] = parseLines((await walctl(args, { server })).stdout);
      assert.equal(line?.table, 'S 1."T;drop');
      assert.deepEqual(line?.new, { 'c o"l': 1 });
    });
  });
}
