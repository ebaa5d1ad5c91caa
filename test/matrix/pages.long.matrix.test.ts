/** Rows read from the pages of real tables are printed as `walctl tail` prints the same rows. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TypeSource } from "../../src/postgres/stored/type-source.ts";
import type { ValueOptions } from "../../src/render/values/values.ts";
import { Samples } from "../postgres/stored/support/samples.ts";
import { typesOf } from "../postgres/stored/support/server-types.ts";
import { type Seen, rowsOnPages } from "../postgres/stored/support/table-rows.ts";
import { walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { newestOrNamed } from "./support/versions.ts";
import { type Workload, perform, setUp } from "./support/workload.ts";
import { ownTypes } from "./workloads/own-types.ts";
import { types as typesWorkload } from "./workloads/types.ts";

const SETTINGS = { max_locks_per_transaction: "512", autovacuum: "off" };

/** As `tail` takes them. */
const WAYS: readonly { readonly flags: readonly string[]; readonly options: ValueOptions }[] = [
  { flags: [], options: { values: "json", safeNumbers: false } },
  { flags: ["--safe-numbers"], options: { values: "json", safeNumbers: true } },
  { flags: ["--values", "text"], options: { values: "text", safeNumbers: false } },
];

/** How values of these types are stored is not known; so columns hold them in `disk_base64`. */
const UNKNOWN = new Set(["jsonpath", "aclitem", "ean13"]);

/** More than the types' workload has: what WAL and pages have of columns that come and go, and all that is compressed. */
const MORE = `
  CREATE SCHEMA more;
  SET search_path = more, public;
  CREATE TYPE mood AS ENUM ('sad', 'ok');
  CREATE TYPE pair AS (n int, t text);
  CREATE TABLE columns (id int, gone1 text, a "char", gone2 int8, b numeric);
  INSERT INTO columns VALUES (1, 'x', 'c', 5, 1.5), (2, NULL, NULL, NULL, NULL), (3, 'y', 'd', NULL, -0.01);
  ALTER TABLE columns DROP COLUMN gone1;
  ALTER TABLE columns ADD COLUMN t text DEFAULT 'it''s "new", \\ {x}', ADD COLUMN i int DEFAULT 7, ADD COLUMN n int,
    ADD COLUMN ts timestamptz DEFAULT '2026-11-25 01:02:03.5+02', ADD COLUMN arr int[] DEFAULT '{1,NULL,3}',
    ADD COLUMN j jsonb DEFAULT '{"a": [1, "x"]}', ADD COLUMN e mood DEFAULT 'ok', ADD COLUMN f float8 DEFAULT 0.1,
    ADD COLUMN by bytea DEFAULT '\\xdead', ADD COLUMN p pair DEFAULT ROW(1, 'a,b')::pair,
    ADD COLUMN r numrange DEFAULT '[1.10,2]', ADD COLUMN ir interval DEFAULT '1 day 2 hours';
  INSERT INTO columns (id, gone2, t) VALUES (4, 9, NULL);
  ALTER TABLE columns DROP COLUMN gone2;
  INSERT INTO columns (id) VALUES (5);
  CREATE TABLE has_pair (id int, p pair, ps pair[]);
  INSERT INTO has_pair VALUES (1, ROW(1, 'a'), ARRAY[ROW(2, NULL)::pair, NULL]);
  ALTER TYPE pair ADD ATTRIBUTE more numeric;
  ALTER TYPE pair DROP ATTRIBUTE n;
  INSERT INTO has_pair VALUES (2, ROW('b', 1.10), NULL);
  CREATE TABLE row_type (a int);
  CREATE TABLE has_rows (id int, r row_type, rs row_type[]);
  INSERT INTO has_rows VALUES (1, ROW(5), ARRAY[ROW(6)::row_type]);
  CREATE TABLE large (id int, plain text, ext text, packed text, j jsonb, a text[], b bytea, c pair);
  ALTER TABLE large ALTER plain SET STORAGE PLAIN, ALTER ext SET STORAGE EXTERNAL;
  INSERT INTO large SELECT i, repeat('p', i), repeat('äö', i * 3), repeat('pack it ', i * 20),
    (SELECT jsonb_object_agg('key ' || k, jsonb_build_array(k, k / 7.0, repeat('v', k), NULL, k % 2 = 0)) FROM generate_series(1, i / 4) k),
    ARRAY(SELECT repeat(chr(64 + k % 26), i) FROM generate_series(1, 5 + i % 60) k),
    decode(repeat(md5(i::text), i), 'hex'), ROW(repeat('in a row ', i), i)::pair
    FROM (VALUES (0), (1), (2), (4), (8), (64), (100), (126), (127), (128), (300), (700), (2000)) size(i)`;

