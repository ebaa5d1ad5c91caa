/** What tail writes elsewhere than to a pipe, and who confirms it. */
import { existsSync } from "node:fs";
import assert from "node:assert/strict";
import { appendFile, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { committedIds, insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE, startLoad } from "../../support/server/load.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { until } from "../../support/tools/until.ts";

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

for (const version of newestOrBoth()) {
  describe(`delivery on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let folder: string;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "walctl-delivery-"));
      server = await startServer({ version });
      await server.sql(LOAD_TABLE);
      await server.sql("CREATE PUBLICATION p FOR TABLE load");
    });
    after(async () => {
      await server.dispose();
      await rm(folder, { recursive: true });
    });

    const createSlot = (slot: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const free = async (slot: string): Promise<void> => {
      const sql = `SELECT 1 FROM pg_replication_slots WHERE slot_name = '${slot}' AND active`;
      await until(async () => (await server.sql(sql)).length === 0, 10);
    };
    const spawnFor = (t: TestContext, args: readonly string[]): RunningWalctl => {
      const running = spawnWalctl(args, { server });
      t.after(() => running.dispose());
      return running;
    };

    test("a capture decodes to byte for byte what tail printed, types of the catalogue included", async () => {
      await server.sql(`
        CREATE TYPE mood AS ENUM ('ok', 'it''s');
        CREATE TYPE pair AS (a int, b text);
        CREATE DOMAIN percent AS int CHECK (value BETWEEN 0 AND 100);
        CREATE TABLE typed (id int PRIMARY KEY, m mood, p pair, ps pair[], c percent);
        CREATE PUBLICATION typed FOR TABLE typed`);
      await createSlot("capture");
      await server.sql(`
        INSERT INTO typed VALUES (1, 'ok', (1, 'x "y"'), ARRAY[(2, NULL)::pair], 50);
        UPDATE typed SET c = 60;
        SELECT pg_logical_emit_message(false, 'out', 'side')`);
      const file = join(folder, `typed-${version}.walctl`);
      const tail = await walctl(
        ["tail", "-S", "capture", "-P", "typed", "-E", "now", "--messages", "--capture", file],
        { server },
      );
      assert.equal(tail.status, 0, tail.stderr);
      assert.match(
        tail.stdout,
        /"p":\{"a":1,"b":"x \\"y\\""\},"ps":\[\{"a":2,"b":null\}\],"c":50\}/,
      );
      const decoded = await walctl(["decode-file", file]);
      assert.equal(decoded.stdout, tail.stdout);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
    });

    test("FILE and slot hold every change once, whenever walctl is killed", async (t) => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      await createSlot("file");
      const file = join(folder, `out-${version}.ndjson`);
      const args = ["tail", "-S", "file", "-P", "p", "--ack", "-o", file];
      const load = await startLoad(server, { pauseMs: 0, rowsMax: 200 });
      t.after(() => load.stop());
      for (let round = 0; round < 10; round++) {
        const size = await sizeOf(file);
        const running = spawnFor(t, args);
        await until(async () => (await sizeOf(file)) !== size, 10);
        await sleep(random() * 200);
        await running.stop("SIGKILL");
        await free("file");
      }
      const ids = await load.stop();
      // The crash may tear a line; if it did not, this does.
      if ((await readFile(file, "utf8")).endsWith("\n")) {
        await appendFile(file, '{"kind":"begin","lsn":"0/1');
      }
      const last = await walctl([...args, "-E", "now"], { server });
      assert.equal(last.status, 0, last.stderr);
      assert.match(last.stderr, /cut \d+ bytes of an unfinished transaction/);
      assert.deepEqual(committedIds(parseLines(await readFile(file, "utf8"))), ids);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
    });

    test("SIGHUP goes on in a new file, between transactions", async (t) => {
      await createSlot("hup");
      const file = join(folder, `hup-${version}.ndjson`);
      const running = spawnFor(t, ["tail", "-S", "hup", "-P", "p", "--ack", "-o", file]);
      const holds = async (path: string, text: string): Promise<void> => {
        await until(async () => (await readFile(path, "utf8").catch(() => "")).includes(text));
      };
      await server.sql("INSERT INTO load VALUES (5000001, 'one')");
      await holds(file, '"id":5000001');
      await rename(file, `${file}.1`);
      running.signal("SIGHUP");
      await holds(file, "");
      await until(() => existsSync(file));
      await server.sql("INSERT INTO load VALUES (5000002, 'two')");
      await holds(file, '"id":5000002');
      assert.match(running.stderr, /^walctl: \d{4}-\S+Z opened ".*\.ndjson" again \(SIGHUP\)$/m);
      assert.equal((await running.stop()).status, 0);
      assert.deepEqual(committedIds(parseLines(await readFile(`${file}.1`, "utf8"))), [5000001]);
      assert.deepEqual(committedIds(parseLines(await readFile(file, "utf8"))), [5000002]);
    });

    test("the slot moves only to what the consumer confirms", async (t) => {
      await createSlot("from");
      const path = join(folder, `acks-${version}`);
      await writeFile(path, "");
      const running = spawnFor(t, ["tail", "-S", "from", "-P", "p", "--ack-from", path]);
      const start = await server.confirmed("from");
      const ends: string[] = [];
      for (const id of [6000001, 6000002, 6000003]) {
        await server.sql(`INSERT INTO load VALUES (${id}, 'x')`);
        const lines = parseLines(await running.waitFor((line) => line.includes('"kind":"commit"')));
        ends.push(lines.at(-1)?.end_lsn ?? "");
      }
      await sleep(300);
      assert.equal(await server.confirmed("from"), start);
      const [first, second, third] = ends as [string, string, string];
      for (const [text, expected, refusal] of [
        [`${first}\n`, first, undefined],
        ["nonsense\n", first, /"nonsense" is refused: it is not an LSN/],
        ["FF/0\n", first, /nothing beyond .* has been written/],
        [second, first, undefined],
        ["\n", second, undefined],
        [`${first}\n`, second, /is confirmed already/],
        [`${third}\n`, third, undefined],
      ] as const) {
        await appendFile(path, text);
        if (refusal !== undefined) await running.waitForStderr(refusal);
        await sleep(200);
        assert.equal(await server.confirmed("from"), expected, text);
      }
      assert.equal((await running.stop()).status, 0);
      assert.equal(await server.confirmed("from"), third);
    });

    test("a directory cannot be confirmed from", async () => {
      const { status, stderr } = await walctl(
        ["tail", "-S", "from", "-P", "p", "--ack-from", folder],
        { server },
      );
      assert.equal(status, 2);
      assert.match(stderr, /^walctl: error: --ack-from: ".*" is a directory$/m);
    });

    test("a server that is told to stop is not held up by a stalled reader, with --ack and without", async (t) => {
      await createSlot("stop1");
      await createSlot("stop2");
      await server.sql(
        "INSERT INTO load SELECT 7000000 + i, repeat('x', 500) FROM generate_series(1, 30000) i",
      );
      const tails = [
        spawnFor(t, ["tail", "-S", "stop1", "-P", "p", "--ack"]),
        spawnFor(t, ["tail", "-S", "stop2", "-P", "p"]),
      ];
      // Both at once: one that is read while the other is waited for may have no more to write.
      const lines = await Promise.all(
        tails.map(async (tail) => {
          const first = await tail.nextLine();
          tail.stall();
          return [first];
        }),
      );
      // Until the stall has been noticed.
      const walsenders = "SELECT 1 FROM pg_stat_replication";
      await until(async () => (await server.sql(walsenders)).length >= 4, 50);
      for (const mode of ["fast", "smart"] as const) {
        const since = performance.now();
        await server.stop(mode);
        assert.ok(performance.now() - since < 5000, `${mode} took too long`);
        await server.start();
      }
      await server.sql("INSERT INTO load VALUES (7999999, 'after')");
      for (const [index, tail] of tails.entries()) {
        tail.resume();
        lines[index]?.push(...(await tail.waitFor((line) => line.includes('"id":7999999,'))));
        const ids = insertedIds(parseLines(lines[index] ?? [])).filter((id) => id > 7_000_000);
        assert.deepEqual(ids, [
          ...Array.from({ length: 30_000 }, (_, row) => 7_000_001 + row),
          7_999_999,
        ]);
        assert.equal((await tail.stop()).status, 0);
      }
    });

    test("it tells how it fares when asked, and where it got to at the end", async (t) => {
      await createSlot("status");
      const running = spawnFor(t, ["tail", "-S", "status", "-P", "p", "--ack"]);
      await server.sql("INSERT INTO load VALUES (8000001, 'x')");
      await running.waitFor((line) => line.includes('"kind":"commit"'));
      running.signal("SIGUSR1");
      await running.waitForStderr(
        /walctl: \d{4}-\d\d-\d\dT[\d:.]+Z at [0-9A-F/]+, \d+ bytes and \d+\.\d s behind, \d+ rows\/s, \d+ unacknowledged transactions, 0 reconnects\n/,
      );
      const { status, stderr } = await running.stop();
      assert.equal(status, 0);
      assert.match(
        stderr,
        /walctl: \S+Z stopped: printed up to [0-9A-F/]+, acknowledged up to [0-9A-F/]+\n$/,
      );
    });
  });
}
