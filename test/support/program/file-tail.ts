/** `tail -o FILE` on a server of its own, and what has to be in FILE by the server's own word. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Transcript } from "../../chaos/transcript.ts";
import type { FaultProxy } from "../server/proxy.ts";
import { type ServerVersion, type TestServer, startServer } from "../server/server.ts";
import { type RunningWalctl, spawnWalctl, walctl } from "./cli.ts";

const PATIENCE_MS = 60_000;
const SETTINGS = {
  // The order of the commits, in SQL.
  track_commit_timestamp: "on",
  max_prepared_transactions: "10",
  logical_decoding_work_mem: "64kB",
  max_replication_slots: "100",
};

/** Table `load`, published by `p`. Its rows are inserted and never changed. */
export class FileTail {
  readonly server: TestServer;
  readonly #folder = mkdtempSync(join(tmpdir(), "walctl-file-tail-"));

  private constructor(server: TestServer) {
    this.server = server;
  }

  static async start(version: ServerVersion): Promise<FileTail> {
    const tail = new FileTail(await startServer({ version, settings: SETTINGS }));
    await tail.server.sql(
      "CREATE TABLE load (id bigint PRIMARY KEY, filler text NOT NULL DEFAULT 'x'); CREATE PUBLICATION p FOR TABLE load",
    );
    return tail;
  }

  async dispose(): Promise<void> {
    await this.server.dispose();
    rmSync(this.#folder, { recursive: true });
  }

  /** Each slot has a FILE of its own. */
  fileOf(slot: string): string {
    return join(this.#folder, slot);
  }

  textOf(slot: string): string {
    const file = this.fileOf(slot);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** Starts a tail that keeps running, through the proxy if there is one. */
  follow(
    t: TestContext,
    slot: string,
    options: readonly string[],
    proxy?: FaultProxy,
  ): RunningWalctl {
    const running = spawnWalctl(this.#args(slot, options), {
      server: this.server,
      env: proxy?.env ?? {},
    });
    t.after(() => running.dispose());
    return running;
  }

  /** Runs a tail up to now, and gives what it said. */
  async catchUp(slot: string, options: readonly string[]): Promise<string> {
    const args = [...this.#args(slot, options), "-E", "now", "--wait"];
    const { status, stderr } = await walctl(args, { server: this.server });
    assert.equal(status, 0, stderr);
    return stderr;
  }

  /** Waits until FILE has that text. */
  async holds(slot: string, text: string | RegExp, running: RunningWalctl): Promise<void> {
    const has = (): boolean =>
      typeof text === "string" ? this.textOf(slot).includes(text) : text.test(this.textOf(slot));
    for (const deadline = Date.now() + PATIENCE_MS; !has(); await sleep(20)) {
      const { exitCode } = running.child;
      assert.equal(exitCode, null, `walctl ended: ${running.stderr}`);
      assert.ok(Date.now() < deadline, `waited in vain for ${String(text)}: ${running.stderr}`);
    }
  }

  /**
   * FILE has the rows of the table, each once and in the order of their commits. Those before `from` were there before
   * the slot. `earlier` is what was rotated away.
   */
  async assertWhole(slot: string, from = 0, earlier = ""): Promise<void> {
    const transcript = new Transcript();
    for (const line of (earlier + this.textOf(slot)).trimEnd().split("\n")) transcript.take(line);
    const rows = await this.server.sql<{ id: string }>(
      `SELECT id FROM load WHERE id >= ${from} ORDER BY pg_xact_commit_timestamp(xmin), id`,
    );
    assert.deepEqual(
      transcript.committed.flatMap(({ ids }) => ids),
      rows.map(({ id }) => Number(id)),
    );
    assert.deepEqual(transcript.twice, []);
  }

  #args(slot: string, options: readonly string[]): string[] {
    const output = options.includes("-o") ? [] : ["-o", this.fileOf(slot)];
    return ["tail", "-S", slot, "-P", "p", "-s", "0.2", ...output, ...options];
  }
}

/** The warnings and errors on standard error. */
export function complaints(stderr: string): string[] {
  return stderr.match(/^walctl: (warning|error): .*/gm) ?? [];
}
