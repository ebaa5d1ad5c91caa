/** A publication that is dropped while it is streamed: from PostgreSQL 18 on the server only warns. */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

for (const version of [15, 18] as const) {
  describe(`a publication dropped in mid-stream on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let slots = 0;
    before(async () => {
      server = await startServer({ version });
      await server.sql("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY)");
    });
    after(() => server.dispose());

    const start = async (
      t: TestContext,
      ...args: string[]
    ): Promise<readonly [RunningWalctl, string]> => {
      const slot = `s${slots++}`;
      await server.sql("DROP PUBLICATION IF EXISTS p; DROP PUBLICATION IF EXISTS q; TRUNCATE a, b");
      await server.sql("CREATE PUBLICATION p FOR TABLE a; CREATE PUBLICATION q FOR TABLE b");
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
      const running = spawnWalctl(
        ["tail", "-S", slot, "-P", "p", "-P", "q", "-s", "0.2", ...args],
        {
          server,
        },
      );
      t.after(() => running.dispose());
      await server.sql("INSERT INTO a VALUES (1)");
      await running.waitFor((line) => line.includes('"kind":"commit"'));
      return [running, slot];
    };

    for (const ack of [["--ack"], []]) {
      test(`the stream ends before what is skipped, and nothing of that is acknowledged: ${ack.join("")}`, async (t) => {
        const [running, slot] = await start(t, ...ack);
        const [dropped] = await server.sql<{ lsn: string }>(
          "DROP PUBLICATION p; SELECT pg_current_wal_insert_lsn()::text AS lsn",
        );
        await server.sql("INSERT INTO a VALUES (2)");
        await server.sql("INSERT INTO b VALUES (3)");
        const { status, stderr } = await running.exit();
        assert.equal(status, 1, stderr);
        assert.match(stderr, /^walctl: error: .*publication "p"/m);
        assert.match(stderr, version < 18 ? /\(SQLSTATE 42704\)/ : /\(SQLSTATE 55000\)/);
        assert.match(stderr, /^HINT: /m);
        assert.deepEqual(insertedIds(parseLines(running.lines)), []);
        const [row] = await server.sql<{ kept: boolean }>(
          `SELECT confirmed_flush_lsn <= '${dropped?.lsn}'::pg_lsn + 1000 AND EXISTS (
             SELECT FROM pg_logical_slot_peek_binary_changes('${slot}', NULL, NULL, 'proto_version', '1', 'publication_names', 'q')
             WHERE get_byte(data, 0) = ${"I".charCodeAt(0)}) AS kept
           FROM pg_replication_slots WHERE slot_name = '${slot}'`,
        );
        assert.equal(row?.kept, true, `the slot is at ${await server.confirmed(slot)}`);
      });
    }

    test("with --allow-gap it goes on where the server does, with its warning", async (t) => {
      const [running, slot] = await start(t, "--ack", "--allow-gap");
      await server.sql("DROP PUBLICATION p");
      await server.sql("INSERT INTO a VALUES (2)");
      await server.sql("INSERT INTO b VALUES (3)");
      if (version < 18) {
        assert.equal((await running.exit()).status, 1);
        return;
      }
      const lines = await running.waitFor((line) => line.includes('"kind":"commit"'));
      assert.deepEqual(insertedIds(parseLines(lines)), [3]);
      assert.match(
        running.stderr,
        /^walctl: warning: server: skipped loading publication "p" \(SQLSTATE 55000\)/m,
      );
      assert.equal((await running.stop()).status, 0);
      // And from another process's start.
      await server.sql("CREATE PUBLICATION p FOR TABLE a");
      await server.sql("INSERT INTO a VALUES (4)");
      const next = await walctl(["tail", "-S", slot, "-P", "p", "-P", "q", "-E", "now"], {
        server,
      });
      assert.equal(next.status, 0, next.stderr);
      assert.deepEqual(insertedIds(parseLines(next.stdout)), [4]);
    });

    test("a slot that is older than the publication", async () => {
      const slot = `s${slots++}`;
      await server.sql("DROP PUBLICATION IF EXISTS p; TRUNCATE a");
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
      await server.sql("INSERT INTO a VALUES (1)");
      await server.sql("CREATE PUBLICATION p FOR TABLE a");
      const at = await server.confirmed(slot);
      const { status, stdout, stderr } = await walctl(
        ["tail", "-S", slot, "-P", "p", "--ack", "-E", "now"],
        { server },
      );
      assert.equal(status, 1, stderr);
      assert.equal(stdout, "");
      assert.equal(await server.confirmed(slot), at);
    });
  });
}
