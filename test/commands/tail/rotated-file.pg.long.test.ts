/** FILE is renamed, and walctl killed before it has gone on in a new one: the next process finds what was written. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, renameSync, symlinkSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { FileTail, complaints } from "../../support/program/file-tail.ts";
import { committedIds, parseLines } from "../../support/program/lines.ts";
import { startLoad } from "../../support/server/load.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { until } from "../../support/tools/until.ts";

const ROUNDS = 10;

for (const version of newestOrBoth()) {
  describe(`a FILE that is renamed, and a kill, on PostgreSQL ${version}`, () => {
    let tail: FileTail;
    let nextId = 1_000_000;
    before(async () => {
      tail = await FileTail.start(version);
    });
    after(() => tail.dispose());

    const createSlot = (slot: string): Promise<unknown> =>
      tail.server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const insert = async (): Promise<number> => {
      await tail.server.sql(`INSERT INTO load VALUES (${nextId})`);
      return nextId++;
    };

    test(`rotated and killed ${ROUNDS} times under load, the files hold every change once`, async (t) => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      await createSlot("load");
      const file = tail.fileOf("load");
      const load = await startLoad(tail.server, { pauseMs: 0, rowsMax: 50 });
      t.after(() => load.stop());
      for (let round = 1; round <= ROUNDS; round++) {
        const running = tail.follow(t, "load", ["--ack", "--wait"]);
        await tail.holds("load", '"kind":"commit"', running);
        await sleep(random() * 100);
        renameSync(file, `${file}.${round}`);
        running.signal("SIGHUP");
        await sleep(random() * 30);
        await running.stop("SIGKILL");
      }
      const ids = await load.stop();
      await tail.catchUp("load", ["--ack"]);
      const names = Array.from({ length: ROUNDS }, (_, index) => `${file}.${index + 1}`);
      const text = [...names, file].map((each) => readFileSync(each, "utf8")).join("");
      assert.deepEqual(committedIds(parseLines(text)), ids);
    });

    /** Killed in the midst of a transaction, of which a half stands in the renamed file. */
    const killAfterRename = async (
      t: TestContext,
      slot: string,
      rename: (file: string) => string,
      options: readonly string[],
    ): Promise<void> => {
      await createSlot(slot);
      const from = nextId;
      const proxy = await FaultProxy.start(tail.server, { unix: true });
      t.after(() => proxy.close());
      const running = tail.follow(t, slot, options, proxy);
      await tail.holds(slot, `"id":${await insert()},`, running);
      const renamed = rename(tail.fileOf(slot));
      const written = async (id: number): Promise<void> => {
        while (!readFileSync(renamed, "utf8").includes(`"id":${id},`)) await sleep(20);
      };
      await written(await insert());
      await tail.server.sql("SELECT pg_logical_emit_message(false, 'm', 'outside')");
      proxy.holdAt("row 500 of");
      await tail.server.sql(
        `INSERT INTO load SELECT ${nextId} + i, 'row ' || i || ' of' FROM generate_series(0, 999) i`,
      );
      await written(nextId + 300);
      nextId += 1000;
      await running.stop("SIGKILL");
      const said = await tail.catchUp(slot, options);
      assert.match(said, /cut \d+ bytes of an unfinished transaction from the end of/);
      await insert();
      assert.deepEqual(complaints(said + (await tail.catchUp(slot, options))), []);
      const text = readFileSync(renamed, "utf8") + tail.textOf(slot);
      const rows = await tail.server.sql<{ id: string }>(
        `SELECT id FROM load WHERE id >= ${from} ORDER BY id`,
      );
      assert.deepEqual(
        committedIds(parseLines(text)),
        rows.map(({ id }) => Number(id)),
      );
      assert.equal(text.split('"prefix":"m"').length, 2);
    };

    test("rotated before its stream has started, tail goes on behind the renamed file", async (t) => {
      const slot = "waits";
      await createSlot(slot);
      const from = await insert();
      await tail.catchUp(slot, []);
      const file = tail.fileOf(slot);
      const other = tail.follow(t, slot, ["-o", `${file}.other`]);
      await tail.holds(`${slot}.other`, `"id":${from},`, other);
      const waiting = tail.follow(t, slot, ["--wait"]);
      await waiting.waitForStderr(/waiting for the slot/);
      renameSync(file, `${file}.1`);
      waiting.signal("SIGHUP");
      await until(() => existsSync(file));
      await waiting.stop("SIGKILL");
      await other.stop("SIGKILL");
      const last = await insert();
      assert.deepEqual(complaints(await tail.catchUp(slot, [])), []);
      const text = readFileSync(`${file}.1`, "utf8") + tail.textOf(slot);
      assert.deepEqual(committedIds(parseLines(text)), [from, last]);
    });

    for (const ack of [["--ack"], []]) {
      const name = ack[0] ?? "no --ack";
      const prefix = ack.length === 0 ? "read" : "acked";

      test(`one that was renamed without SIGHUP is found, ${name}`, async (t) => {
        const rename = (file: string): string => {
          renameSync(file, `${file}.1`);
          return `${file}.1`;
        };
        await killAfterRename(t, `${prefix}_plain`, rename, ["--messages", ...ack]);
      });

      test(`one that a link led to is found, ${name}`, async (t) => {
        const slot = `${prefix}_link`;
        const file = tail.fileOf(slot);
        const target = join(dirname(file), "elsewhere", slot);
        if (!existsSync(dirname(target))) mkdirSync(dirname(target));
        symlinkSync(target, file);
        const rename = (): string => {
          unlinkSync(file);
          symlinkSync(`${target}.next`, file);
          return target;
        };
        await killAfterRename(t, slot, rename, ["--messages", ...ack]);
      });
    }

    for (const rotations of [0, 2]) {
      test(`the blocks of a streamed transaction are known from ${rotations} rotated files and a renamed one`, async (t) => {
        const slot = `streamed_${rotations}`;
        await createSlot(slot);
        const from = nextId;
        const options = ["--ack", "--streaming", "on"];
        const file = tail.fileOf(slot);
        const running = tail.follow(t, slot, options);
        const writer = await tail.server.connect();
        t.after(() => writer.end());
        const rows = (): string => {
          nextId += 2000;
          return `INSERT INTO load SELECT i, repeat('x', 100) FROM generate_series(${nextId - 2000}, ${nextId - 1}) i`;
        };
        const names = Array.from({ length: rotations + 1 }, (_, index) => `${file}.${index}`);
        await writer.query("BEGIN");
        for (const name of names) {
          await writer.query(rows());
          await tail.holds(slot, `"id":${nextId - 1000},`, running);
          renameSync(file, name);
          if (name === names.at(-1)) break;
          running.signal("SIGHUP");
          await until(() => existsSync(file));
        }
        await running.stop("SIGKILL");
        await writer.query(`${rows()}; COMMIT`);
        assert.deepEqual(complaints(await tail.catchUp(slot, options)), []);
        const text = names.map((name) => readFileSync(name, "utf8")).join("");
        await tail.assertWhole(slot, from, text);
      });
    }
  });
}
