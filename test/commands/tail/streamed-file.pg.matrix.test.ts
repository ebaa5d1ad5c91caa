/** `--streaming` into a FILE, and walctl killed while transactions are open that are in there by half. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Transcript } from "../../chaos/transcript.ts";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { until } from "../../support/tools/until.ts";

const KILL_ROUNDS = 8;
const rows = (from: number, count: number): string =>
  `INSERT INTO load SELECT i, repeat('x', 100) FROM generate_series(${from}, ${from + count - 1}) i`;
const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from + index);

for (const version of newestOrBoth()) {
  describe(`streamed into a file on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let folder: string;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-streamed-file-"));
      server = await startServer({ version, settings: { logical_decoding_work_mem: "64kB" } });
      await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
    });
    after(async () => {
      await server.dispose();
      rmSync(folder, { recursive: true });
    });

    const fileOf = (slot: string): string => join(folder, slot);
    const argsOf = (slot: string, streaming = "on"): string[] =>
      ["tail", "-S", slot, "-P", "p", "--ack", "-o", fileOf(slot), "--streaming", streaming].concat(
        "--wait",
      );
    const holds = async (slot: string, text: string): Promise<void> => {
      await until(() => readFileSync(fileOf(slot), "utf8").includes(text));
    };
    const start = async (t: TestContext, slot: string): Promise<RunningWalctl> => {
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
      const running = spawnWalctl(argsOf(slot), { server });
      t.after(() => running.dispose());
      await until(() => fileExists(slot));
      return running;
    };
    const fileExists = (slot: string): boolean => {
      try {
        return readFileSync(fileOf(slot)) !== undefined;
      } catch {
        return false;
      }
    };
    /** A transaction that is open, in FILE by blocks on both sides of a commit, and then walctl is killed. */
    const killInTheMidst = async (t: TestContext, slot: string, base: number) => {
      const writer = await server.connect();
      t.after(() => writer.end());
      const running = await start(t, slot);
      await writer.query(`BEGIN; INSERT INTO load VALUES (${base}, 'top')`);
      await writer.query(`SAVEPOINT s; ${rows(base + 1, 2000)}`);
      await holds(slot, `"id":${base + 1000},`);
      await server.sql(`INSERT INTO load VALUES (${base + 9999}, 'another transaction')`);
      await holds(slot, `"id":${base + 9999},`);
      await writer.query(rows(base + 3000, 2000));
      await holds(slot, `"id":${base + 4000},`);
      await running.stop("SIGKILL");
      return writer;
    };
    const finish = async (slot: string, streaming?: string): Promise<Transcript> => {
      const last = await walctl([...argsOf(slot, streaming), "-E", "now"], { server });
      assert.equal(last.status, 0, last.stderr);
      const transcript = new Transcript();
      const lines = readFileSync(fileOf(slot), "utf8").trimEnd().split("\n");
      for (const line of lines) transcript.take(line);
      return transcript;
    };
    const idsOf = ({ committed }: Transcript): number[][] => committed.map(({ ids }) => [...ids]);

    for (const streaming of ["on", "off"]) {
      test(`it goes on where it was, with --streaming ${streaming}`, async (t) => {
        const base = streaming === "on" ? 1_000_000 : 2_000_000;
        const slot = `on_${streaming}`;
        const writer = await killInTheMidst(t, slot, base);
        await writer.query(`${rows(base + 6000, 1000)}; COMMIT`);
        const transcript = await finish(slot, streaming);
        assert.deepEqual(transcript.twice, []);
        assert.deepEqual(idsOf(transcript), [
          [base + 9999],
          [
            base,
            ...range(base + 1, 2000),
            ...range(base + 3000, 2000),
            ...range(base + 6000, 1000),
          ],
        ]);
      });
    }

    test("what was rolled back meanwhile does not count", async (t) => {
      const base = 3_000_000;
      const writer = await killInTheMidst(t, "back", base);
      await writer.query(`ROLLBACK TO s; INSERT INTO load VALUES (${base + 6000}, 'kept'); COMMIT`);
      const transcript = await finish("back");
      assert.deepEqual(transcript.twice, []);
      assert.deepEqual(idsOf(transcript), [[base + 9999], [base, base + 6000]]);
    });

    test(`killed with -9 ${KILL_ROUNDS} times under load, FILE holds every change once`, async (t) => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      const committed: number[] = [];
      const over = new AbortController();
      const write = async (from: number): Promise<void> => {
        const client = await server.connect();
        for (let base = from; !over.signal.aborted; base += 2000) {
          const ids = range(base, 300);
          await client.query(`BEGIN; ${rows(base, 300)}`);
          await sleep(random() * 50);
          await client.query(`SAVEPOINT s; ${rows(base + 300, 500)}`);
          await sleep(random() * 100);
          if (random() < 0.3) await client.query("ROLLBACK TO s");
          else ids.push(...range(base + 300, 500));
          await client.query(rows(base + 1000, 300));
          ids.push(...range(base + 1000, 300));
          const rolledBack = random() < 0.2;
          await client.query(rolledBack ? "ROLLBACK" : "COMMIT");
          if (!rolledBack) committed.push(...ids);
        }
        await client.end();
      };
      await (await start(t, "kill")).stop("SIGKILL");
      const writing = Promise.all([write(10_000_000), write(20_000_000), write(30_000_000)]);
      for (let round = 0; round < KILL_ROUNDS; round++) {
        const running = spawnWalctl(argsOf("kill"), { server });
        t.after(() => running.dispose());
        await sleep(400 + random() * 500);
        await running.stop("SIGKILL");
      }
      over.abort();
      await writing;
      const transcript = await finish("kill");
      const order = (a: number, b: number): number => a - b;
      assert.deepEqual(transcript.twice, []);
      assert.deepEqual(idsOf(transcript).flat().toSorted(order), committed.toSorted(order));
    });
  });
}
