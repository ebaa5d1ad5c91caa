/** ALTER TYPE of every kind while a stream goes on, of which the server sends nothing: no field gets a wrong name. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunningWalctl, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { newestOrNamed } from "../../matrix/support/versions.ts";

const SETUP = `
  CREATE TYPE inner_c AS (i int);
  CREATE TYPE c AS (a int, b text);
  CREATE TYPE n AS (x c, y inner_c[]);
  CREATE TYPE mood AS ENUM ('calm', 'cross');
  CREATE DOMAIN d AS int;
  CREATE DOMAIN dc AS c;
  CREATE TABLE rt (a int, b text);
  CREATE TABLE t (id int PRIMARY KEY, c c, ca c[], n n, m mood, d d, dc dc, r rt)`;

/** Each value is made of what its type is at that time. */
const VALUES = `(SELECT jsonb_populate_record(NULL::c, '{"a":1,"aa":1,"b":"x","z":9,"y":8}')),
  ARRAY[jsonb_populate_record(NULL::c, '{"a":1,"aa":1,"b":"x"}')],
  jsonb_populate_record(NULL::n, '{"x":{"a":1,"aa":1,"b":"x"},"y":[{"i":1,"j":2}]}'),
  (enum_range(NULL::mood))[1], 5, jsonb_populate_record(NULL::c, '{"a":1,"aa":1,"b":"x"}'),
  jsonb_populate_record(NULL::rt, '{"a":1,"aa":1,"b":"x","z":9}')`;

const ALTERATIONS = [
  "ALTER TYPE c RENAME ATTRIBUTE a TO aa",
  "ALTER TYPE c ADD ATTRIBUTE z int",
  "ALTER TYPE c DROP ATTRIBUTE z, ADD ATTRIBUTE y int",
  "ALTER TYPE inner_c RENAME ATTRIBUTE i TO j",
  "ALTER TYPE mood RENAME VALUE 'calm' TO 'serene'",
  "ALTER TYPE mood ADD VALUE 'angry' BEFORE 'serene'",
  "ALTER TABLE rt RENAME COLUMN a TO aa",
  "ALTER TABLE rt ADD z int",
  "ALTER TABLE rt DROP COLUMN b",
  "ALTER DOMAIN d ADD CHECK (VALUE > 0)",
  "ALTER TYPE c RENAME ATTRIBUTE aa TO a",
];

const INSERT = '{"kind":"insert"';

function newOf(line: string): string {
  return /"new":(.*)\}$/.exec(line)?.[1] ?? "";
}

function rowsOf(stdout: string): readonly string[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith(INSERT))
    .map(newOf);
}

type Values = Readonly<Record<string, unknown>>;

