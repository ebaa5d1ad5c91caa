/** Random work on a few tables: all that changes heap pages. */
import type { TestServer } from "../../support/server/server.ts";
import { seededRandom } from "../../support/tools/random.ts";

const TABLES = ["hot", "wide", "keyed"];

const SET_UP = `
  CREATE TABLE hot (id int, n int, note text) WITH (fillfactor = 70);
  CREATE TABLE wide (id int PRIMARY KEY, n int, note text, big text, more text DEFAULT 'more');
  CREATE TABLE keyed (id int PRIMARY KEY, n int, note varchar(900));
  CREATE INDEX ON keyed (n);
  ALTER TABLE wide ALTER COLUMN big SET STORAGE EXTERNAL;
  CREATE MATERIALIZED VIEW seen AS SELECT * FROM keyed`;

export async function workOnRows(
  server: TestServer,
  { seed, steps }: { readonly seed: number; readonly steps: number },
): Promise<void> {
  const random = seededRandom(seed);
  const number = (below: number): number => Math.floor(random() * below);
  if (!(await server.sql("SELECT to_regclass('hot') AS found"))[0]?.["found"])
    await server.sql(SET_UP);
  for (let step = 0; step < steps; step++) {
    const table = TABLES[number(TABLES.length)]!;
    const id = number(2000);
    const statements = STATEMENTS.map((make) => make(table, id, number));
    const statement = statements[number(statements.length)]!;
    await server.sql(statement);
  }
}

type MakeStatement = (table: string, id: number, number: (below: number) => number) => string;

const note = (number: (below: number) => number): string =>
  `repeat('${number(10)}', ${number(800)})`;

const STATEMENTS: readonly MakeStatement[] = [
  (table, id, number) =>
    `INSERT INTO ${table} SELECT i, i % 7, ${note(number)} FROM generate_series(${id}, ${id + number(200)}) i` +
    (table === "hot" ? "" : " ON CONFLICT (id) DO UPDATE SET n = excluded.n + 1"),
  (table, id, number) =>
    `UPDATE ${table} SET n = n + 1 WHERE id BETWEEN ${id} AND ${id + number(40)}`,
  (table, id, number) =>
    `UPDATE ${table} SET note = ${note(number)} WHERE id BETWEEN ${id} AND ${id + number(40)}`,
  (table, id, number) =>
    `UPDATE ${table} SET note = NULL, n = NULL WHERE id BETWEEN ${id} AND ${id + number(10)}`,
  (_, id, number) =>
    `UPDATE wide SET big = repeat(md5('${id}'), ${number(300)}) WHERE id BETWEEN ${id} AND ${id + 3}`,
  (table, id, number) => `DELETE FROM ${table} WHERE id BETWEEN ${id} AND ${id + number(100)}`,
  (table) => `SELECT count(*) FROM ${table}`,
  (table) => `VACUUM ${table}`,
  (table) => `VACUUM (FREEZE) ${table}`,
  (table, id) => `DELETE FROM ${table} WHERE id > ${id + 1000}`,
  (table, _, number) => {
    const first = 3000 + number(1e8);
    return `COPY ${table} (id, n) FROM PROGRAM 'seq -f "%.0f	7" ${first} ${first + number(300)}'`;
  },
  (table, id) => `BEGIN; UPDATE ${table} SET n = 0 WHERE id = ${id}; ROLLBACK`,
  (table, id) => `BEGIN; SELECT FROM ${table} WHERE id = ${id} FOR UPDATE; SAVEPOINT a;
    DELETE FROM ${table} WHERE id = ${id}; ROLLBACK TO a; UPDATE ${table} SET n = 5 WHERE id = ${id}; COMMIT`,
  (table, _, number) => (number(4) === 0 ? `TRUNCATE ${table}` : `SELECT 1`),
  (table, _, number) => (number(4) === 0 ? `VACUUM FULL ${table}` : `SELECT 1`),
  (table, id, number) =>
    number(3) === 0
      ? `ALTER TABLE ${table} ADD COLUMN c${id}_${number(1e9)} int DEFAULT 7`
      : "SELECT 1",
  () => `REFRESH MATERIALIZED VIEW seen`,
  () => `ANALYZE`,
  (_, __, number) => (number(2) === 0 ? `CHECKPOINT` : "SELECT 1"),
];
