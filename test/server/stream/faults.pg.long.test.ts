/** The guarantees of tail, each under the fault that it is about. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { childEnvironment, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { committedIds, insertedIds, parseLines } from "../../support/program/lines.ts";
import { LOAD_TABLE, startLoad } from "../../support/server/load.ts";
import { seededRandom } from "../../support/tools/random.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";
import { until } from "../../support/tools/until.ts";

const WAL_SENDER_TIMEOUT_MS = 1000;
const KILL_ROUNDS = 25;

for (const version of [15, 18] as const) {
  describe(`tail under faults on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      const settings = { wal_sender_timeout: `${WAL_SENDER_TIMEOUT_MS}` };
      server = await startServer({ version, settings });
      await server.sql(LOAD_TABLE);
      await server.sql("CREATE PUBLICATION p FOR TABLE load");
    });
    after(() => server.dispose());

    const createSlot = (slot: string): Promise<unknown> =>
      server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);

    test(`killed with -9 ${KILL_ROUNDS} times under load, it loses nothing`, async (t) => {
      const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`WALCTL_TEST_SEED=${seed}`);
      const random = seededRandom(seed);
      await createSlot("k");
      const load = await startLoad(server, { pauseMs: 0 });
      t.after(() => load.stop());
      const printed = new Set<number>();
      for (let round = 0; round < KILL_ROUNDS; round++) {
        const running = spawnWalctl(["tail", "-S", "k", "-P", "p", "--ack"], { server });
        t.after(() => running.dispose());
        const lines = [await running.nextLine()];
        await sleep(random() * 200);
        await running.stop("SIGKILL");
        lines.push(...running.lines);
        for (const id of committedIds(parseLines(lines))) printed.add(id);
        // The server frees the slot when it notices that nobody is there.
        await until(async () => !(await slotActive("k")), 10);
      }
      const committed = await load.stop();
      const last = await walctl(["tail", "-S", "k", "-P", "p", "--ack", "-E", "now"], { server });
      assert.equal(last.status, 0);
      for (const id of committedIds(parseLines(last.stdout))) printed.add(id);
      assert.deepEqual(
        committed.filter((id) => !printed.has(id)),
        [],
      );
    });

    const slotActive = async (slot: string): Promise<boolean> => {
      const [row] = await server.sql<{ active: boolean }>(
        `SELECT active FROM pg_replication_slots WHERE slot_name = '${slot}'`,
      );
      return row?.active ?? false;
    };

    test("a reader may stall for four times wal_sender_timeout; pg_recvlogical loses its connection", async (t) => {
      await createSlot("stall");
      await createSlot("peer");
      await server.sql(
        "INSERT INTO load SELECT 1000000 + i, repeat('x', 500) FROM generate_series(1, 50000) i",
      );
      const running = spawnWalctl(["tail", "-S", "stall", "-P", "p", "--ack", "-E", "now"], {
        server,
      });
      t.after(() => running.dispose());
      const lines = [await running.nextLine()];
      running.stall();
      const peer = spawnPeer(server, "peer");
      t.after(() => peer.kill("SIGKILL"));
      await sleep(4 * WAL_SENDER_TIMEOUT_MS);
      running.resume();
      const { status, stderr } = await running.exit();
      lines.push(...running.lines);
      assert.equal(status, 0);
      assert.doesNotMatch(stderr, /warning/);
      const ids = insertedIds(parseLines(lines)).filter((id) => id > 1_000_000);
      assert.deepEqual(
        ids,
        Array.from({ length: 50_000 }, (_, index) => 1_000_001 + index),
      );
      peer.stdout?.resume();
      const [peerStatus] = (await once(peer, "close")) as [number | null];
      assert.notEqual(peerStatus, 0);
    });

    test("the server restarts in the middle of a transaction: every line once, from the same process", async (t) => {
      await createSlot("restart");
      await server.sql(
        "INSERT INTO load SELECT 2000000 + i, repeat('y', 500) FROM generate_series(1, 50000) i",
      );
      await server.sql("INSERT INTO load VALUES (2999999, 'behind it')");
      const running = spawnWalctl(["tail", "-S", "restart", "-P", "p", "--ack"], { server });
      t.after(() => running.dispose());
      const lines = await running.waitFor((line) => line.includes('"id":2000100,'));
      running.stall();
      await server.restart("immediate");
      running.resume();
      lines.push(...(await running.waitFor((line) => line.includes('"id":2999999,'))));
      lines.push(await running.nextLine());
      assert.equal((await running.stop()).status, 0);
      assert.match(running.stderr, /warning: lost the connection to the server/);
      const printed = parseLines(lines).filter(({ kind }) => kind !== "relation");
      assert.deepEqual(insertedIds(printed), [
        ...Array.from({ length: 50_000 }, (_, index) => 2_000_001 + index),
        2_999_999,
      ]);
      assert.deepEqual(
        printed.filter(({ kind }) => kind !== "insert").map(({ kind }) => kind),
        ["begin", "commit", "begin", "commit"],
      );
    });

    test("--no-loop ends with the connection; a temporary slot tells of the gap", async (t) => {
      const single = spawnWalctl(["tail", "-P", "p", "--no-loop"], { server });
      const again = spawnWalctl(["tail", "-P", "p"], { server });
      t.after(() => Promise.all([single.dispose(), again.dispose()]));
      const slots = "SELECT 1 FROM pg_replication_slots WHERE temporary AND active";
      await until(async () => (await server.sql(slots)).length >= 2);
      await sleep(200);
      await server.restart("immediate");
      const ended = await single.exit();
      assert.equal(ended.status, 1);
      assert.match(ended.stderr, /^walctl: error: could not stream the changes: /m);
      await again.waitForStderr("is missing");
      await until(async () => (await server.sql(slots)).length >= 1);
      await sleep(300);
      await server.sql("INSERT INTO load VALUES (3000001, 'after')");
      await again.waitFor((line) => line.includes('"id":3000001,'));
      assert.equal((await again.stop()).status, 0);
    });
  });
}

/** pg_recvlogical on the slot, into a pipe that nobody reads yet. */
function spawnPeer(server: TestServer, slot: string): ChildProcess {
  const options = ["-o", "proto_version=1", "-o", "publication_names=p"];
  const args = ["-d", "postgres", "-S", slot, "--start", "--no-loop", "-f", "-", ...options];
  return spawn(toolPath("pg_recvlogical"), args, {
    env: childEnvironment({ server }),
    stdio: ["ignore", "pipe", "ignore"],
  });
}
