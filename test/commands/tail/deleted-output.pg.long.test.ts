/** The FILE of --output, deleted and renamed while tail writes it. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { committedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { until } from "../../support/tools/until.ts";

describe("a FILE that somebody takes away", { timeout: 120_000 }, () => {
  let server: TestServer;
  let folder: string;
  let file: string;
  let running: RunningWalctl;
  const args = (): string[] => ["tail", "-S", "s", "-P", "p", "--ack", "-o", file];
  before(async () => {
    server = await startServer({ version: 15 });
    await server.sql(LOAD_TABLE);
    await server.sql("CREATE PUBLICATION p FOR TABLE load");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  });
  after(() => server.dispose());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-deleted-"));
    file = join(folder, "out.ndjson");
    // Where the test before has ended.
    await server.sql("SELECT pg_replication_slot_advance('s', pg_current_wal_lsn())");
    running = spawnWalctl(args(), { server });
    await insert(1);
    await holds(file, 1);
    await until(async () => (await unconfirmed()) === 0);
  });
  afterEach(async () => {
    await running.dispose();
    const held = "SELECT FROM pg_replication_slots WHERE active";
    await until(async () => (await server.sql(held)).length === 0);
    await server.sql("TRUNCATE load");
    rmSync(folder, { recursive: true });
  });

  async function insert(id: number): Promise<void> {
    await server.sql(`INSERT INTO load VALUES (${id}, 'x')`);
  }

  const idsIn = (path: string): readonly number[] =>
    existsSync(path)
      ? committedIds(parseLines(readFileSync(path, "utf8").split("\n").slice(0, -1)))
      : [];

  async function holds(path: string, id: number): Promise<void> {
    await until(() => idsIn(path).includes(id));
  }

  /** Transactions that the slot would send again. */
  async function unconfirmed(): Promise<number> {
    const peek =
      "SELECT FROM pg_logical_slot_peek_binary_changes('s', NULL, NULL, 'proto_version', '1', 'publication_names', 'p')";
    const behind =
      "SELECT FROM pg_replication_slots WHERE confirmed_flush_lsn < pg_current_wal_flush_lsn()";
    return (await server.sql(running.child.exitCode === null ? behind : peek)).length;
  }

  test("deleted: nothing is acknowledged that only the deleted file holds, and it comes again", async () => {
    rmSync(file);
    await insert(2);
    const { status, stderr } = await running.exit(10_000);
    assert.equal(status, 1, stderr);
    assert.match(
      stderr,
      /^walctl: error: "\S+out.ndjson" was deleted while it was being written$/m,
    );
    await insert(3);
    const again = await walctl([...args(), "-E", "now"], { server });
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(idsIn(file), [2, 3]);
  });

  test("deleted and SIGHUP: in the new file is all that was not acknowledged before", async () => {
    rmSync(file);
    running.signal("SIGHUP");
    await until(() => existsSync(file));
    await insert(2);
    await holds(file, 2);
    assert.equal((await running.stop()).status, 0);
    assert.deepEqual(idsIn(file), [2]);
  });

  test("renamed: lines go on into it, are acknowledged, and after a while there is a warning", async () => {
    renameSync(file, `${file}.1`);
    for (let id = 2; id < 14; id++) {
      await insert(id);
      await holds(`${file}.1`, id);
      await until(async () => (await unconfirmed()) === 0);
      await sleep(1000);
    }
    assert.equal(running.stderr.match(/is another file by now, or none/g)?.length, 1);
    running.signal("SIGHUP");
    await until(() => existsSync(file));
    await insert(14);
    await holds(file, 14);
    assert.equal((await running.stop()).status, 0);
  });

  test("truncated while nothing is under way, it is written on from its beginning", async () => {
    truncateSync(file);
    await insert(2);
    await holds(file, 2);
    assert.equal((await running.stop()).status, 0, running.stderr);
    assert.deepEqual(idsIn(file), [2]);
  });
});
