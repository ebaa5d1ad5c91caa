/** decode-file --catalog prints of the WAL, line by line, what `walctl tail` streams of the same server. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { walctl } from "../support/program/cli.ts";
import { LineSchema } from "../support/program/line-schema.ts";
import { type ServerVersion, type TestServer, startServer } from "../support/server/server.ts";
import { seededRandom } from "../support/tools/random.ts";
import { toolPath } from "../support/tools/tools.ts";
import { ORACLE_SETUP } from "./support/oracle.ts";
import { RandomChanges } from "./support/random-changes.ts";
import { assertSameLines, comparable } from "./support/rows-oracle.ts";
import { isThorough, newestOrNamed } from "./support/versions.ts";
import { perform, setUp } from "./support/workload.ts";
import { WORKLOADS } from "./workloads/all.ts";

const SETTINGS = {
  wal_keep_size: "4GB",
  max_wal_size: "4GB",
  max_prepared_transactions: "10",
  max_replication_slots: "10",
  logical_decoding_work_mem: "64MB",
};
const RANDOM_TRANSACTIONS = isThorough() ? 1500 : 100;
const SESSIONS = 4;

for (const version of newestOrNamed()) {
  describe(`rows out of the WAL of PostgreSQL ${version}`, () => {
    const seed = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 1e9);
    let root: string;
    let server: TestServer;
    let start: string;
    let wal: string;
    let expected: readonly string[];

    before(async () => {
      root = mkdtempSync(join(tmpdir(), "walctl-rows-"));
      server = await startServer({ version, settings: SETTINGS });
      wal = join(server.host, "data", "pg_wal");
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql(ORACLE_SETUP);
      const possible = WORKLOADS.filter(({ since }) => version >= (since ?? 0));
      const ready = [];
      for (const workload of possible) {
        if (await succeeds(server, setUp(server, workload))) ready.push(workload);
      }
      await server.sql("SELECT pg_create_logical_replication_slot('rows', 'pgoutput')");
      start = await positionOf(server, "rows");
      await catalog("early");
      for (const workload of ready) {
        const whole = await succeeds(server, perform(server, workload));
        if (!whole) console.log(`${workload.name}: left off where a table has no replica identity`);
      }
      await server.sql("RESET ALL");
      await randomWork(server, version, seed);
      await pgbench(server, "-i", "-s", "1", "-q");
      await pgbench(server, "-c", "4", "-t", "200");
      const tail = ["tail", "-S", "rows", "-P", "everything", "-E", "now", "--no-loop", "-q"];
      const { stdout, status, stderr } = await walctl([...tail, "--messages"], {
        server,
        timeoutMs: 300_000,
      });
      assert.equal(status, 0, stderr);
      expected = comparable(stdout, version);
      await catalog("late");
      await server.stop();
      execFileSync("cp", ["-a", join(server.host, "data"), join(root, "data")]);
      await server.start();
    });
    after(async () => {
      await server.dispose();
      rmSync(root, { recursive: true, force: true });
    });

    async function catalog(name: string): Promise<void> {
      const { status, stderr } = await walctl(["catalog", "-q", "-o", join(root, name)], {
        server,
      });
      assert.equal(status, 0, stderr);
    }

    async function decode(name: string): Promise<void> {
      const args = ["decode-file", "-q", "--catalog", join(root, name), "--messages"];
      const { stdout, stderr, status } = await walctl(
        [...args, "-I", start, "--old", "logged", wal],
        {
          timeoutMs: 300_000,
        },
      );
      const warnings = stderr
        .split("\n")
        .filter((line) => !/^$|stored form of the type/.test(line));
      assert.deepEqual([status, ...warnings], [0], `seed ${seed}`);
      new LineSchema().assertAll(stdout, name);
      // An origin that was created after the export has no name there.
      const own = comparable(stdout, version);
      const isOrigin = (line: string): boolean => line.startsWith('{"kind":"origin"');
      const known = own.some(isOrigin) ? expected : expected.filter((line) => !isOrigin(line));
      assert.ok(name === "early" || known === expected);
      assertSameLines(own, known, `seed ${seed}, ${name} catalogue`);
    }

    it("with a catalogue of before", async () => await decode("early"));
    it("with a catalogue of afterwards", async () => await decode("late"));
    it("with a catalogue out of the data directory", async () => {
      const from = ["--data-dir", join(root, "data"), "-d", "postgres"];
      const { status, stderr } = await walctl(["catalog", "-q", "-o", join(root, "disk"), ...from]);
      assert.equal(status, 0, stderr);
      await decode("disk");
    });
  });
}

async function succeeds(server: TestServer, work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    await server.sql("ROLLBACK");
    if (
      /replica identity|does not have a publication|already exists/.test((error as Error).message)
    )
      return false;
    console.log(`not done: ${(error as Error).message}`);
    return false;
  }
}

/** Where the slot's transactions begin. */
async function positionOf(server: TestServer, slot: string): Promise<string> {
  const [row] = await server.sql<{ lsn: string }>(
    `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`,
  );
  return row?.lsn ?? "";
}

async function randomWork(server: TestServer, version: ServerVersion, seed: number): Promise<void> {
  console.log(`PostgreSQL ${version}: seed ${seed}`);
  await server.sql("CREATE SCHEMA chance");
  const sessions = Array.from({ length: SESSIONS }, async (_, session) => {
    const client = await server.connect();
    const changes = new RandomChanges(seededRandom(seed + session), `s${session}_`);
    try {
      await client.query("SET search_path = chance; SET lock_timeout = '5s'");
      for (let count = 0; count < RANDOM_TRANSACTIONS / SESSIONS; count++) {
        // One that fails is rolled back: a value may not fit its column's new type.
        await client.query(changes.next()).catch(async () => {
          changes.failed();
          await client.query("ROLLBACK");
        });
      }
    } finally {
      await client.end();
    }
  });
  await Promise.all(sessions);
}

async function pgbench(server: TestServer, ...args: readonly string[]): Promise<void> {
  const env = { ...process.env, ...server.env };
  await promisify(execFile)(toolPath("pgbench"), args, { env });
}
