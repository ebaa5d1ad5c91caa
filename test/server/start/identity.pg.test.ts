/** A server, a slot or a FILE that is not the one that was streamed: what would be skipped is an error. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { DataCopy, promote } from "../../support/server/data-copy.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";

for (const version of newestOrBoth()) {
  describe(`identity of the server and the slot on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let proxy: FaultProxy;
    let folder: string;
    let slots = 0;
    let slot: string;
    let nextId = 1;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-identity-"));
      server = await startServer({ version, settings: { max_replication_slots: "60" } });
      await server.sql(
        `${LOAD_TABLE}; CREATE TABLE other (id int); CREATE PUBLICATION p FOR TABLE load`,
      );
      proxy = await FaultProxy.start(server, { unix: true });
    });
    after(async () => {
      await proxy.close();
      await server.dispose();
      rmSync(folder, { recursive: true });
    });
    beforeEach(async () => {
      slot = `s${slots++}`;
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    });

    const insert = async (count: number): Promise<number[]> => {
      const ids = Array.from({ length: count }, (_, index) => nextId + index);
      nextId += count;
      for (const id of ids) await server.sql(`INSERT INTO load VALUES (${id}, 'x')`);
      return ids;
    };
    /** More WAL, of which nothing is published. */
    const fill = async (): Promise<void> => {
      await server.sql("INSERT INTO other SELECT generate_series(1, 5000)");
    };
    const confirmed = async (): Promise<bigint> => {
      const [row] = await server.sql<{ at: string }>(
        `SELECT confirmed_flush_lsn - '0/0' AS at FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      );
      return BigInt(row?.at ?? 0);
    };
    const position = async (): Promise<bigint> => {
      const [row] = await server.sql<{ at: string }>("SELECT pg_current_wal_lsn() - '0/0' AS at");
      return BigInt(row?.at ?? 0);
    };
    const args = (...more: string[]): string[] => ["tail", "-S", slot, "-P", "p", ...more];
    const start = (t: TestContext, ...more: string[]): RunningWalctl => {
      const running = spawnWalctl(args(...more), { server, env: proxy.env });
      t.after(() => running.dispose());
      return running;
    };
    const received = async (running: RunningWalctl, ids: readonly number[]): Promise<number[]> => {
      const lines = await running.waitFor((line) => line.includes(`"id":${ids.at(-1)},`));
      lines.push(await running.nextLine());
      return insertedIds(parseLines(lines));
    };
    /** Nobody is connected while `body` runs. */
    const away = async (running: RunningWalctl, body: () => Promise<void>): Promise<void> => {
      proxy.refusing = true;
      proxy.cut();
      try {
        await running.waitForStderr("lost the connection");
        const held = `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`;
        while ((await server.sql(held)).length > 0) await sleep(10);
        await body();
      } finally {
        proxy.refusing = false;
      }
    };
    const copy = async (t: TestContext): Promise<DataCopy> => {
      const taken = await DataCopy.take(server);
      t.after(() => taken.dispose());
      return taken;
    };
    const failed = async (running: RunningWalctl, message: RegExp): Promise<void> => {
      const { status, stderr } = await running.exit();
      assert.equal(status, 1, stderr);
      assert.match(stderr, message);
      assert.match(stderr, /^HINT: .*--allow-gap/m);
      assert.deepEqual(running.lines, []);
    };

    for (const ack of [["--ack"], []]) {
      const how = ack.length > 0 ? "with --ack" : "without --ack";

      test(`restored from an older copy, it is behind what was received: ${how}`, async (t) => {
        const older = await copy(t);
        const running = start(t, ...ack);
        assert.deepEqual(await received(running, await insert(20)), range(nextId - 20, 20));
        await away(running, () => older.restore());
        await failed(
          running,
          /^walctl: error: the server is at .*, and changes up to .* have been received: it has been restored/m,
        );
      });

      test(`restored from an older copy, it has grown past what was received: ${how}`, async (t) => {
        // START_REPLICATION at our position skipped all 20, and then the slot was moved past them.
        const older = await copy(t);
        const running = start(t, ...ack);
        await received(running, await insert(3));
        const end = await position();
        let atRestart = 0n;
        await away(running, async () => {
          await older.restore();
          atRestart = await confirmed();
          await insert(20);
          while ((await position()) < end) await fill();
          await fill();
        });
        await failed(
          running,
          /^walctl: error: the server's log is not the one that was received: transaction \d+, which committed at .*, is not in it/m,
        );
        assert.equal(await confirmed(), atRestart, "nothing was acknowledged");
      });

      test(`with --allow-gap the stream goes on with all that the server has: ${how}`, async (t) => {
        const older = await copy(t);
        const running = start(t, ...ack, "--allow-gap");
        await received(running, await insert(3));
        const end = await position();
        let ids: number[] = [];
        await away(running, async () => {
          await older.restore();
          ids = await insert(20);
          while ((await position()) < end) await fill();
          await fill();
        });
        assert.deepEqual(await received(running, ids), ids);
        assert.match(
          running.stderr,
          /^walctl: warning: the server's log is not the one that was received/m,
        );
        ids = await insert(2);
        assert.deepEqual(await received(running, ids), ids);
        assert.equal((await running.stop()).status, 0);
      });

      test(`restored from a copy that has all that was received, it loses nothing and is no error: ${how}`, async (t) => {
        const running = start(t, ...ack, "-s", "0.2");
        await received(running, await insert(3));
        await sleep(500);
        let same: DataCopy | undefined;
        await away(running, async () => {
          same = await copy(t);
        });
        // What keepalives say of is lost with the restored server.
        for (let round = 0; round < 5; round++) await fill();
        await sleep(1000);
        let ids: number[] = [];
        await away(running, async () => {
          await same?.restore();
          ids = await insert(10);
        });
        assert.deepEqual(await received(running, ids), ids);
        assert.equal((await running.stop()).status, 0);
      });

      test(`promoted before what was received: ${how}`, async (t) => {
        const older = await copy(t);
        const running = start(t, ...ack);
        await received(running, await insert(20));
        await away(running, () => older.restore({ promoted: true }));
        await failed(
          running,
          /^walctl: error: the server does not have all that was received: its timeline \d+ and timeline \d+, which was received, part at /m,
        );
      });

      test(`promoted with all that was received, it goes on without a word: ${how}`, async (t) => {
        const running = start(t, ...ack);
        await received(running, await insert(3));
        let ids: number[] = [];
        await away(running, async () => {
          await server.stop();
          await promote(server);
          ids = await insert(3);
        });
        assert.deepEqual(await received(running, ids), ids);
        const { status, stderr } = await running.stop();
        assert.equal(status, 0);
        for (const warning of stderr.match(/^walctl: warning: .*/gm) ?? []) {
          assert.match(warning, /warning: lost the connection/);
        }
      });

      test(`the slot is advanced, or made anew, while nobody is connected: ${how}`, async (t) => {
        const moves = [
          `SELECT pg_replication_slot_advance('${slot}', pg_current_wal_lsn())`,
          `SELECT pg_drop_replication_slot('${slot}'); SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`,
        ];
        for (const move of moves) {
          const running = start(t, ...ack, "-s", "0.2");
          const first = await insert(3);
          await received(running, first);
          await away(running, async () => {
            await insert(3);
            for (const sql of move.split("; ")) await server.sql(sql);
          });
          await failed(
            running,
            new RegExp(
              `^walctl: error: slot "${slot}" is at .*, beyond what was received, .*: it was advanced, or dropped and created again`,
              "m",
            ),
          );
        }
        const allowed = start(t, ...ack, "--allow-gap");
        await received(allowed, await insert(1));
        await away(allowed, async () => {
          await insert(3);
          await server.sql(moves[0] ?? "");
        });
        const ids = await insert(3);
        assert.deepEqual(await received(allowed, ids), ids);
        assert.match(
          allowed.stderr,
          /^DETAIL: What committed between .* and .* has not been received/m,
        );
        assert.equal((await allowed.stop()).status, 0);
      });
    }

    describe("the next process on the same FILE", () => {
      let file: string;
      beforeEach(() => {
        file = join(folder, `${slot}.ndjson`);
      });
      const run = (...more: string[]): Promise<Awaited<ReturnType<typeof walctl>>> =>
        walctl(args("--ack", "-o", file, "-E", "now", ...more), { server });
      const held = (): number[] => insertedIds(parseLines(readFileSync(file, "utf8")));
      const refused = async (message: RegExp): Promise<void> => {
        const old = readFileSync(file);
        const { status, stderr } = await run();
        assert.equal(status, 1, stderr);
        assert.match(stderr, message);
        assert.match(stderr, /^HINT: .*--allow-gap/m);
        assert.deepEqual(readFileSync(file), old, "FILE is as it was");
      };
      const allowed = async (ids: readonly number[]): Promise<void> => {
        const old = held().length;
        const { status, stderr } = await run("--allow-gap");
        assert.equal(status, 0, stderr);
        assert.match(stderr, /^walctl: warning: /m);
        assert.deepEqual(held().slice(old), ids);
        // And from then on all is well.
        const more = await insert(2);
        const again = await run();
        assert.equal(again.status, 0, again.stderr);
        assert.doesNotMatch(again.stderr, /warning/);
        assert.deepEqual(held().slice(old), [...ids, ...more]);
      };

      test("the server is behind", async (t) => {
        const older = await copy(t);
        await insert(20);
        assert.equal((await run()).status, 0);
        await older.restore();
        await refused(/^walctl: error: the server is at .*, and changes up to/m);
        await allowed([]);
      });

      test("the server was behind and has grown since", async (t) => {
        const older = await copy(t);
        await insert(3);
        assert.equal((await run()).status, 0);
        const end = await position();
        await older.restore();
        const ids = await insert(20);
        while ((await position()) < end) await fill();
        await refused(/^walctl: error: the server's log is not the one that was received/m);
        await allowed(ids);
      });

      test("it was promoted before that", async (t) => {
        const older = await copy(t);
        await insert(20);
        assert.equal((await run()).status, 0);
        await older.restore({ promoted: true });
        const ids = await insert(2);
        await refused(
          /^walctl: error: the server does not have all that was received: its timeline/m,
        );
        await allowed(ids);
      });

      test("the slot was moved, or made anew", async () => {
        await insert(3);
        assert.equal((await run()).status, 0);
        await insert(3);
        await server.sql(`SELECT pg_replication_slot_advance('${slot}', pg_current_wal_lsn())`);
        await refused(/^walctl: error: slot ".*" is at .*, beyond what was received/m);
        await allowed([]);
        await insert(1);
        await server.sql(`SELECT pg_drop_replication_slot('${slot}')`);
        await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
        await refused(/^walctl: error: slot ".*" is at .*, beyond what was received/m);
      });

      test("it is another server", async (t) => {
        await insert(3);
        assert.equal((await run()).status, 0);
        const second = await startServer({ version });
        t.after(() => second.dispose());
        await second.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
        await second.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
        const { status, stderr } = await walctl(args("--ack", "-o", file, "-E", "now"), {
          server: second,
        });
        assert.equal(status, 1);
        assert.match(
          stderr,
          /^walctl: error: this is another server: its system identifier is \d+/m,
        );
      });

      test("FILE is another slot's", async () => {
        await insert(3);
        assert.equal((await run()).status, 0);
        await server.sql(`SELECT pg_copy_logical_replication_slot('${slot}', '${slot}_copy')`);
        const { status, stderr } = await walctl(
          ["tail", "-S", `${slot}_copy`, "-P", "p", "--ack", "-o", file, "-E", "now"],
          { server },
        );
        assert.equal(status, 1);
        assert.match(
          stderr,
          new RegExp(
            `^walctl: error: the file holds what slot "${slot}" of database "postgres" sent`,
            "m",
          ),
        );
      });

      test("without FILE.walctl, or with a damaged one, it goes on as well", async () => {
        for (const damage of [
          () => rmSync(`${file}.walctl`),
          () => appendFileSync(`${file}.walctl`, "x"),
        ]) {
          const ids = await insert(3);
          assert.equal((await run()).status, 0);
          damage();
          ids.push(...(await insert(3)));
          const { status, stderr } = await run();
          assert.equal(status, 0, stderr);
          assert.deepEqual(held().slice(-6), ids);
          assert.ok(existsSync(`${file}.walctl`));
        }
      });

      test("FILE deleted, and its state left: what the slot still has comes, and no error", async () => {
        await insert(3);
        assert.equal((await run()).status, 0);
        rmSync(file);
        const ids = await insert(3);
        const { status, stderr } = await run();
        assert.equal(status, 0, stderr);
        assert.deepEqual(held(), ids);
      });
    });
  });
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}
