/**
 * A transaction that was prepared before the slot's two_phase_at: the server sends it whole at COMMIT PREPARED, with
 * the positions of its PREPARE, behind transactions that committed later (ReorderBufferFinishPrepared).
 */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { testedVersions } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { FileTail, complaints } from "../../support/program/file-tail.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { until } from "../../support/tools/until.ts";

for (const version of testedVersions().filter((each) => each >= 15)) {
  describe(`transactions prepared before two_phase_at on PostgreSQL ${version}`, () => {
    let tail: FileTail;
    let nextId = 1;
    before(async () => {
      tail = await FileTail.start(version);
    });
    after(() => tail.dispose());

    const insert = async (): Promise<number> => {
      await tail.server.sql(`INSERT INTO load VALUES (${nextId})`);
      return nextId++;
    };
    const prepare = async (gid: string, rows = 1): Promise<void> => {
      const writer = await tail.server.connect();
      const last = nextId + rows - 1;
      await writer.query(
        `BEGIN; INSERT INTO load SELECT i, repeat('x', 100) FROM generate_series(${nextId}, ${last}) i`,
      );
      nextId += rows;
      await writer.query(`PREPARE TRANSACTION '${gid}'`);
      await writer.end();
    };
    const createSlot = async (slot: string): Promise<void> => {
      const { status, stderr } = await walctl(["create-slot", slot], { server: tail.server });
      assert.equal(status, 0, stderr);
    };
    /** A slot that was read without --two-phase while a transaction was prepared. */
    const preparedBefore = async (
      slot: string,
      ack: readonly string[],
      rows?: number,
    ): Promise<number> => {
      const from = nextId;
      await createSlot(slot);
      await prepare(slot, rows);
      await insert();
      await tail.catchUp(slot, ack);
      return from;
    };

    for (const ack of [["--ack"], []]) {
      const name = ack.length === 0 ? "without --ack" : "with --ack";
      const prefix = ack.length === 0 ? "read" : "acked";

      test(`--two-phase switched on later loses no row, ${name}`, async () => {
        const slot = `${prefix}_later`;
        const from = await preparedBefore(slot, ack);
        // It makes the slot two-phase.
        await tail.catchUp(slot, [...ack, "--two-phase"]);
        await insert();
        await tail.catchUp(slot, [...ack, "--two-phase"]);
        await tail.server.sql(`COMMIT PREPARED '${slot}'`);
        await insert();
        const stderr = await tail.catchUp(slot, [...ack, "--two-phase"]);
        await tail.assertWhole(slot, from);
        assert.deepEqual(complaints(stderr), []);
      });

      test(`a running tail --two-phase loses no row, ${name}`, async (t) => {
        const slot = `${prefix}_running`;
        const from = await preparedBefore(slot, ack);
        const running = tail.follow(t, slot, [...ack, "--two-phase"]);
        await tail.holds(slot, `"id":${await insert()},`, running);
        await tail.server.sql(`COMMIT PREPARED '${slot}'`);
        await tail.holds(slot, `"id":${await insert()},`, running);
        const { status, stderr } = await running.stop();
        await tail.assertWhole(slot, from);
        assert.deepEqual([status, complaints(stderr)], [0, []]);
      });

      test(`a large one among streamed transactions loses no row, ${name}`, async (t) => {
        const slot = `${prefix}_large`;
        const from = await preparedBefore(slot, ack, 3000);
        const running = tail.follow(t, slot, [...ack, "--two-phase", "--streaming", "on"]);
        await prepare(`${slot}_streamed`, 3000);
        await tail.holds(slot, '"kind":"stream_prepare"', running);
        await tail.server.sql(`COMMIT PREPARED '${slot}'`);
        await tail.server.sql(`COMMIT PREPARED '${slot}_streamed'`);
        await tail.holds(slot, `"id":${await insert()},`, running);
        const { status, stderr } = await running.stop();
        await tail.assertWhole(slot, from);
        assert.deepEqual([status, complaints(stderr)], [0, []]);
      });

      test(`one that was prepared while the slot was created loses no row, ${name}`, async (t) => {
        const slot = `${prefix}_created`;
        const from = await preparedDuringCreation(t, slot);
        const running = tail.follow(t, slot, [...ack, "--two-phase"]);
        await tail.holds(slot, `"id":${await insert()},`, running);
        await tail.server.sql(`COMMIT PREPARED '${slot}'`);
        await tail.holds(slot, `"id":${await insert()},`, running);
        const { status, stderr } = await running.stop();
        await tail.assertWhole(slot, from);
        assert.deepEqual([status, complaints(stderr)], [0, []]);
      });

      test(`a FILE that ends in such a prepare is continued, ${name}`, async (t) => {
        const slot = `${prefix}_ends`;
        const from = await preparedBefore(slot, ack);
        const proxy = await FaultProxy.start(tail.server, { unix: true });
        t.after(() => proxy.close());
        const running = tail.follow(t, slot, [...ack, "--two-phase"], proxy);
        await tail.holds(slot, `"id":${await insert()},`, running);
        // begin_prepare, prepare and commit_prepared name it.
        proxy.holdAt(slot, 3);
        await tail.server.sql(`COMMIT PREPARED '${slot}'`);
        await tail.holds(slot, '"kind":"prepare"', running);
        // Until it is acknowledged, if it wrongly is.
        await sleep(500);
        await running.stop("SIGKILL");
        assert.match(tail.textOf(slot), /\n\{"kind":"prepare"[^\n]*\n$/);
        await insert();
        const stderr = await tail.catchUp(slot, [...ack, "--two-phase"]);
        await tail.assertWhole(slot, from);
        assert.deepEqual(complaints(stderr), []);
      });

      test(`a FILE that ends in the second such prepare has the first one once, ${name}`, async (t) => {
        const slot = `${prefix}_second`;
        const from = nextId;
        await createSlot(slot);
        await prepare(`${slot}_1`);
        await prepare(slot);
        await insert();
        await tail.catchUp(slot, ack);
        const proxy = await FaultProxy.start(tail.server, { unix: true });
        t.after(() => proxy.close());
        const running = tail.follow(t, slot, [...ack, "--two-phase"], proxy);
        await tail.holds(slot, `"id":${await insert()},`, running);
        // begin_prepare, prepare and commit_prepared name it; so do those of the first.
        proxy.holdAt(slot, 6);
        await tail.server.sql(`COMMIT PREPARED '${slot}_1'`);
        await tail.server.sql(`COMMIT PREPARED '${slot}'`);
        await tail.holds(slot, `"kind":"commit_prepared"`, running);
        await sleep(500);
        await running.stop("SIGKILL");
        assert.match(tail.textOf(slot), /"commit_prepared"[^]*\n\{"kind":"prepare"[^\n]*\n$/);
        await insert();
        const stderr = await tail.catchUp(slot, [...ack, "--two-phase"]);
        await tail.assertWhole(slot, from);
        assert.deepEqual(complaints(stderr), []);
      });
    }

    /** Two transactions that the creation of the slot waits for, one after the other, and one prepared meanwhile. */
    const preparedDuringCreation = async (t: TestContext, slot: string): Promise<number> => {
      const [first, second] = [await tail.server.connect(), await tail.server.connect()];
      for (const client of [first, second]) t.after(() => client.end());
      const begin = "BEGIN; INSERT INTO load VALUES";
      const waitsFor = async (xid: unknown): Promise<void> => {
        const waiting = `SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = '${String(xid)}'`;
        await until(async () => (await tail.server.sql(waiting)).length > 0);
      };
      const xidOf = async (client: typeof first): Promise<unknown> =>
        (await client.query("SELECT txid_current() AS xid")).rows[0].xid;
      await first.query(`${begin} (${nextId++})`);
      const creating = walctl(["create-slot", slot, "--two-phase", "--lock-timeout", "30"], {
        server: tail.server,
      });
      await waitsFor(await xidOf(first));
      await second.query(`${begin} (${nextId++})`);
      await first.query("COMMIT");
      await waitsFor(await xidOf(second));
      const from = nextId;
      await prepare(slot);
      await second.query("COMMIT");
      const { status, stderr } = await creating;
      assert.equal(status, 0, stderr);
      return from;
    };
  });
}
