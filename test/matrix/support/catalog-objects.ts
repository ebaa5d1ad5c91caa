/** What a database may hold whose rows in the catalogue are not plain. */
import pg from "pg";
import type { ServerVersion, TestServer } from "../../support/server/server.ts";

export const CATALOG_DATABASE = "shop Größe";
/** Names of its own in the other tablespace. */
export const TABLESPACE_DATABASE = "elsewhere";

/** In another encoding. */
export const LATIN_DATABASE = "latin";

/** Columns that are added to a table with a row, so that their value is stored in pg_attribute. */
const MISSING: ReadonlyArray<readonly [type: string, value: string]> = [
  ["bool", "true"],
  ['"char"', "'x'"],
  ["int2", "-7"],
  ["int8", "9007199254740993"],
  ["float8", "1e-300"],
  ["float4", "'NaN'"],
  ["numeric(20,5)", "-12345678901234.56789"],
  ["money", "1234.56"],
  ["text", "'a \"quoted\" {brace}, \\ back'"],
  ["text", "''"],
  ["text", "'NULL'"],
  ["text", "repeat('long ', 500)"],
  ["varchar(9)", "'Größe'"],
  ["char(5)", "'ab'"],
  ["bytea", "'\\x00ff10'"],
  ["date", "'infinity'"],
  ["date", "'0044-03-15 BC'"],
  ["time", "'23:59:59.999999'"],
  ["timetz", "'12:00:00+05:30'"],
  ["timestamp", "'2026-01-02 03:04:05.6'"],
  ["timestamptz", "'2026-01-02 03:04:05+02'"],
  ["interval", "'-1 year 2 mons -3 days 04:05:06.7'"],
  ["uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
  ["inet", "'2001:db8::1/64'"],
  ["bit varying(12)", "B'1011'"],
  ["point", "'(1.5,-2)'"],
  ["json", `'{"a" : [1, 2]}'`],
  ["jsonb", `'{"a": [1, null, "x"]}'`],
  ["xml", "'<a>b</a>'"],
  ["int4[]", "'{1,NULL,3}'"],
  ["text[]", `'[0:1]={"a,b",NULL}'`],
  ["int4range", "'[1,5)'"],
  ["tstzrange", "'[2026-01-01 00:00+00,)'"],
  ["int8multirange", "'{[1,3),[7,9)}'"],
  ["tsvector", "'fat:2B cat:1'"],
  ["tsquery", "'fat & !cat:*'"],
  ["mood", "'so so'"],
  ["pair", `'(1,"a b")'`],
  ["mood[]", "'{ok,\"so so\"}'"],
  ["oid", "4294967295"],
  ["name", "'a name'"],
  ["regclass", "'pg_class'"],
  ["regtype", "'timestamptz[]'"],
  ["regprocedure", "'lower(text)'"],
  ["regnamespace", "'select'"],
];

/** For a server that allows tablespaces in place. */
export async function createCatalogObjects(server: TestServer): Promise<void> {
  await server.sql("CREATE TABLESPACE apart LOCATION ''");
  await server.sql(`CREATE DATABASE "${CATALOG_DATABASE}" TEMPLATE template0`);
  await server.sql(`CREATE DATABASE ${TABLESPACE_DATABASE} TABLESPACE apart`);
  await server.sql('CREATE ROLE "Plain Role" LOGIN; CREATE ROLE plain LOGIN');
  await server.sql(
    "SELECT pg_replication_origin_create('an origin'), pg_replication_origin_create('')",
  );
  const client = await connectTo(server, CATALOG_DATABASE);
  for (const statement of objects(server.version)) await client.query(statement);
  await client.end();
  await server.sql(
    `CREATE DATABASE ${LATIN_DATABASE} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'`,
  );
  const latin = await connectTo(server, LATIN_DATABASE);
  await latin.query(`CREATE TYPE "Größe" AS ENUM ('klein', 'groß'); CREATE ROLE "Süd"; CREATE TABLE "Maß" ("Länge" int);
    INSERT INTO "Maß" VALUES (1); ALTER TABLE "Maß" ADD COLUMN g "Größe" DEFAULT 'groß', ADD COLUMN t text DEFAULT 'Maß \u0080'`);
  await latin.end();
}

/** As postgres; the caller ends it. */
export async function connectTo(server: TestServer, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: "postgres",
    database,
  });
  await client.connect();
  return client;
}

