/** Rows out of WAL that could be taken for others: they are right, or they are refused or counted. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { refuseOtherTimeline } from "../../../src/commands/catalog-file.ts";
import type { CatalogFile } from "../../../src/catalog/model.ts";
import { type Lsn, formatLsn, parseLsn } from "../../../src/lsn.ts";
import { endOfRecord } from "../../../src/server/catalog/export.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

interface Line {
  readonly table: string;
  readonly old: unknown;
}

describe("rows out of WAL at wal_level=replica", () => {
  let server: TestServer;
  let root: string;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-guess-"));
    const settings = { wal_level: "replica", full_page_writes: "on", autovacuum: "off" };
    server = await startServer({ version: 18, settings });
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });

  async function exportOf(database: string): Promise<string> {
    const catalog = join(root, `${database}.catalog`);
    const exported = await walctl(["catalog", "-q", "-d", database, "-o", catalog], { server });
    assert.equal(exported.status, 0, exported.stderr);
    return catalog;
  }

  /** Of the whole WAL, by a catalogue of now. */
  async function decode(database: string, ...args: readonly string[]): Promise<RunResult> {
    const catalog = await exportOf(database);
    await server.sql("SELECT pg_switch_wal()");
    const wal = join(root, database);
    cpSync(join(server.host, "data", "pg_wal"), wal, { recursive: true });
    return await walctl(["decode-file", "-q", "--catalog", catalog, ...args, wal]);
  }

  it("of a savepoint that was rolled back where tables were being altered are counted", async () => {
    // Its transaction is in no record, and neither are the names that it gave the columns.
    await server.sql("CREATE TABLE ab (id int PRIMARY KEY, a text, b text)");
    await server.sql(
      "BEGIN; ALTER TABLE ab RENAME a TO x; ALTER TABLE ab RENAME b TO a; ALTER TABLE ab RENAME x TO b; SAVEPOINT s; INSERT INTO ab (id, a, b) VALUES (2, 'is a', 'is b'); ROLLBACK TO s; COMMIT",
    );
    await server.sql("BEGIN; INSERT INTO ab (id, a) VALUES (3, 'alone'); ROLLBACK");
    const { status, stdout, stderr } = await decode(
      "postgres",
      "--aborted",
      "--only-table",
      "ab",
      "--only",
      "insert",
    );
    assert.match(
      stderr,
      /^walctl: warning: 1 rolled-back transaction not printed: tables may have been altered in them/m,
    );
    assert.equal(status, 3);
    const rows = stdout.trimEnd().split("\n");
    assert.deepEqual(
      rows.map((line) => JSON.parse(line).new),
      [{ id: 3, b: null, a: "alone" }],
    );
  });

  it("of a savepoint that was rolled back have the values that its transaction stored out of line", async () => {
    await server.sql("CREATE DATABASE saved");
    const text = "SELECT string_agg(md5(i::text), '') AS v FROM generate_series(1, 200) i";
    const psql = runSql(
      server,
      `CREATE TABLE toasted (id int, n int, v text); CHECKPOINT;
       BEGIN; INSERT INTO toasted SELECT 1, 1, v FROM (${text}) t;
       SAVEPOINT a; UPDATE toasted SET n = 2; ROLLBACK TO a;
       INSERT INTO toasted SELECT 2, 1, v || '!' FROM (${text}) t;
       SAVEPOINT b; UPDATE toasted SET n = 3; SAVEPOINT c; DELETE FROM toasted WHERE id = 2; ROLLBACK TO c; ROLLBACK TO b; COMMIT;`,
      { database: "saved" },
    );
    assert.equal(psql.stderr, "");
    const [{ v } = { v: "" }] = await server.sql<{ v: string }>(text);
    const args = ["--aborted", "--old", "full", "--only", "update,delete"];
    const { status, stdout, stderr } = await decode("saved", ...args);
    assert.equal(`${status} ${stderr}`, "0 ");
    const rows = stdout.trimEnd().split("\n");
    assert.deepEqual(
      rows.map((line) => JSON.parse(line).old),
      [
        { id: 1, n: 1, v },
        { id: 2, n: 3, v: `${v}!` },
        { id: 1, n: 1, v },
        { id: 2, n: 1, v: `${v}!` },
      ],
    );
  });

  it("have values of types that lie deep in others", async () => {
    await server.sql("CREATE DATABASE deep");
    const levels = Array.from({ length: 60 }, (_, level) => level + 1);
    const types = levels.map(
      (level) =>
        `CREATE DOMAIN d${level} AS d${level - 1}; CREATE TYPE c${level} AS (a c${level - 1});`,
    );
    const rowOf = (depth: number): string =>
      levels.slice(0, depth).reduce((inner, level) => `ROW(${inner})::c${level}`, "ROW('x')::c0");
    const psql = runSql(
      server,
      `CREATE DOMAIN d0 AS int; CREATE TYPE c0 AS (a text); ${types.join("\n")}
       CREATE TABLE deep (d d30, c c12); INSERT INTO deep VALUES (5, ${rowOf(12)});
       CREATE TABLE deeper (c c60); INSERT INTO deeper VALUES (${rowOf(60)})`,
      { database: "deep" },
    );
    assert.equal(psql.stderr, "");
    const { status, stdout, stderr } = await decode("deep", "--only", "insert");
    assert.equal(status, 0);
    assert.match(
      stderr,
      /^walctl: warning: the stored form of the type "c\d+" is not known, or it lies more than 24 types deep in another: its values are printed as \{"disk_base64":…\}\n$/,
    );
    const { "public.deep": [expected = ""] = [] } = await contentsOf(server, "deep");
    const [deep, deeper] = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).new);
    assert.deepEqual(deep, JSON.parse(expected));
    assert.match(JSON.stringify(deeper), /^\{"c":\{"disk_base64":"[^"]+"\}\}$/);
  });

  it("that are older than a column have its value as the type was then, or are counted", async () => {
    await server.sql(`CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE DOMAIN mood_now AS mood; CREATE TYPE pair AS (x int, y text);
      CREATE TYPE same_name AS ENUM ('sad');
      CREATE TABLE plain (id int PRIMARY KEY); CREATE TABLE lists (LIKE plain); CREATE TABLE pairs (LIKE plain)`);
    for (const table of ["plain", "lists", "pairs"]) {
      await server.sql(`INSERT INTO ${table} SELECT generate_series(1, 5)`);
    }
    await server.sql(`ALTER TABLE plain ADD m mood DEFAULT 'glad', ADD n mood_now DEFAULT 'glad', ADD s mood DEFAULT 'sad', ADD l mood[] DEFAULT '{}';
      ALTER TABLE lists ADD l mood[] DEFAULT '{glad,sad}'; ALTER TABLE pairs ADD p pair DEFAULT ROW(1, 'q')`);
    await server.sql("SELECT pg_switch_wal()");
    await server.sql("CHECKPOINT");
    const [start] = await server.sql<{ name: string }>(
      "SELECT pg_walfile_name(pg_current_wal_lsn()) AS name",
    );
    const prior = join(root, "prior.catalog");
    cpSync(await exportOf("postgres"), prior);
    const accident = async (id: number): Promise<void> => {
      for (const table of ["plain", "lists", "pairs"]) {
        await server.sql(`DELETE FROM ${table} WHERE id = ${id}`);
      }
    };
    await accident(1);
    await server.sql(
      "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'; ALTER TYPE pair ADD ATTRIBUTE z int",
    );
    await accident(2);
    await server.sql(
      "ALTER TYPE mood RENAME VALUE 'happy' TO 'merry'; ALTER TYPE pair DROP ATTRIBUTE y",
    );
    await accident(3);
    await server.sql("ALTER TYPE mood ADD VALUE 'blue'");
    await accident(4);
    const recent = await exportOf("postgres");
    await server.sql("SELECT pg_switch_wal()");
    const folder = join(server.host, "data", "pg_wal");
    const names = readdirSync(folder).filter((name) => /^\w{24}$/.test(name));
    const wal = names
      .filter((name) => name >= (start?.name ?? ""))
      .map((name) => join(folder, name));
    const by = async (catalog: string): Promise<RunResult> =>
      await walctl(["decode-file", "-q", "--catalog", catalog, "--only", "delete", ...wal]);
    const linesOf = ({ status, stderr, stdout }: RunResult, lost: number): Line[] => {
      const tables = `public\\.lists: ${lost}, public\\.pairs: ${lost};`;
      assert.match(
        stderr,
        new RegExp(`^walctl: warning: ${2 * lost} .*older than a column.*${tables}`),
      );
      assert.equal(status, 3);
      const lines = stdout.trimEnd().split("\n");
      return lines.map((line) => JSON.parse(line) as Line);
    };
    const [early, late] = [linesOf(await by(prior), 3), linesOf(await by(recent), 2)];
    const rowsOf = (lines: readonly Line[], table: string): unknown[] =>
      lines.filter((line) => line.table === table).map(({ old }) => old);
    const labels = ["glad", "happy", "merry", "merry"];
    const plain = labels.map((m, at) => ({ id: at + 1, m, n: m, s: "sad", l: [] }));
    assert.deepEqual(rowsOf(late, "plain"), plain);
    assert.deepEqual(rowsOf(early, "plain"), plain);
    const list = (id: number, label: string): unknown => ({ id, l: [label, "sad"] });
    assert.deepEqual(rowsOf(late, "lists"), [list(3, "merry"), list(4, "merry")]);
    assert.deepEqual(rowsOf(early, "lists"), [list(1, "glad")]);
    const pair = (id: number): unknown => ({ id, p: { x: 1, z: null } });
    assert.deepEqual(rowsOf(late, "pairs"), [pair(3), pair(4)]);
    assert.deepEqual(rowsOf(early, "pairs"), [{ id: 1, p: { x: 1, y: "q" } }]);
    // A data directory may not tell it.
    const unread = readFileSync(recent, "utf8").replaceAll(
      '"attmissingval":"sad"',
      '"attmissingval":null',
    );
    writeFileSync(recent, unread);
    const { stderr, stdout } = await by(recent);
    assert.match(stderr, /older than a column.*public\.plain: 4/);
    assert.doesNotMatch(stdout, /"plain"/);
  });

  it("lack a TRUNCATE, which a warning says where its table is asked for", async () => {
    await server.sql("CREATE DATABASE emptied");
    const psql = runSql(
      server,
      `CREATE TABLE emptied (id int); INSERT INTO emptied VALUES (1); CREATE UNLOGGED TABLE never (id int);
       TRUNCATE emptied, never; INSERT INTO emptied VALUES (2); BEGIN; TRUNCATE emptied; ROLLBACK; VACUUM FULL emptied;`,
      { database: "emptied" },
    );
    assert.equal(psql.stderr, "");
    const said =
      /^walctl: warning: 1 TRUNCATE of 1 table not printed \(public\.emptied: 1; first at [0-9A-F/]+\): WAL at wal_level=replica shows only that the table got a new, empty file\nHINT: To print it as table_changed: --tables-changed\n$/;
    for (const [args, isSaid] of [
      [[], true],
      [["--only-table", "emptied"], true],
      [["--only-table", "never"], false],
      [["--only", "insert"], false],
      [["--tables-changed"], false],
    ] as const) {
      const { status, stdout, stderr } = await decode("emptied", ...args);
      assert.equal(status, 0);
      if (isSaid) assert.match(stderr, said);
      else assert.ok(!stderr.includes("TRUNCATE"), stderr);
      const isPrinted = stdout.includes('"action":"truncated"');
      assert.equal(isPrinted, args[0] === "--tables-changed");
    }
  });

  it("are whole where names and texts cannot be converted", async () => {
    await server.sql(
      "CREATE DATABASE jis TEMPLATE template0 ENCODING 'EUC_JIS_2004' LOCALE 'C' STRATEGY wal_log",
    );
    const { host, port } = server;
    const client = new pg.Client({ host, port, user: "postgres", database: "jis" });
    await client.connect();
    await client.query(
      `CREATE TABLE "二" (id int); INSERT INTO "二" VALUES (1); CREATE TABLE t (a text); INSERT INTO t VALUES ('x'), ('二')`,
    );
    await client.end();
    const { status, stdout, stderr } = await decode("jis", "--only", "insert");
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map(({ table, new: row }) => [table, row]);
    const name = String.raw`\xc6\xf3`;
    assert.deepEqual(rows, [
      [name, { id: 1 }],
      ["t", { a: "x" }],
      ["t", { a: { disk_base64: "xvM=" } }],
    ]);
    assert.match(
      stderr,
      /^walctl: warning: texts .*EUC_JIS_2004.*\nwalctl: warning: names .*EUC_JIS_2004.*\n$/,
    );
    assert.equal(status, 0);
  });

  it("of a database that was created in the WAL are there from its beginning", async () => {
    await server.sql("CREATE DATABASE young");
    const sql =
      "CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1), (2); DELETE FROM t WHERE a = 1";
    const { host, port } = server;
    const client = new pg.Client({ host, port, user: "postgres", database: "young" });
    await client.connect();
    await client.query(sql);
    await client.end();
    const { status, stdout, stderr } = await decode("young", "--only", "insert,delete");
    assert.equal(stderr, "");
    assert.equal(status, 0);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      rows.map((row) => row.new ?? row.old),
      [{ a: 1 }, { a: 2 }, { a: 1 }],
    );
  });
});

