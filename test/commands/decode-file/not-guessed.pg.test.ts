/** Rows out of WAL that could be taken for others: they are right, or they are refused or counted. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { refuseOtherTimeline } from "../../../src/commands/catalog-file.ts";
import type { CatalogFile } from "../../../src/catalog/model.ts";
import { type Lsn, formatLsn, parseLsn } from "../../../src/lsn.ts";
import { endOfRecord } from "../../../src/server/catalog/export.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("rows out of WAL at wal_level=replica", () => {
  let server: TestServer;
  let root: string;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-guess-"));
    server = await startServer({ version: 18, settings: { wal_level: "replica" } });
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });

  /** Of the whole WAL, by a catalogue of now. */
  async function decode(database: string, ...args: readonly string[]): Promise<RunResult> {
    const catalog = join(root, `${database}.catalog`);
    const exported = await walctl(["catalog", "-q", "-d", database, "-o", catalog], { server });
    assert.equal(exported.status, 0, exported.stderr);
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
      ...["--aborted", "--only-table", "ab", "--only", "insert"],
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

describe("rows of WAL that begins in the middle of a transaction that alters tables", () => {
  let root: string;
  let server: TestServer;
  let other: pg.Client;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-middle-"));
    server = await startServer({
      version: 18,
      settings: { wal_keep_size: "1GB", autovacuum: "off" },
      initdbArguments: ["--wal-segsize=1"],
    });
    other = await server.connect();
  });
  after(async () => {
    await other.end();
    await server.dispose();
    rmSync(root, { recursive: true, force: true });
  });

  async function begin(...statements: readonly string[]): Promise<string> {
    for (const statement of statements) await other.query(statement);
    // An empty segment is not switched.
    await server.sql("SELECT pg_logical_emit_message(false, '', '')");
    await server.sql("SELECT pg_switch_wal()");
    const [row] = await server.sql<{ name: string }>(
      "SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name",
    );
    return row?.name ?? "";
  }

  async function catalog(name: string): Promise<string> {
    const file = join(root, name);
    const { status, stderr } = await walctl(["catalog", "-q", "-o", file], { server });
    assert.equal(status, 0, stderr);
    return file;
  }

  /** From one segment on, without another one. */
  async function decode(
    file: string,
    first: string,
    args: readonly string[],
    gap = "",
  ): Promise<RunResult> {
    await server.sql("SELECT pg_switch_wal()");
    const wal = join(server.host, "data", "pg_wal");
    const paths = readdirSync(wal)
      .filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= first && name !== gap)
      .map((name) => join(wal, name));
    return await walctl(["decode-file", "-q", "--catalog", file, ...args, ...paths]);
  }

  const INSERTS = ["--only", "insert"];

  it("are not those of a label that was renamed only at its end", async () => {
    await server.sql(
      "CREATE TYPE mood AS ENUM ('sad', 'glad'); CREATE TABLE felt (id int, m mood)",
    );
    const first = await begin("BEGIN", "ALTER TYPE mood RENAME VALUE 'glad' TO 'happy'");
    await server.sql("INSERT INTO felt VALUES (1, 'glad')");
    await other.query("COMMIT");
    await server.sql("INSERT INTO felt VALUES (2, 'happy')");
    const { status, stderr, stdout } = await decode(await catalog("felt"), first, INSERTS);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).new);
    assert.deepEqual(rows, [{ id: 2, m: "happy" }], stderr);
    assert.match(stderr, /a transaction that may have begun before the WAL changed the catalogue/);
    assert.match(stderr, /before tables may have been other ones\nHINT: Add earlier segments\.$/m);
    assert.equal(status, 3);
  });

  it("are not those of a label whose row lies on a page that is not known", async () => {
    await server.sql("CREATE TYPE tone AS ENUM ('deep'); CREATE TABLE heard (id int, t tone)");
    const first = await begin();
    await server.sql("SELECT pg_log_standby_snapshot()");
    await server.sql("INSERT INTO heard VALUES (1, 'deep')");
    await server.sql("ALTER TYPE tone RENAME VALUE 'deep' TO 'deeper'");
    await server.sql("INSERT INTO heard VALUES (2, 'deeper')");
    const { status, stderr, stdout } = await decode(await catalog("heard"), first, INSERTS);
    assert.doesNotMatch(stdout, /"id":1/);
    assert.match(stdout, /"new":{"id":2,"t":"deeper"}/);
    assert.match(stderr, /1 change of 1 table could not be rebuilt \(public.heard: 1/);
    assert.equal(status, 3);
  });

  it("are not those of columns as they were before it, which a catalogue of its middle shows", async () => {
    await server.sql("CREATE TABLE ab (id int, a text, b text)");
    const first = await begin(
      "BEGIN",
      "ALTER TABLE ab RENAME a TO x; ALTER TABLE ab RENAME b TO a",
    );
    const file = await catalog("ab");
    await other.query("INSERT INTO ab (id, a) VALUES (1, 'is a')");
    await other.query("COMMIT");
    await server.sql("INSERT INTO ab (id, a) VALUES (2, 'is a')");
    await server.sql("INSERT INTO felt VALUES (3, 'sad')");
    const { status, stderr, stdout } = await decode(file, first, INSERTS);
    assert.equal(stdout, "");
    assert.match(stderr, /3 changes of 2 relfilenodes not explained/);
    assert.match(
      stderr,
      /from there on tables may have been other ones\nHINT: Export the catalogue/,
    );
    assert.equal(status, 3);
  });

  it("say of no table that it was created where the record of its row before is missing", async () => {
    await server.sql("CREATE TABLE moved (id int); CREATE TABLE quiet (id int)");
    const first = await begin();
    const file = await catalog("moved");
    const gap = await begin();
    await server.sql("ALTER TABLE moved SET (fillfactor = 90)");
    await begin();
    await server.sql("TRUNCATE moved");
    const { status, stderr, stdout } = await decode(
      file,
      first,
      ["--tables-changed", "--keep-going"],
      gap,
    );
    assert.equal(stdout, "", stderr);
    assert.match(
      stderr,
      /1 change of the catalogue's tables not printed: their rows before are not known/,
    );
    assert.match(
      stderr,
      /after it tables may have been other ones\nHINT: Give a catalogue file from after the gap/,
    );
    assert.equal(status, 3);
  });

  it("are not those of one that is rolled back", async () => {
    await server.sql("CREATE TABLE cd (id int, c text, d text)");
    const first = await begin(
      "BEGIN",
      "ALTER TABLE cd RENAME c TO x; ALTER TABLE cd RENAME d TO c",
    );
    await other.query("SAVEPOINT s; INSERT INTO cd (id, c) VALUES (1, 'is c'); ROLLBACK TO s");
    await other.query("INSERT INTO cd (id, c) VALUES (2, 'is c'); ROLLBACK");
    const { status, stderr, stdout } = await decode(await catalog("cd"), first, [
      ...INSERTS,
      "--aborted",
    ]);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /2 rolled-back transactions not printed: tables may have been altered in them/,
    );
    assert.equal(status, 3);
  });
});