for (const version of newestOrNamed()) {
  describe(`types that change in mid-stream on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let folder: string;
    let next = 1;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-types-"));
      server = await startServer({ version });
      await server.sql(SETUP);
      await server.sql("CREATE PUBLICATION p FOR TABLE t");
    });
    after(async () => {
      await server.dispose();
      rmSync(folder, { recursive: true });
    });

    /** What row_to_json says of the row, at that moment. */
    const insert = async (): Promise<string> => {
      const id = next++;
      const [row] = await server.sql<{ said: string }>(
        `INSERT INTO t VALUES (${id}, ${VALUES}) RETURNING row_to_json(t)::text AS said`,
      );
      return row?.said ?? "";
    };
    /** The next one that is made would share the horizon of those that are there. */
    const dropSlot = (name: string): Promise<unknown> =>
      server.sql(`SELECT pg_drop_replication_slot('${name}')`);
    /** The server tells walctl that it is further, and walctl asks what that was. */
    const catalogueAsked = async (): Promise<void> => {
      const [now] = await server.sql<{ time: string }>("SELECT clock_timestamp()::text AS time");
      const asked = `SELECT FROM pg_stat_activity WHERE query LIKE '%walctl.position%' AND state = 'idle'
        AND query_start > '${now?.time}'`;
      for (const late = Date.now() + 10_000; (await server.sql(asked)).length === 0;) {
        assert.ok(Date.now() < late, "the catalogue was not asked");
        await sleep(20);
      }
    };
    const printed = async (running: RunningWalctl): Promise<string> => {
      const taken = await running.waitFor((line) => line.startsWith(INSERT));
      return newOf(taken.at(-1) ?? "");
    };

    test("each is seen: a row after it has the names of that time, and the capture says the same", async (t) => {
      await server.sql("SELECT pg_create_logical_replication_slot('live', 'pgoutput')");
      const capture = join(folder, "live");
      const args = ["tail", "-S", "live", "-P", "p", "--capture", capture];
      const running = spawnWalctl(args, { server });
      t.after(() => running.dispose());
      const lines: string[] = [];
      for (const alteration of ["SELECT 1", ...ALTERATIONS]) {
        await server.sql(alteration);
        if (lines.length > 0) await catalogueAsked();
        const said = await insert();
        const line = await printed(running);
        assert.equal(line, said, alteration);
        lines.push(line);
      }
      const { status, stderr } = await running.stop();
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /altered/);
      const decoded = await walctl(["decode-file", capture]);
      assert.deepEqual(rowsOf(decoded.stdout), lines);
      await dropSlot("live");
    });

    test("at once and without a pause: the names of that time, or text and a warning, never another name", async (t) => {
      await server.sql("SELECT pg_create_logical_replication_slot('fast', 'pgoutput')");
      const capture = join(folder, "fast");
      const args = ["tail", "-S", "fast", "-P", "p", "--capture", capture];
      const running = spawnWalctl(args, { server });
      t.after(() => running.dispose());
      const lines: string[] = [];
      let texts = 0;
      for (let round = 0; round < 20; round++) {
        const rows: string[] = [];
        rows.push(await insert());
        await server.sql(
          `ALTER TYPE c RENAME ATTRIBUTE ${round % 2 === 0 ? "a TO aa" : "aa TO a"}`,
        );
        rows.push(await insert());
        for (const said of rows) {
          const line = await printed(running);
          lines.push(line);
          texts += assertNamesOrText(JSON.parse(line) as Values, JSON.parse(said) as Values);
        }
        if (round % 3 === 0) await sleep(round * 10);
      }
      const { stderr } = await running.stop();
      await dropSlot("fast");
      assert.deepEqual(rowsOf((await walctl(["decode-file", capture])).stdout), lines);
      if (texts > 0)
        assert.match(stderr, /composite type "c" are printed as text: it has been altered/);
    });

    test("behind a slot that has fallen back: what was altered meanwhile is text with one warning", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('late', 'pgoutput')");
      const old = JSON.parse(await insert()) as Values;
      await server.sql("ALTER TYPE c RENAME ATTRIBUTE a TO aa");
      const now = JSON.parse(await insert()) as Values;
      const { stdout, stderr } = await walctl(["tail", "-S", "late", "-P", "p", "-E", "now"], {
        server,
      });
      const rows = rowsOf(stdout).map((row) => JSON.parse(row) as Values);
      assert.equal(rows.length, 2);
      for (const [index, said] of [old, now].entries()) {
        assert.equal(typeof rows[index]?.["c"], "string");
        assert.deepEqual(rows[index]?.["r"], said["r"]);
      }
      assert.equal(stderr.match(/type "c" are printed as text: it has been altered/g)?.length, 1);
      assert.equal(stderr.match(/altered/g)?.length, 1);
      await dropSlot("late");
    });

    test("a transaction that began before the ALTER and comes after those that began later", async (t) => {
      await server.sql("SELECT pg_create_logical_replication_slot('long', 'pgoutput')");
      const running = spawnWalctl(["tail", "-S", "long", "-P", "p"], { server });
      t.after(() => running.dispose());
      await insert();
      await printed(running);
      const other = await server.connect();
      const slow = async (): Promise<string> => {
        const { rows } = await other.query<{ said: string }>(
          `INSERT INTO t VALUES (${next++}, ${VALUES}) RETURNING row_to_json(t)::text AS said`,
        );
        return rows[0]?.said ?? "";
      };
      await other.query("BEGIN");
      const said = [await slow()];
      await server.sql("ALTER TYPE c RENAME ATTRIBUTE b TO bb");
      await catalogueAsked();
      assert.equal(await insert(), await printed(running));
      said.push(await slow());
      await other.query("COMMIT");
      await other.end();
      for (const row of said) {
        const line = await printed(running);
        assert.ok(assertNamesOrText(JSON.parse(line) as Values, JSON.parse(row) as Values) > 0);
      }
      assert.equal(await insert(), await printed(running));
      const { stderr } = await running.stop();
      assert.equal(stderr.match(/"c" are printed as text: it has been altered/g)?.length, 1);
      await server.sql("ALTER TYPE c RENAME ATTRIBUTE bb TO b");
      await dropSlot("long");
    });

    test("a type of the slot's own time is no less known for that it was altered before", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('after', 'pgoutput')");
      await server.sql(
        "CREATE TYPE fresh AS (f int, g text); CREATE TABLE u (id int, f fresh); ALTER PUBLICATION p ADD TABLE u",
      );
      await server.sql("INSERT INTO u VALUES (1, ROW(1, 'x'))");
      const said = await insert();
      const { stdout, stderr } = await walctl(
        ["tail", "-S", "after", "-P", "p", "-E", "now", "-q"],
        {
          server,
        },
      );
      assert.equal(stderr, "");
      const [first, second] = rowsOf(stdout);
      assert.equal(first, '{"id":1,"f":{"f":1,"g":"x"}}');
      assert.deepEqual(JSON.parse(second ?? ""), JSON.parse(said));
    });

    test("a type that was dropped before it was looked up is text with one warning", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('gone', 'pgoutput')");
      await server.sql(
        "CREATE TYPE brief AS (f int); CREATE TABLE v (id int PRIMARY KEY, f brief); ALTER PUBLICATION p ADD TABLE v",
      );
      await server.sql("INSERT INTO v VALUES (1, ROW(1)), (2, ROW(2))");
      await server.sql("DROP TABLE v; DROP TYPE brief");
      const { stdout, stderr } = await walctl(["tail", "-S", "gone", "-P", "p", "-E", "now"], {
        server,
      });
      assert.deepEqual(rowsOf(stdout), ['{"id":1,"f":"(1)"}', '{"id":2,"f":"(2)"}']);
      assert.equal(
        stderr.match(
          /values of type "brief" are printed as text: it is no longer in the catalogue/g,
        )?.length,
        1,
      );
    });

    test("a type is called by its new name when its relation is announced again", async (t) => {
      const running = spawnWalctl(["tail", "-P", "p"], { server });
      t.after(() => running.dispose());
      const types = async (): Promise<unknown> => {
        const taken = await running.waitFor((line) => line.startsWith('{"kind":"relation"'));
        const line = JSON.parse(taken.at(-1) ?? "") as {
          columns: Array<{ name: string; type: string }>;
        };
        return line.columns.map(({ type }) => type);
      };
      while (
        (await server.sql("SELECT 1 FROM pg_replication_slots WHERE temporary AND active"))
          .length === 0
      )
        await sleep(50);
      await sleep(200);
      await insert();
      assert.deepEqual(await types(), ["int4", "c", "_c", "n", "mood", "d", "dc", "rt"]);
      await server.sql(
        "ALTER TYPE mood RENAME TO temper; ALTER DOMAIN d RENAME TO d2; ALTER TYPE c RENAME TO c2; ALTER TABLE t ADD extra int",
      );
      await server.sql(`INSERT INTO t (id) VALUES (${next++})`);
      assert.deepEqual(await types(), [
        "int4",
        "c2",
        "_c2",
        "n",
        "temper",
        "d2",
        "dc",
        "rt",
        "int4",
      ]);
    });
  });
}

/** Returns how many of the values are text. */
function assertNamesOrText(printed: Values, said: Values): number {
  let texts = 0;
  for (const [column, value] of Object.entries(said)) {
    const got = printed[column];
    if (typeof got === "string" && typeof value === "object") texts++;
    else if (Array.isArray(got) && typeof got[0] === "string") texts++;
    else if (column === "n") texts += assertNamesOrText(got as Values, value as Values);
    else assert.deepEqual(got, value, column);
  }
  return texts;
}