describe("a catalogue of another timeline", () => {
  const parents = [{ timeline: 1, switchedAt: 0x500 }];
  const of = (timeline: number, lsn: number): CatalogFile =>
    ({ header: { timeline, lsn } }) as CatalogFile;

  it("is taken where the log went on from it", () => {
    refuseOtherTimeline(of(1, 0x500), { timeline: 2, parents }, "f");
    refuseOtherTimeline(of(2, 0x900), { timeline: 2, parents }, "f");
    refuseOtherTimeline(of(2, 0x900), { timeline: 2, parents: [] }, "f");
  });

  const refused: ReadonlyArray<readonly [string, CatalogFile, number, typeof parents, RegExp]> = [
    ["exported behind the switch", of(1, 0x501), 2, parents, /which left it at 0\/500/],
    ["without a history", of(1, 0x500), 2, [], /not known to come from there/],
    ["of the timeline that came later", of(2, 0x900), 1, [], /not known to come from there/],
  ];
  for (const [what, file, timeline, path, message] of refused) {
    it(`is refused: ${what}`, () =>
      assert.throws(() => refuseOtherTimeline(file, { timeline, parents: path }, "f"), message));
  }
});

describe("a catalogue and a crash", () => {
  it("it holds nothing that the crash takes back", async (t) => {
    // Asynchronous commits are flushed up to ten seconds later.
    const settings = { synchronous_commit: "off", wal_writer_delay: "10s" };
    const server = await startServer({ version: 18, settings });
    t.after(() => server.dispose());
    await server.sql("CREATE TABLE p (id int, a text, b text)");
    await server.sql("CHECKPOINT");
    await server.sql("ALTER TABLE p RENAME a TO x; ALTER TABLE p RENAME b TO a");
    const { status, stdout, stderr } = await walctl(["catalog", "-F", "ndjson"], { server });
    await server.kill();
    assert.equal(status, 0, stderr);
    await server.start();
    const columns = await server.sql<{ name: string }>(
      "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'p'::regclass AND attnum > 0 ORDER BY attnum",
    );
    const [oid] = await server.sql<{ oid: number }>("SELECT 'p'::regclass::oid AS oid");
    const exported = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line))
      .filter(({ catalog, attrelid }) => catalog === "pg_attribute" && attrelid === oid?.oid)
      .toSorted((one, other) => one.attnum - other.attnum);
    assert.deepEqual(
      exported.map(({ attname }) => attname),
      columns.map(({ name }) => name),
    );
  });

  it("waits for no more than what can be flushed", async (t) => {
    const server = await startServer({ version: 18 });
    t.after(() => server.dispose());
    // Behind a switch the next record's place is behind a header that is not written yet.
    for (const statement of ["SELECT pg_switch_wal()", "CHECKPOINT", "CREATE TABLE t ()"]) {
      await server.sql(statement);
      const [position] = await server.sql<{ inserted: string; flushed: string }>(
        "SELECT pg_current_wal_insert_lsn()::text AS inserted, pg_current_wal_flush_lsn()::text AS flushed",
      );
      const end = endOfRecord(parseLsn(position?.inserted ?? "") ?? assert.fail());
      assert.equal(formatLsn(end), position?.flushed, statement);
    }
    assert.equal(endOfRecord((8192n * 3n + 24n) as Lsn), 8192n * 3n);
    assert.equal(endOfRecord((8192n * 3n + 40n) as Lsn), 8192n * 3n + 40n);
  });
});
