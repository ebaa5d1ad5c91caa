/** Ctrl-S: a terminal that takes nothing more is a stalled reader like any other. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { type Terminal, WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";

const WAL_SENDER_TIMEOUT_MS = 1000;
const ROWS = 5000;

describe("tail on a terminal that is stopped with Ctrl-S", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "walctl-ctrl-s-"));
    const settings = { wal_sender_timeout: `${WAL_SENDER_TIMEOUT_MS}` };
    server = await startServer({ version: 18, settings });
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
  });
  after(async () => {
    await server.dispose();
    await rm(folder, { recursive: true });
  });

  let lastId = 0;
  const insert = async (rows: number): Promise<number> => {
    const first = lastId + 1;
    lastId += rows;
    await server.sql(
      `INSERT INTO load SELECT i, repeat('x', 500) FROM generate_series(${first}, ${lastId}) i`,
    );
    return lastId;
  };
  const walsender = async (): Promise<number | undefined> =>
    (
      await server.sql<{ pid: number }>(
        "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'",
      )
    )[0]?.pid;
  /** With one row on the screen and the walsender waiting. Standard error goes to a file beside it. */
  const stopped = async (t: TestContext, slot: string): Promise<Terminal> => {
    await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const id = await insert(1);
    const errors = join(folder, slot);
    const command = `echo $$ >${errors}.pid; exec ${WALCTL_COMMAND} tail -S ${slot} -P p --ack -F ndjson 2>${errors}`;
    const terminal = await openTerminal(command, { columns: 200, rows: 24, server });
    t.after(() => terminal.close());
    await terminal.waitFor(`"id":${id},`);
    await terminal.press("C-s");
    await insert(ROWS);
    await sleep(500);
    const waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'WalSenderWriteData'";
    assert.notDeepEqual(await server.sql(waiting), []);
    return terminal;
  };

  test("feedback goes on for longer than wal_sender_timeout, and then every line comes", async (t) => {
    const terminal = await stopped(t, "kept");
    const pid = await walsender();
    await sleep(4 * WAL_SENDER_TIMEOUT_MS);
    assert.equal(await walsender(), pid);
    await terminal.press("C-q");
    const text = await terminal.waitFor(`"id":${lastId},`);
    const ids = [...text.replaceAll("\n", "").matchAll(/"kind":"insert".*?"id":(\d+),/g)].map(
      (match) => Number(match[1]),
    );
    assert.deepEqual(
      ids,
      Array.from({ length: ids.length }, (_, row) => lastId - ids.length + 1 + row),
    );
    assert.doesNotMatch(await readFile(join(folder, "kept"), "utf8"), /warning/);
    await terminal.press("C-c");
    assert.equal(await terminal.exit(), 0);
  });

  test("its walsender can be terminated", async (t) => {
    await stopped(t, "terminated");
    const pid = await walsender();
    const since = performance.now();
    await server.sql(`SELECT pg_terminate_backend(${pid})`);
    const alive = `SELECT 1 FROM pg_stat_activity WHERE pid = ${pid ?? 0}`;
    while ((await server.sql(alive)).length > 0) {
      assert.ok(performance.now() - since < 2000);
      await sleep(20);
    }
  });

  test("SIGTERM ends it within a second", async (t) => {
    const terminal = await stopped(t, "ended");
    const since = performance.now();
    process.kill(Number(await readFile(join(folder, "ended.pid"), "utf8")), "SIGTERM");
    assert.equal(await terminal.exit(), 0);
    assert.ok(performance.now() - since < 2000);
  });
});
