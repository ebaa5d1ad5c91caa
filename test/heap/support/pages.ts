import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ValueOptions } from "../../../src/render/values/values.ts";
import { ORACLE_SETUP } from "../../matrix/support/oracle.ts";
import { perform, setUp } from "../../matrix/support/workload.ts";
import { ownTypes } from "../../matrix/workloads/own-types.ts";
import { types as typesWorkload } from "../../matrix/workloads/types.ts";
import { walctl } from "../../support/program/cli.ts";
import { type ServerVersion, type TestServer, startServer } from "../../support/server/server.ts";
import { Samples } from "./samples.ts";
import { typesOf } from "./server-types.ts";
import { rowsOnPages } from "./table-rows.ts";

const SETTINGS = { max_locks_per_transaction: "512", autovacuum: "off" };

/** As `tail` takes them. */
const WAYS: readonly { readonly flags: readonly string[]; readonly options: ValueOptions }[] = [
  { flags: [], options: { values: "json", safeNumbers: false } },
  { flags: ["--safe-numbers"], options: { values: "json", safeNumbers: true } },
  { flags: ["--values", "text"], options: { values: "text", safeNumbers: false } },
];

/** How values of these types are stored is not known; so columns hold them in `disk_base64`. */
const UNKNOWN = new Set(["jsonpath", "aclitem", "cube", "ltree", "seg", "ean13"]);

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

async function tablesOf(server: TestServer): Promise<readonly string[]> {
  const rows = await server.sql<{ name: string }>(`
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
    WHERE schemaname IN ('types', 'own_types', 'more') AND tablename NOT LIKE 'copy_%' ORDER BY 1`);
  return rows.map(({ name }) => name);
}

/** `"new":{…}` of each insert, by the table's name. */
async function insertsOf(
  server: TestServer,
  flags: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const args = ["tail", "-S", "copies", "-P", "copies", "-E", "now", ...flags];
  const { status, stderr, stdout } = await walctl(args, { server, timeoutMs: 120_000 });
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

export function compareOnPages(version: ServerVersion): void {
  describe(`PostgreSQL ${version}`, () => {
    let server: TestServer;
    let tables: readonly string[];
    let printed: readonly ReadonlyMap<string, readonly string[]>[];

    before(async () => {
      server = await startServer({ version, settings: SETTINGS });
      await server.sql(ORACLE_SETUP);
      for (const workload of [typesWorkload, ownTypes]) {
        await setUp(server, workload);
        await perform(server, workload);
      }
      await server.sql(MORE);
      await server.sql("ALTER TABLE more.row_type ADD COLUMN b int");
      tables = await tablesOf(server);
      await server.sql("CREATE SCHEMA copied; CREATE PUBLICATION copies FOR ALL TABLES");
      await server.sql("SELECT pg_create_logical_replication_slot('copies', 'pgoutput')");
      for (const [index, table] of tables.entries()) {
        await server.sql(`CREATE TABLE copied.t${index} (LIKE ${table});
          INSERT INTO copied.t${index} SELECT * FROM ${table} ORDER BY ctid`);
      }
      await server.sql("CHECKPOINT");
      printed = [];
      for (const { flags } of WAYS) printed = [...printed, await insertsOf(server, flags)];
    });
    after(async () => await server.dispose());

    for (const missing of ["text", "stored"] as const) {
      it(`prints each row of each table as tail does, with missing values as ${missing}`, async () => {
        const types = await typesOf(server, missing);
        const samples = new Samples();
        let compared = 0;
        for (const [index, table] of tables.entries()) {
          const ways = WAYS.map(({ options }) => options);
          const rows = await rowsOnPages(server, table, types, ways, (...value) => {
            samples.add(...value);
          });
          for (const [way, inserts] of printed.entries()) {
            const expected = inserts.get(`t${index}`) ?? [];
            assert.equal(rows.length, expected.length, table);
            for (const [at, row] of rows.entries()) {
              const own = row[way] ?? "";
              if (own.includes('"disk_base64"')) {
                assert.ok(
                  [...UNKNOWN].some((name) => table.endsWith(`of_${name}`)),
                  `${table}: ${own}`,
                );
              } else {
                assert.equal(own, expected[at], table);
                compared++;
              }
            }
          }
        }
        assert.ok(compared > 3 * 900, `only ${compared} rows`);
        const names = [...types.unknown].map((oid) => types.type(oid)?.name ?? String(oid));
        assert.deepEqual(new Set(names), UNKNOWN);
        if (version === 18) await samples.update(server, types);
      });
    }
  });
}
