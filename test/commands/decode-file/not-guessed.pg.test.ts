/** Rows out of WAL that could be taken for others: they are right, or they are refused or counted. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
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
