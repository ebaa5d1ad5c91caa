/** A reader that stalls, and a server that must not wait for it. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnWalctl } from "../support/program/cli.ts";
import { insertedIds, parseLines } from "../support/program/lines.ts";
import { startStandby } from "../support/server/standby.ts";
import { until } from "../support/tools/until.ts";
import { newestOrNamed } from "./support/versions.ts";
import {
  LARGE_BYTES,
  LEFT,
  LONGER_MS,
  ROWS,
  SETTINGS,
  Scene,
  WAL_SENDER_TIMEOUT_MS,
  elapsedMs,
  ended,
  readsOn,
} from "./support/stalled-scene.ts";

for (const version of newestOrNamed()) {
  describe(`a stalled reader on PostgreSQL ${version}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.start({ version, settings: SETTINGS });
    });
    after(() => scene.server.dispose());

    for (const [index, args] of [["--ack"], [], ["--ack", "--streaming", "on"]].entries()) {
      test(`pg_terminate_backend ends its walsender: tail ${args.join(" ")}`, async (t) => {
        const stalled = await scene.stalled(t, `terminated${index}`, args);
        const waited = await elapsedMs(async () => {
          await scene.server.sql(`SELECT pg_terminate_backend(${stalled.pid})`);
          await ended(scene, stalled.pid);
        });
        assert.ok(waited < LONGER_MS, `${waited} ms`);
        await stalled.running.waitForStderr(LEFT);
        await readsOn(scene, stalled);
      });
    }

    test("so it does when all that was asked for has come, and is not written yet", async (t) => {
      // More than the pipe takes, in the last message that is printed.
      const slot = "SELECT pg_create_logical_replication_slot('limited', 'pgoutput')";
      await scene.server.sql(slot);
      await scene.server.sql(`INSERT INTO load VALUES (0, repeat('x', ${LARGE_BYTES}))`);
      await scene.insert(ROWS);
      const running = spawnWalctl(["tail", "-S", "limited", "-P", "p", "-n", "1"], {
        server: scene.server,
      });
      t.after(() => running.dispose());
      await running.nextLine();
      running.stall();
      const pid = await scene.waitingWalsender();
      const waited = await elapsedMs(async () => {
        await scene.server.sql(`SELECT pg_terminate_backend(${pid})`);
        await ended(scene, pid);
      });
      assert.ok(waited < LONGER_MS, `${waited} ms`);
      running.resume();
      assert.equal((await running.exit()).status, 0, running.stderr);
      assert.deepEqual(insertedIds(parseLines(running.lines)), [0]);
    });

    test("a stall that troubles nobody is no reason to leave", async (t) => {
      const stalled = await scene.stalled(t, "long", ["--ack"]);
      await sleep(5 * WAL_SENDER_TIMEOUT_MS);
      assert.equal(await scene.waitingWalsender(), stalled.pid);
      assert.doesNotMatch(stalled.running.stderr, /warning/);
      await readsOn(scene, stalled);
    });

    test("a server that is suspended meanwhile changes nothing", async (t) => {
      const stalled = await scene.stalled(t, "suspended", ["--ack"]);
      const processes = processesOf(scene.server.pid ?? 0);
      for (const pid of processes) process.kill(pid, "SIGSTOP");
      await sleep(5000);
      for (const pid of processes) process.kill(pid, "SIGCONT");
      await readsOn(scene, stalled);
    });

    test("a checkpoint that has to invalidate its slot does so, and the loss is reported", async (t) => {
      const { server } = scene;
      const { running } = await scene.stalled(t, "kept");
      await server.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'");
      await server.sql("SELECT pg_reload_conf()");
      t.after(async () => {
        await server.sql("ALTER SYSTEM RESET max_slot_wal_keep_size");
        await server.sql("SELECT pg_reload_conf()");
      });
      for (let segments = 0; segments < 3; segments++) {
        await scene.insert(1);
        await server.sql("SELECT pg_switch_wal()");
      }
      // The checkpointer reads the new setting some time after the sessions do.
      await until(async () => {
        const waited = await elapsedMs(() => server.sql("CHECKPOINT"));
        assert.ok(waited < LONGER_MS, `${waited} ms`);
        const [slot] = await server.sql<{ wal_status: string }>(
          "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'kept'",
        );
        return slot?.wal_status === "lost";
      });
      await running.waitForStderr(LEFT);
      running.resume();
      assert.equal((await running.exit()).status, 1);
      assert.match(running.stderr, /^walctl: error: slot "kept" was invalidated/m);
    });

    test("a standby is promoted meanwhile", { skip: version < 16 }, async (t) => {
      const standby = await startStandby(scene.server);
      t.after(() => standby.dispose());
      const creating = standby.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
      const snapshots = setInterval(
        () => void scene.server.sql("SELECT pg_log_standby_snapshot()"),
        100,
      );
      await creating.finally(() => clearInterval(snapshots));
      const ids = await scene.insert(ROWS);
      const running = spawnWalctl(["tail", "-S", "s", "-P", "p", "--ack"], { server: standby });
      t.after(() => running.dispose());
      const lines = [await running.nextLine()];
      running.stall();
      const promoted = new Scene(standby);
      const pid = await promoted.waitingWalsender();
      assert.ok((await elapsedMs(() => standby.sql("SELECT pg_promote()"))) < LONGER_MS);
      await readsOn(promoted, { running, lines, ids, pid });
    });
  });
}

/** The postmaster and its children. */
function processesOf(postmaster: number): readonly number[] {
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return (
          readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]?.split(" ")[1] ===
          `${postmaster}`
        );
      } catch {
        return false;
      }
    });
  return [postmaster, ...children.map(Number)];
}