/** Without the triggers that note down what happened, and with the rows that it deletes at the end of a step. */
function unwatched({ name, setup, steps }: Workload): Workload {
  const all = [setup, steps].map((each) => (typeof each === "function" ? [] : each));
  const [kept = [], done = []] = all.map((each) =>
    each.map((sql) => sql.replaceAll(/SELECT watch\('\w+'\)/g, "").replace(/DELETE FROM.*$/s, "")),
  );
  return { name, setup: kept, steps: done };
}

async function tablesOf(server: TestServer): Promise<readonly string[]> {
  const rows = await server.sql<{ name: string }>(`
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname IN ('types', 'own_types', 'more') ORDER BY 1`);
  return rows.map(({ name }) => name);
}

/** Gives each table a copy, its rows in the order of their places, and returns what `tail` captured of that. */
async function captureCopies(server: TestServer, tables: readonly string[]): Promise<string> {
  await server.sql("CREATE SCHEMA copied; CREATE PUBLICATION copies FOR ALL TABLES");
  await server.sql("SELECT pg_create_logical_replication_slot('copies', 'pgoutput')");
  const copies = tables.map(
    (table, index) => `CREATE TABLE copied.t${index} (LIKE ${table});
      INSERT INTO copied.t${index} SELECT * FROM ${table} ORDER BY ctid`,
  );
  await server.sql(copies.join(";"));
  const capture = join(server.host, "copies.walctl");
  const args = ["tail", "-q", "-S", "copies", "-P", "copies", "-E", "now", "--capture", capture];
  const { status, stderr } = await walctl(args, { server, timeoutMs: 120_000 });
  assert.equal(status, 0, stderr);
  return capture;
}

/** `"new":{…}` of each insert, by the table's name. */
async function insertsOf(
  capture: string,
  flags: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { status, stderr, stdout } = await walctl(["decode-file", ...flags, capture]);
  assert.equal(status, 0, stderr);
  const inserts = new Map<string, string[]>();
  for (const line of stdout.split("\n")) {
    const start = line.indexOf(',"new":');
    if (!line.startsWith('{"kind":"insert"') || start === -1) continue;
    const { table } = JSON.parse(line) as { table: string };
    const rows = inserts.get(table) ?? [];
    rows.push(line.slice(start + ',"new":'.length, -1));
    inserts.set(table, rows);
  }
  return inserts;
}

for (const version of newestOrNamed()) {
  describe(`PostgreSQL ${version}`, () => {
    let server: TestServer;
    let tables: readonly string[];
    let printed: readonly ReadonlyMap<string, readonly string[]>[];

    before(async () => {
      server = await startServer({ version, settings: SETTINGS });
      for (const workload of [typesWorkload, ownTypes]) {
        await setUp(server, unwatched(workload));
        await perform(server, unwatched(workload));
      }
      await server.sql(MORE);
      // Not while it is in use in the same transaction.
      await server.sql("ALTER TABLE more.row_type ADD COLUMN b int");
      tables = await tablesOf(server);
      const capture = await captureCopies(server, tables);
      await server.sql("CHECKPOINT");
      printed = await Promise.all(WAYS.map(async ({ flags }) => await insertsOf(capture, flags)));
    });
    after(async () => await server.dispose());

    it("prints each row of each table as tail does", async () => {
      const types = await typesOf(server);
      const samples = new Samples();
      let compared = 0;
      for (const table of tables) {
        const seen: Seen = (...value) => samples.add(table, ...value);
        compared += await compareRows(table, types, seen);
      }
      assert.ok(compared > 1200, `only ${compared} rows`);
      const names = [...types.unknown].map((oid) => types.type(oid)?.name ?? String(oid));
      assert.deepEqual(new Set(names), UNKNOWN);
      if (version === 18) await samples.update(server, types);
    });

    it("takes what stands for a column that came later from pg_attribute's own pages", async () => {
      const types = await typesOf(server, "stored");
      assert.equal(await compareRows("more.columns", types), 5 * WAYS.length);
    });

    /** Returns how many lines were the same. */
    async function compareRows(table: string, types: TypeSource, seen?: Seen): Promise<number> {
      const ways = WAYS.map(({ options }) => options);
      const rows = await rowsOnPages(server, table, types, ways, seen);
      const ofUnknown = [...UNKNOWN].some((name) => table.endsWith(`of_${name}`));
      let compared = 0;
      for (const [way, inserts] of printed.entries()) {
        const expected = inserts.get(`t${tables.indexOf(table)}`) ?? [];
        assert.equal(rows.length, expected.length, table);
        for (const [index, row] of rows.entries()) {
          const line = row[way] ?? "";
          if (ofUnknown && line.includes('"disk_base64"')) continue;
          assert.equal(line, expected[index], table);
          compared++;
        }
      }
      return compared;
    }
  });
}
