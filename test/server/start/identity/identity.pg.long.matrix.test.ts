/** A server or a slot that is not the one that was streamed: what would be skipped is an error. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type DataCopy, promote } from "../../../support/server/data-copy.ts";
import { newestOrBoth } from "../../../matrix/support/versions.ts";
import { IdentityScene } from "./scene.ts";
import { until } from "../../../support/tools/until.ts";

for (const version of newestOrBoth()) {
  describe(`identity of the server and the slot on PostgreSQL ${version}`, () => {
    const scene = new IdentityScene();
    const { insert, fill, confirmed, position, start, received, away, copy, failed } = scene;
    before(() => scene.begin(version));
    after(() => scene.end());
    beforeEach(() => scene.newSlot());

    test("restored, it lacks what walctl heard of and had no part of: the stream goes on, with a warning", async (t) => {
      const running = start(t, "--ack");
      const ids = await insert(2);
      assert.deepEqual(await received(running, ids), ids);
      const older = await copy(t);
      await fill();
      const end = await position();
      await until(async () => (await confirmed()) >= end, 50);
      await away(running, () => older.restore());
      const more = await insert(1);
      assert.deepEqual(await received(running, more), more);
      assert.match(
        running.stderr,
        /has seen it at .*: the server was restored from an older state\nDETAIL: Every transaction that was received whole is there, and nothing is skipped\. One that was still open may be rolled back there\./,
      );
    });

    for (const ack of [["--ack"], []]) {
      const how = ack.length > 0 ? "with --ack" : "without --ack";

      test(`restored from an older copy, it is behind what was received: ${how}`, async (t) => {
        const older = await copy(t);
        const running = start(t, ...ack);
        assert.deepEqual(await received(running, await insert(20)), range(scene.nextId - 20, 20));
        await away(running, () => older.restore());
        await failed(
          running,
          /^walctl: error: the server is at .*, and changes up to .* have been received: the server was restored/m,
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

      test(`restored, it has given the xid of an open streamed transaction to another one: ${how}`, async (t) => {
        await scene.server.sql("ALTER SYSTEM SET logical_decoding_work_mem = '64kB'");
        await scene.server.sql("SELECT pg_reload_conf()");
        await insert(1);
        const older = await copy(t);
        const running = start(t, "--streaming", "on", ...ack);
        await running.waitFor((line) => line.includes('"kind":"commit"'));
        const open = await scene.server.connect();
        await open.query("BEGIN");
        const first = scene.nextId + 100_000;
        await open.query(
          `INSERT INTO load SELECT g, repeat('x', 300) FROM generate_series(${first}, ${first + 600}) g`,
        );
        await running.waitFor((line) => line.includes('"kind":"stream_stop"'));
        const end = await position();
        await away(running, async () => {
          await open.end();
          await older.restore();
          // The first of these has the xid.
          await insert(3);
          while ((await position()) < end) await fill();
          await insert(1);
        });
        const { status, stderr } = await running.exit();
        assert.equal(status, 1, stderr);
        assert.match(
          stderr,
          /^walctl: error: the server's log is not the one that was received: a change of transaction \d+ that was received is not in it/m,
        );
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
        // What keepalives say of is lost with the restored scene.server.
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
          await scene.server.stop();
          await promote(scene.server);
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
          `SELECT pg_replication_slot_advance('${scene.slot}', pg_current_wal_lsn())`,
          `SELECT pg_drop_replication_slot('${scene.slot}'); SELECT pg_create_logical_replication_slot('${scene.slot}', 'pgoutput')`,
        ];
        for (const move of moves) {
          const running = start(t, ...ack, "-s", "0.2");
          const first = await insert(3);
          await received(running, first);
          await away(running, async () => {
            await insert(3);
            for (const sql of move.split("; ")) await scene.server.sql(sql);
          });
          await failed(
            running,
            new RegExp(
              `^walctl: error: slot "${scene.slot}" is at .*, beyond what was received, .*: it was advanced, or dropped and created again`,
              "m",
            ),
          );
        }
        const allowed = start(t, ...ack, "--allow-gap");
        await received(allowed, await insert(1));
        await away(allowed, async () => {
          await insert(3);
          await scene.server.sql(moves[0] ?? "");
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
  });
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}
