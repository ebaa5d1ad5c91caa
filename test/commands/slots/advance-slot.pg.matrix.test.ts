/** `walctl advance-slot`: the consumer's confirmation by hand. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { committedIds, parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

for (const version of newestOrBoth()) {
  describe(`advance-slot on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version });
      await server.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
      for (const id of [1, 2, 3]) await server.sql(`INSERT INTO t VALUES (${id})`);
    });
    after(() => server.dispose());

    function advance(...args: string[]): Promise<RunResult> {
      return walctl(["advance-slot", ...args], { server });
    }

    async function tail(): Promise<ReturnType<typeof parseLines>> {
      const args = ["tail", "-S", "s", "-P", "p", "-E", "now"];
      const { status, stdout, stderr } = await walctl(args, { server });
      assert.equal(status, 0, stderr);
      return parseLines(stdout);
    }

    async function position(slot = "s"): Promise<string> {
      const [row] = await server.sql<{ lsn: string }>(
        `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      );
      return row?.lsn ?? "";
    }

    test("what was never sent is refused, and skipped when that is meant", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('fresh', 'pgoutput')");
      await server.sql("CREATE TABLE unpublished (id int); INSERT INTO unpublished VALUES (0)");
      const [here] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_flush_lsn()::text AS lsn",
      );
      const lsn = here?.lsn ?? "";
      const { status, stdout, stderr } = await advance("fresh", lsn);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, /^walctl: error: nothing has been sent from slot "fresh"\n/);
      assert.match(stderr, /^HINT: --force skips it for good/m);
      assert.equal(
        (await advance("fresh", lsn, "--force")).stdout,
        `{"slot":"fresh","status":"advanced","confirmed_flush_lsn":"${lsn}"}\n`,
      );
      await walctl(["drop-slot", "fresh"], { server });
    });

    test("to now: past all that was written, and it says up to where", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('skips', 'pgoutput')");
      const stood = await position("skips");
      await server.sql("CREATE TABLE more (id int); INSERT INTO more VALUES (0)");
      assert.match(
        (await advance("skips", "now")).stderr,
        /error: nothing has been sent from slot/,
      );
      const [here] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_flush_lsn()::text AS lsn",
      );
      for (const word of ["latest", "now"]) {
        const { stdout, stderr } = await advance("skips", word, "--force");
        const now = await position("skips");
        const [row] = await server.sql(`SELECT pg_lsn '${now}' >= '${here?.lsn ?? ""}' AS past`);
        assert.equal(row?.["past"], true);
        assert.ok(stdout.includes(`"confirmed_flush_lsn":"${now}"`), stdout);
        if (word === "latest") {
          const said = `walctl: latest is ${now}: slot "skips" skips what committed since ${stood}\n`;
          assert.equal(stderr, said);
        }
      }
      await walctl(["drop-slot", "skips"], { server });
    });

    test("to a commit's end: it does not come again, and the next one does", async () => {
      const lines = await tail();
      assert.deepEqual(committedIds(lines), [1, 2, 3]);
      const first = lines.find(({ kind }) => kind === "commit");
      const end = first?.end_lsn ?? "";
      const { status, stdout, stderr } = await advance("s", end);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.equal(stdout, `{"slot":"s","status":"advanced","confirmed_flush_lsn":"${end}"}\n`);
      assert.deepEqual(committedIds(await tail()), [2, 3]);
    });

    test("into a transaction: it comes again whole", async () => {
      const second = (await tail()).find(({ kind }) => kind === "commit");
      const { status, stderr } = await advance("s", second?.commit_lsn ?? "");
      assert.deepEqual([status, stderr], [0, ""]);
      assert.deepEqual(committedIds(await tail()), [2, 3]);
    });

    test("backwards: nothing happens, and it says so", async () => {
      const stood = await position();
      const { status, stdout, stderr } = await advance("s", "0/1");
      assert.equal(status, 0);
      assert.equal(stdout, `{"slot":"s","status":"unchanged","confirmed_flush_lsn":"${stood}"}\n`);
      assert.equal(
        stderr,
        `walctl: slot "s" stands at ${stood} already; a slot does not go back\n`,
      );
      assert.equal(await position(), stood);
    });

    test("beyond what the server has written: never, forced or not", async () => {
      const stood = await position();
      for (const force of [[], ["--force"]]) {
        const { status, stdout, stderr } = await advance("s", "FFFF/0", ...force);
        assert.deepEqual([status, stdout], [1, ""]);
        assert.match(stderr, /error: FFFF\/0 is beyond what the server has written, /);
      }
      assert.equal(await position(), stood);
    });

    test("in use: by whom", async () => {
      const running = spawnWalctl(["tail", "-S", "s", "-P", "p"], { server });
      try {
        const lines = await running.waitFor((line) => line.startsWith('{"kind":"commit"'));
        const end = parseLines(lines).at(-1)?.end_lsn ?? "";
        const { status, stderr } = await advance("s", end);
        assert.equal(status, 1);
        assert.match(stderr, /error: slot "s" is in use \(SQLSTATE 55006\)/);
        assert.match(stderr, /DETAIL: It is held by server process \d+ \(application "walctl"/);
      } finally {
        await running.stop();
      }
    });

    test("what cannot be moved from here says what can", async () => {
      await server.sql("CREATE DATABASE other");
      const args = ["advance-slot", "s", "0/1"];
      const elsewhere = await walctl([...args, "-d", "other"], { server });
      assert.equal(elsewhere.status, 1);
      assert.match(elsewhere.stderr, /^HINT: It can only be moved from there: -d postgres$/m);
      await server.sql("SELECT pg_create_physical_replication_slot('physical', true)");
      const physical = await advance("physical", "0/1");
      assert.match(physical.stderr, /error: slot "physical" is a physical slot\n/);
      const missing = await advance("missing", "0/1");
      assert.match(missing.stderr, /slot "missing" does not exist\nDETAIL: .*"physical", "s"/);
      await server.sql("CREATE ROLE plain LOGIN");
      const end = (await tail()).findLast(({ kind }) => kind === "commit")?.end_lsn ?? "";
      const denied = await walctl(["advance-slot", "s", end, "-U", "plain"], { server });
      assert.match(
        denied.stderr,
        /SQLSTATE 42501.*\n(DETAIL.*\n)?HINT: .*ALTER ROLE "plain" REPLICATION/,
      );
    });

    test("called wrongly", async () => {
      for (const args of [["s"], ["s", "16/B374D848/0"], ["s", "soon"], ["S", "0/1"]]) {
        const { status, stdout } = await advance(...args);
        assert.deepEqual([status, stdout], [2, ""], args.join(" "));
      }
    });
  });
}
