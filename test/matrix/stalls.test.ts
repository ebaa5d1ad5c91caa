/** A reader that stalls, and a server that must not wait for it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, childEnvironment, spawnWalctl } from "../support/program/cli.ts";
import { insertedIds, parseLines } from "../support/program/lines.ts";
import { LOAD_TABLE } from "../support/server/load.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { startStandby } from "../support/server/standby.ts";
import { toolPath } from "../support/tools/tools.ts";
import { newestOrNamed } from "./support/versions.ts";

/** Longer than for pg_recvlogical, which the server gives up after wal_sender_timeout. */
const LONGER_MS = 2000;
/** By then all buffers are full. */
const SLOW_MS = 500;
/** For what should take less than a second. */
const PATIENCE_MS = 15_000;
const WAL_SENDER_TIMEOUT_MS = 1000;
/** Far more than the socket and the pipe hold. */
const ROWS = 20_000;
const LARGE_BYTES = 10_000_000;
const LEFT =
  /^walctl: warning: disconnected, because the reader stalls and the server must not wait for it: /m;

const SETTINGS = {
  wal_sender_timeout: `${WAL_SENDER_TIMEOUT_MS}`,
  // A large transaction is streamed where that is asked for.
  logical_decoding_work_mem: "64kB",
  min_wal_size: "32MB",
  max_wal_size: "64MB",
};

/** One table, and slots with a transaction that is waiting. */
class Scene {
  readonly server: TestServer;
  #lastId = 0;

  constructor(server: TestServer) {
    this.server = server;
  }

  static async start(options: Parameters<typeof startServer>[0]): Promise<Scene> {
    const server = await startServer(options);
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
    return new Scene(server);
  }

  async insert(rows: number): Promise<readonly number[]> {
    const first = this.#lastId + 1;
    this.#lastId += rows;
    await this.server.sql(
      `INSERT INTO load SELECT i, repeat('x', 500) FROM generate_series(${first}, ${this.#lastId}) i`,
    );
    return Array.from({ length: rows }, (_, row) => first + row);
  }

  /** walctl, and its walsender waiting for it to read. */
  async stalled(t: TestContext, slot: string, args: readonly string[] = []): Promise<Stalled> {
    await this.server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const ids = await this.insert(ROWS);
    const running = spawnWalctl(["tail", "-S", slot, "-P", "p", ...args], { server: this.server });
    t.after(() => running.dispose());
    const lines = [await running.nextLine()];
    running.stall();
    return { running, lines, ids, pid: await this.waitingWalsender() };
  }

  /** The process id of a walsender that cannot send. */
  async waitingWalsender(): Promise<number> {
    // Until then it may be that what it waits for is only slow.
    await sleep(SLOW_MS);
    for (const since = performance.now(); performance.now() - since < PATIENCE_MS;) {
      const [row] = await this.server.sql<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walsender' AND wait_event = 'WalSenderWriteData'",
      );
      if (row !== undefined) return row.pid;
      await sleep(20);
    }
    throw new Error("no walsender waits to send");
  }

  /** pg_recvlogical into a pipe that nobody reads, for as long as the server puts up with it. */
  async stalledPeer(t: TestContext): Promise<void> {
    await this.server.sql("SELECT pg_create_logical_replication_slot('peer', 'pgoutput')");
    await this.insert(ROWS);
    const options = ["-o", "proto_version=1", "-o", "publication_names=p", "--no-loop", "-f", "-"];
    const peer = spawn(
      toolPath("pg_recvlogical"),
      ["-d", "postgres", "-S", "peer", "--start", ...options],
      { env: childEnvironment({ server: this.server }), stdio: ["ignore", "pipe", "ignore"] },
    );
    t.after(() => peer.kill("SIGKILL"));
    await this.waitingWalsender();
    await sleep(2 * WAL_SENDER_TIMEOUT_MS);
  }
}

interface Stalled {
  readonly running: RunningWalctl;
  readonly lines: string[];
  /** What the transaction inserted. */
  readonly ids: readonly number[];
  readonly pid: number;
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

/** The reader goes on: from the same process every line comes, once. */
async function readsOn({ server }: Scene, { running, lines, ids }: Stalled): Promise<void> {
  const last = 1_000_000_000 + (ids.at(-1) ?? 0);
  await server.sql(`INSERT INTO load VALUES (${last}, 'x')`);
  running.resume();
  lines.push(...(await running.waitFor((line) => line.includes(`"id":${last},`))));
  const printed = parseLines(lines);
  assert.deepEqual(insertedIds(printed), [...ids, last]);
  const ends = printed.filter(({ kind }) => /^(begin|commit|stream_commit)$/.test(kind));
  assert.equal(new Set(ends.map(({ kind, xid }) => `${kind} ${xid}`)).size, ends.length);
  assert.equal((await running.stop()).status, 0, running.stderr);
}

/** Until the process is gone. */
async function ended({ server }: Scene, pid: number): Promise<void> {
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS;) {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid}`;
    if ((await server.sql(sql)).length === 0) return;
    await sleep(10);
  }
  throw new Error(`process ${pid} does not end`);
}

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
      const waited = await elapsedMs(() => server.sql("CHECKPOINT"));
      assert.ok(waited < LONGER_MS, `${waited} ms`);
      const [slot] = await server.sql<{ wal_status: string }>(
        "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'kept'",
      );
      assert.equal(slot?.wal_status, "lost");
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
      while ((await scene.server.sql(streaming)).length === 0) await sleep(20);
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
