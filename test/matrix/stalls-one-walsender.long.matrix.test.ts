/** A reader that stalls where the server allows no second connection. */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnWalctl } from "../support/program/cli.ts";
import { newestOrNamed } from "./support/versions.ts";
import {
  LEFT,
  LONGER_MS,
  ROWS,
  SETTINGS,
  Scene,
  type Stalled,
  elapsedMs,
  ended,
  readsOn,
} from "./support/stalled-scene.ts";
import { until } from "../support/tools/until.ts";

for (const version of newestOrNamed()) {
  describe(`a stalled reader with max_wal_senders = 1 on PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.start({ version, settings: { ...SETTINGS, max_wal_senders: "1" } });
      await scene.server.sql("CREATE ROLE narrow LOGIN REPLICATION");
      await scene.server.sql("GRANT SELECT ON load TO narrow");
    });
    after(() => scene.server.dispose());

    for (const mode of ["fast", "smart"] as const) {
      test(`a ${mode} stop takes no longer than with pg_recvlogical`, async (t) => {
        const { server } = scene;
        await scene.stalledPeer(t);
        const peer = await elapsedMs(() => server.stop(mode));
        await server.start();
        await server.sql("SELECT pg_drop_replication_slot('peer')");
        const stalled = await scene.stalled(t, mode, ["--ack"]);
        const waited = await elapsedMs(() => server.stop(mode));
        t.diagnostic(`pg_recvlogical ${peer.toFixed()} ms, walctl ${waited.toFixed()} ms`);
        await server.start();
        assert.ok(waited < peer + LONGER_MS, `${waited} ms`);
        await stalled.running.waitForStderr(LEFT);
        await readsOn(scene, stalled);
      });
    }

    /** With a temporary slot. */
    const stalledTemporary = async (t: TestContext, role: string): Promise<Stalled> => {
      const running = spawnWalctl(["tail", "-P", "p", "-U", role], { server: scene.server });
      t.after(() => running.dispose());
      // The walsender of the test before may still be there.
      const streaming = `SELECT 1 FROM pg_stat_replication JOIN pg_replication_slots ON active_pid = pid
        WHERE temporary AND state = 'streaming'`;
      await until(async () => (await scene.server.sql(streaming)).length > 0);
      const ids = await scene.insert(ROWS);
      const lines = [await running.nextLine()];
      running.stall();
      return { running, lines, ids, pid: await scene.waitingWalsender() };
    };
    const narrow = (limit: number): Promise<unknown> =>
      scene.server.sql(`ALTER ROLE narrow CONNECTION LIMIT ${limit}`);

    test("the history of a temporary slot is not given up for want of a second walsender", async (t) => {
      const stalled = await stalledTemporary(t, "postgres");
      await sleep(4000);
      assert.doesNotMatch(stalled.running.stderr, /warning/);
      await readsOn(scene, stalled);
    });

    test("where no second connection is allowed it leaves, and comes back when the reader goes on", async (t) => {
      const stalled = await scene.stalled(t, "narrow", ["--ack", "-U", "narrow"]);
      await narrow(0);
      await ended(scene, stalled.pid);
      await narrow(-1);
      await stalled.running.waitForStderr(LEFT);
      assert.match(stalled.running.stderr, /too many connections for role "narrow"/);
      await readsOn(scene, stalled);
    });

    test("where none is allowed and the slot is temporary, the server may give it up", async (t) => {
      const { running, pid } = await stalledTemporary(t, "narrow");
      await narrow(0);
      await running.waitForStderr("the server cannot be asked whether it waits for that");
      await ended(scene, pid);
      await narrow(-1);
      running.resume();
      await running.waitForStderr("is missing");
      assert.equal((await running.stop()).status, 0);
    });
  });
}
