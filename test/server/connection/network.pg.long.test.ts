/** tail behind a network that misbehaves at chosen points; test/chaos does it at random ones. */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { FaultProxy } from "../../support/server/proxy.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const WAL_SENDER_TIMEOUT_MS = 1500;
const CUTS = 20;

for (const unix of [false, true]) {
  describe(`tail over ${unix ? "a Unix socket" : "TCP"}`, () => {
    let server: TestServer;
    let proxy: FaultProxy;
    let nextId = 1;

    before(async () => {
      const settings = { wal_sender_timeout: `${WAL_SENDER_TIMEOUT_MS}` };
      server = await startServer({ version: 18, settings });
      await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
      proxy = await FaultProxy.start(server, { unix });
    });
    after(async () => {
      await proxy.close();
      await server.dispose();
    });

    const createSlot = (slot: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    const insert = async (rows: number): Promise<void> => {
      await server.sql(
        `INSERT INTO load SELECT i, repeat('x', 100) FROM generate_series(${nextId}, ${nextId + rows - 1}) i`,
      );
      nextId += rows;
    };
    const spawnFor = (t: TestContext, slot: string): RunningWalctl => {
      const args = ["tail", "-S", slot, "-P", "p", "--ack"];
      const running = spawnWalctl(args, { server, env: proxy.env });
      t.after(() => running.dispose());
      return running;
    };
    const untilLast = (running: RunningWalctl): Promise<string[]> =>
      running.waitFor((line) => line.includes(`"id":${nextId - 1},`));

    test(`cut ${CUTS} times, each after some other number of bytes: every line once`, async (t) => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      await createSlot("cut");
      const first = nextId;
      const running = spawnFor(t, "cut");
      // A connection that is lost before the first start is an error, not a thing to try again.
      await insert(1);
      const lines = await untilLast(running);
      for (let cut = 0; cut < CUTS; cut++) {
        // What comes before the stream is about 3,000 bytes, the transaction 20,000.
        proxy.cutAfter(1 + Math.floor(random() * (cut % 2 === 0 ? 6000 : 25_000)));
        proxy.cut();
        await insert(100);
        lines.push(...(await untilLast(running)));
      }
      assert.equal((await running.stop()).status, 0);
      const ids = insertedIds(parseLines(lines));
      assert.deepEqual(
        ids,
        Array.from({ length: CUTS * 100 + 1 }, (_, row) => first + row),
      );
    });

    if (!unix) {
      test("a proxy that closes each connection before the answer about TLS is waited for", async (t) => {
        const env = { ...proxy.env, PGSSLMODE: "prefer" };
        await createSlot("away");
        await insert(1);
        const running = spawnWalctl(["tail", "-S", "away", "-P", "p", "--ack"], { server, env });
        t.after(() => running.dispose());
        const lines = await untilLast(running);
        proxy.refusing = true;
        t.after(() => (proxy.refusing = false));
        proxy.cut();
        const closed = /could not connect to server at .*: (the server closed the|read ECONNRESET)/;
        await running.waitForStderr(closed);
        for (let attempt = 0; attempt < 5; attempt++) {
          const { status, stderr } = await walctl(["slots"], { server, env });
          assert.equal(status, 1);
          assert.match(stderr, closed);
        }
        proxy.refusing = false;
        await insert(1);
        lines.push(...(await untilLast(running)));
        assert.deepEqual(insertedIds(parseLines(lines)), [nextId - 2, nextId - 1]);
      });
    }

    test("single bytes, one a read, are the same lines", async () => {
      await createSlot("bytes");
      await insert(50);
      const args = ["tail", "-S", "bytes", "-P", "p", "-E", "now"];
      const whole = await walctl(args, { server });
      proxy.bytewise(1_000_000);
      const single = await walctl(args, { server, env: proxy.env });
      proxy.bytewise(0);
      assert.equal(single.status, 0, single.stderr);
      assert.equal(single.stdout, whole.stdout);
    });

    for (const side of ["client", "server"] as const) {
      test(`closed by half, from the ${side}'s side, it connects again`, async (t) => {
        await createSlot(`half_${side}`);
        const running = spawnFor(t, `half_${side}`);
        await insert(10);
        const lines = await untilLast(running);
        proxy.halfClose(side);
        await insert(10);
        lines.push(...(await untilLast(running)));
        assert.equal(insertedIds(parseLines(lines)).length, 20);
        assert.equal((await running.stop()).status, 0);
      });
    }

    test("a network that is silent for twice wal_sender_timeout is given up", async (t) => {
      // Nothing tells either side: without the answers that are asked for it would hang until TCP gives up.
      await createSlot("silent");
      const running = spawnFor(t, "silent");
      await insert(10);
      const lines = await untilLast(running);
      // An idle stream is none that is silent.
      await sleep(3 * WAL_SENDER_TIMEOUT_MS);
      assert.doesNotMatch(running.stderr, /warning/);
      proxy.stall();
      await running.waitForStderr("the server has been silent for too long");
      proxy.cut();
      proxy.flow();
      await insert(10);
      lines.push(...(await untilLast(running)));
      assert.equal(insertedIds(parseLines(lines)).length, 20);
      const { status } = await running.stop();
      assert.equal(status, 0);
    });

    test("a signal during a silence ends it within a second", async (t) => {
      await createSlot("hush");
      const running = spawnFor(t, "hush");
      await insert(10);
      await untilLast(running);
      proxy.stall();
      const since = performance.now();
      assert.equal((await running.stop("SIGINT")).status, 0);
      assert.ok(performance.now() - since < 3000);
      proxy.cut();
      proxy.flow();
    });
  });
}