function objects(version: ServerVersion): readonly string[] {
  return [
    'CREATE SCHEMA "select"',
    'CREATE SCHEMA "Größe"',
    "CREATE SCHEMA json_table",
    'CREATE EXTENSION ltree SCHEMA "Größe"',
    "CREATE TYPE mood AS ENUM ('ok', 'so so', 'it''s', '')",
    "ALTER TYPE mood ADD VALUE 'Größe' BEFORE 'ok'",
    "CREATE DOMAIN positive AS int CHECK (value > 0)",
    "CREATE TYPE pair AS (a int, b text)",
    `CREATE TYPE "select"."user" AS RANGE (subtype = float8)`,
    'CREATE TABLE "Größe"."a ""quoted"" table" (id int PRIMARY KEY, gone text, kept text, "Größe" mood[])',
    'ALTER TABLE "Größe"."a ""quoted"" table" DROP COLUMN gone',
    "CREATE TABLE plain (id int PRIMARY KEY, v text)",
    "INSERT INTO plain VALUES (1, 'x')",
    ...MISSING.map(
      ([type, value], index) => `ALTER TABLE plain ADD COLUMN c${index} ${type} DEFAULT ${value}`,
    ),
    "CREATE UNLOGGED TABLE unlogged (v int)",
    "CREATE TABLE parted (k int, v text) PARTITION BY LIST (k)",
    "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)",
    "CREATE TABLE apart (v text) TABLESPACE apart",
    "CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED)",
    ...(version >= 18 ? ["CREATE TABLE virtual (a int, b int GENERATED ALWAYS AS (a * 2))"] : []),
    "CREATE INDEX expression ON plain ((id + 1), v) INCLUDE (c2)",
    "ALTER TABLE plain REPLICA IDENTITY FULL",
    "CREATE TABLE identified (a int NOT NULL, b int NOT NULL)",
    "CREATE UNIQUE INDEX identity ON identified (b, a)",
    "ALTER TABLE identified REPLICA IDENTITY USING INDEX identity",
    "CREATE VIEW seen AS SELECT 1 AS one; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one",
    "CREATE SEQUENCE counter",
    `CREATE FUNCTION "select".add(int, "select"."user", text[]) RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    "CREATE FUNCTION add(VARIADIC numeric[]) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    `CREATE FUNCTION lower(mood) RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$`,
    `CREATE OPERATOR "select".=== (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)`,
    "CREATE OPERATOR !! (FUNCTION = numeric_uminus, RIGHTARG = numeric)",
    'CREATE TEXT SEARCH CONFIGURATION "select"."My config" (COPY = simple)',
    "CREATE TEXT SEARCH DICTIONARY stops (TEMPLATE = simple)",
    `CREATE COLLATION "select"."Order" (LOCALE = 'C')`,
    // Rows that are no more, or never were.
    "CREATE TABLE dropped (v int)",
    "DROP TABLE dropped",
    "BEGIN; CREATE TABLE undone (v int); ALTER TABLE plain ADD COLUMN undone int; ROLLBACK",
    "BEGIN; SAVEPOINT s; CREATE TABLE half_undone (v int); ROLLBACK TO s; CREATE TABLE half_done (v int); COMMIT",
    "DO $$ BEGIN FOR n IN 1..90 LOOP EXECUTE format('CREATE TABLE many_%s (a int, b text)', n); END LOOP; END $$",
    "DO $$ BEGIN FOR n IN 1..90 LOOP CONTINUE WHEN n % 3 > 0; EXECUTE format('DROP TABLE many_%s', n); END LOOP; END $$",
    "VACUUM FULL pg_class",
    "VACUUM FULL pg_index",
    "TRUNCATE apart",
    "BEGIN; CREATE TABLE prepared (v int); PREPARE TRANSACTION 'later'",
  ];
}
