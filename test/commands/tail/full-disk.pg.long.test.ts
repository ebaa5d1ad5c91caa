/** A disk that is full, and signals at random moments. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PROGRAM, childEnvironment, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { committedIds, insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE, startLoad } from "../../support/server/load.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const PAGE_BYTES = 4096;
const SIGNAL_ROUNDS = 20;

describe("tail onto a full disk", () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-full-"));
    server = await startServer({ version: 18 });
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  const createSlot = (slot: string): Promise<unknown> =>
    server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);

  test("what could not be written to a file, a capture or standard output is not acknowledged", async () => {
    await createSlot("full");
    const start = await server.confirmed("full");
    await server.sql("INSERT INTO load VALUES (1, 'x')");
    const args = ["tail", "-S", "full", "-P", "p", "--ack", "-E", "now"];
    for (const extra of [
      ["-o", "/dev/full"],
      ["--capture", "/dev/full"],
    ]) {
      const { status, stdout, stderr } = await walctl([...args, ...extra], { server });
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(
        stderr,
        /^walctl: error: could not write "\/dev\/full": no space left on the device$/m,
      );
      assert.equal(await server.confirmed("full"), start, extra.join(" "));
    }
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: childEnvironment({ server }),
      stdio: ["ignore", full, "ignore"],
    });
    closeSync(full);
    const [status] = (await once(child, "close")) as [number | null];
    assert.equal(status, 1);
    assert.equal(await server.confirmed("full"), start);
    const { stdout } = await walctl(args, { server });
    assert.deepEqual(committedIds(parseLines(stdout)), [1]);
  });

  test("what is read behind a write that failed does not pass for written", async () => {
    // Under load several reads are dealt with before anybody hears of the failure, and these give nothing to write.
    const unseen =
      "DO $$ BEGIN FOR i IN 1 .. 5000 LOOP INSERT INTO unseen VALUES (i); COMMIT; END LOOP; END $$";
    await server.sql("CREATE TABLE unseen (id bigint); CREATE PUBLICATION unseen FOR TABLE unseen");
    await createSlot("behind");
    await server.sql("SET synchronous_commit = off");
    await server.sql(unseen);
    const [reached] = await server.sql<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    await server.sql("SELECT pg_logical_emit_message(true, 'seen', 'x')");
    await server.sql(unseen);
    await server.sql("RESET synchronous_commit");
    const args = ["--ack", "-E", "now", "--messages", "--only", "message"];
    for (let round = 0; round < 3; round++) {
      const slot = `behind_${round}`;
      await server.sql(`SELECT pg_copy_logical_replication_slot('behind', '${slot}')`);
      const full = openSync("/dev/full", "w");
      const child = spawn(
        process.execPath,
        [PROGRAM, "tail", "-S", slot, "-P", "unseen", ...args],
        {
          env: childEnvironment({ server }),
          stdio: ["ignore", full, "ignore"],
        },
      );
      closeSync(full);
      const [status] = (await once(child, "close")) as [number | null];
      assert.equal(status, 1);
      const [row] = await server.sql<{ kept: boolean }>(
        `SELECT '${await server.confirmed(slot)}'::pg_lsn <= '${reached?.lsn}'::pg_lsn AS kept`,
      );
      assert.equal(row?.kept, true);
    }
  });

  test("a file on a full disk is gone on with when there is space again, without loss or duplicates", async (t) => {
    // Blocks that are counted: a file system of its own, which needs root.
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], {
        stdio: "ignore",
      });
    } catch {
      return t.skip("no right to mount a tmpfs");
    }
    t.after(() => execFileSync("umount", [folder]));
    await createSlot("small");
    const file = join(folder, "out.ndjson");
    for (let id = 10_000; id < 20_000; id += 100) {
      await server.sql(
        `INSERT INTO load SELECT i, repeat('x', 100) FROM generate_series(${id}, ${id + 99}) i`,
      );
    }
    const args = ["tail", "-S", "small", "-P", "p", "--ack", "-E", "now", "-o", file];
    const failed = await walctl(args, { server });
    assert.equal(failed.status, 1);
    assert.match(failed.stderr, /error: could not write ".*": no space left on the device/);
    // A page of it is FILE.walctl's.
    assert.equal(statSync(file).size, 512 * 1024 - PAGE_BYTES);
    execFileSync("mount", ["-o", "remount,size=64m", folder]);
    const mended = await walctl(args, { server });
    assert.equal(mended.status, 0, mended.stderr);
    assert.deepEqual(
      insertedIds(parseLines(readFileSync(file, "utf8"))),
      Array.from({ length: 10_000 }, (_, row) => 10_000 + row),
    );
  });

  test(`ended by signals at ${SIGNAL_ROUNDS} random moments it says so with 0 and loses nothing`, async (t) => {
    const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    await createSlot("signals");
    const load = await startLoad(server, { pauseMs: 0 });
    t.after(() => load.stop());
    const file = join(folder, "signals.ndjson");
    for (let round = 0; round < SIGNAL_ROUNDS; round++) {
      const running = spawnWalctl(
        ["tail", "-S", "signals", "-P", "p", "--ack", "--wait", "-o", file],
        { server },
      );
      t.after(() => running.dispose());
      await sleep(random() * 600);
      if (random() < 0.3) running.signal("SIGTERM");
      const { status, signal, stderr } = await running.stop(random() < 0.5 ? "SIGINT" : "SIGTERM");
      // Before it listens a signal ends it as any program; a second one ends it at once.
      assert.ok(
        status === 0 || status === 130 || status === 143 || signal !== null,
        `${status} ${stderr}`,
      );
      assert.doesNotMatch(stderr, /error/);
    }
    const committed = await load.stop();
    const last = await walctl(
      ["tail", "-S", "signals", "-P", "p", "--ack", "-E", "now", "-o", file, "--wait"],
      { server },
    );
    assert.equal(last.status, 0, last.stderr);
    assert.deepEqual(committedIds(parseLines(readFileSync(file, "utf8"))), committed);
  });
});
