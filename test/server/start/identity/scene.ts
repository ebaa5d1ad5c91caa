import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type RunningWalctl, spawnWalctl } from "../../../support/program/cli.ts";
import { DataCopy } from "../../../support/server/data-copy.ts";
import { insertedIds, parseLines } from "../../../support/program/lines.ts";
import { LOAD_TABLE } from "../../../support/server/load.ts";
import { FaultProxy } from "../../../support/server/proxy.ts";
import {
  type ServerVersion,
  type TestServer,
  startServer,
} from "../../../support/server/server.ts";
import { until } from "../../../support/tools/until.ts";

/** A server whose identity changes, a proxy before it, and a slot for each test. */
export class IdentityScene {
  server!: TestServer;
  proxy!: FaultProxy;
  folder = "";
  slot = "";
  nextId = 1;
  #slots = 0;

  async begin(version: ServerVersion): Promise<void> {
    this.folder = mkdtempSync(join(tmpdir(), "walctl-identity-"));
    this.server = await startServer({ version, settings: { max_replication_slots: "60" } });
    await this.server.sql(
      `${LOAD_TABLE}; CREATE TABLE other (id int); CREATE PUBLICATION p FOR TABLE load`,
    );
    this.proxy = await FaultProxy.start(this.server, { unix: true });
  }

  async end(): Promise<void> {
    await this.proxy.close();
    await this.server.dispose();
    rmSync(this.folder, { recursive: true });
  }

  async newSlot(): Promise<void> {
    this.slot = `s${this.#slots++}`;
    await this.server.sql(`SELECT pg_create_logical_replication_slot('${this.slot}', 'pgoutput')`);
  }

  readonly insert = async (count: number): Promise<number[]> => {
    const ids = Array.from({ length: count }, (_, index) => this.nextId + index);
    this.nextId += count;
    for (const id of ids) await this.server.sql(`INSERT INTO load VALUES (${id}, 'x')`);
    return ids;
  };
  /** More WAL, of which nothing is published. */
  readonly fill = async (): Promise<void> => {
    await this.server.sql("INSERT INTO other SELECT generate_series(1, 5000)");
  };
  readonly confirmed = async (): Promise<bigint> => {
    const [row] = await this.server.sql<{ at: string }>(
      `SELECT confirmed_flush_lsn - '0/0' AS at FROM pg_replication_slots WHERE slot_name = '${this.slot}'`,
    );
    return BigInt(row?.at ?? 0);
  };
  readonly position = async (): Promise<bigint> => {
    const [row] = await this.server.sql<{ at: string }>(
      "SELECT pg_current_wal_lsn() - '0/0' AS at",
    );
    return BigInt(row?.at ?? 0);
  };
  readonly args = (...more: string[]): string[] => ["tail", "-S", this.slot, "-P", "p", ...more];
  readonly start = (t: TestContext, ...more: string[]): RunningWalctl => {
    const running = spawnWalctl(this.args(...more), { server: this.server, env: this.proxy.env });
    t.after(() => running.dispose());
    return running;
  };
  readonly received = async (running: RunningWalctl, ids: readonly number[]): Promise<number[]> => {
    const lines = await running.waitFor((line) => line.includes(`"id":${ids.at(-1)},`));
    lines.push(await running.nextLine());
    return insertedIds(parseLines(lines));
  };
  /** Nobody is connected while `body` runs. */
  readonly away = async (running: RunningWalctl, body: () => Promise<void>): Promise<void> => {
    this.proxy.refusing = true;
    this.proxy.cut();
    try {
      await running.waitForStderr("lost the connection");
      const held = `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${this.slot}' AND active`;
      await until(async () => (await this.server.sql(held)).length === 0, 10);
      await body();
    } finally {
      this.proxy.refusing = false;
    }
  };
  readonly copy = async (t: TestContext): Promise<DataCopy> => {
    const taken = await DataCopy.take(this.server);
    t.after(() => taken.dispose());
    return taken;
  };
  readonly failed = async (running: RunningWalctl, message: RegExp): Promise<void> => {
    const { status, stderr } = await running.exit();
    assert.equal(status, 1, stderr);
    assert.match(stderr, message);
    assert.match(stderr, /^HINT: .*--allow-gap/m);
    assert.deepEqual(running.lines, []);
  };
}
