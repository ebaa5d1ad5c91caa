/** A reader that stalls: walctl on a server with one table, and a transaction that fills all buffers. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, childEnvironment, spawnWalctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";

/** Longer than for pg_recvlogical, which the server gives up after wal_sender_timeout. */
export const LONGER_MS = 2000;
/** By then all buffers are full. */
const SLOW_MS = 500;
/** For what should take less than a second. */
const PATIENCE_MS = 15_000;
export const WAL_SENDER_TIMEOUT_MS = 1000;
/** Far more than the socket and the pipe hold. */
export const ROWS = 20_000;
export const LARGE_BYTES = 10_000_000;
export const LEFT =
  /^walctl: warning: disconnected, because the reader stalls and the server must not wait for it: /m;

export const SETTINGS = {
  wal_sender_timeout: `${WAL_SENDER_TIMEOUT_MS}`,
  // A large transaction is streamed where that is asked for.
  logical_decoding_work_mem: "64kB",
  min_wal_size: "32MB",
  max_wal_size: "64MB",
};

/** One table, and slots with a transaction that is waiting. */
export class Scene {
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

export interface Stalled {
  readonly running: RunningWalctl;
  readonly lines: string[];
  /** What the transaction inserted. */
  readonly ids: readonly number[];
  readonly pid: number;
}

export async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

/** The reader goes on: from the same process every line comes, once. */
export async function readsOn({ server }: Scene, { running, lines, ids }: Stalled): Promise<void> {
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
export async function ended({ server }: Scene, pid: number): Promise<void> {
  for (const since = performance.now(); performance.now() - since < PATIENCE_MS;) {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid}`;
    if ((await server.sql(sql)).length === 0) return;
    await sleep(10);
  }
  throw new Error(`process ${pid} does not end`);
}
