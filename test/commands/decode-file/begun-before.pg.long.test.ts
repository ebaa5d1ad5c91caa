/** Rows out of WAL that begins in the middle: what the catalogue was before is known, or the rows are counted. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type pg from "pg";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

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
    assert.deepEqual(newRows(stdout), [{ id: 2, m: "happy" }], stderr);
    assert.match(stderr, /a transaction that may have begun before the WAL changed the catalogue/);
    assert.match(
      stderr,
      /what its tables and types were before is not known\nHINT: Add earlier segments\.$/m,
    );
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
    assert.deepEqual(newRows(stdout), [{ id: 3, m: "sad" }]);
    assert.match(stderr, /2 changes of 1 relfilenode not explained/);
    assert.match(
      stderr,
      /what its tables and types were from there on is not known\nHINT: Export the catalogue/,
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
      /2 changes of the catalogue's tables not printed: their rows before are not known/,
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

  it("are printed where what it changed are other tables", async () => {
    await server.sql(
      "CREATE TABLE orders (id int PRIMARY KEY, m mood, at date); CREATE TABLE other (id int, a text)",
    );
    const first = await begin(
      "BEGIN; CREATE TEMP TABLE basket (id int, note text); ALTER TABLE other RENAME a TO b",
    );
    await server.sql("INSERT INTO orders VALUES (1, 'sad', '2026-11-29')");
    const early = await catalog("early");
    await other.query("INSERT INTO orders VALUES (2, 'sad', '2026-11-29'); COMMIT");
    await server.sql("INSERT INTO orders VALUES (3, 'sad', '2026-11-29')");
    await server.sql("INSERT INTO other VALUES (4, 'is b')");
    const late = await catalog("late");
    const orders = [1, 2, 3].map((id) => ({ id, m: "sad", at: "2026-11-29" }));
    const lossy = await decode(early, first, [...INSERTS, "--tables-changed"]);
    assert.deepEqual(newRows(lossy.stdout), orders, lossy.stderr);
    assert.match(lossy.stderr, /1 change of 1 relfilenode not explained/);
    assert.equal(lossy.status, 3);
    const { status, stderr, stdout } = await decode(late, first, [...INSERTS, "--tables-changed"]);
    assert.deepEqual(newRows(stdout), [...orders, { id: 4, b: "is b" }], stderr);
    assert.equal(`${status} ${stderr}`, "0 ");
  });

  it("are not those of a label that others saw under its old name while it was renamed", async () => {
    await server.sql(
      "CREATE TYPE hue AS ENUM ('red'); CREATE TABLE seen (id int, h hue); CREATE TABLE ab_c (a int)",
    );
    const first = await begin("BEGIN", "ALTER TYPE hue RENAME VALUE 'red' TO 'green'");
    await server.sql("ALTER TABLE ab_c ADD b int");
    const third = await server.connect();
    await third.query("BEGIN; INSERT INTO seen VALUES (1, 'red')");
    await other.query("COMMIT");
    await server.sql("INSERT INTO seen VALUES (2, 'green')");
    await third.query("COMMIT");
    await third.end();
    const { status, stderr, stdout } = await decode(await catalog("hue"), first, INSERTS);
    assert.deepEqual(newRows(stdout), [{ id: 2, h: "green" }], stderr);
    assert.match(stderr, /1 change of 1 table could not be rebuilt \(public.seen: 1/);
    assert.equal(status, 3);
  });

  it("are not those of names that relations had before, or have no more", async () => {
    const make = ["renamed", "dropped", "altered"].map((name) => `CREATE TABLE ${name} ()`);
    await server.sql(
      `CREATE TABLE named (id int, r regclass); ${make.join("; ")}; CREATE SCHEMA s`,
    );
    const first = await begin("BEGIN", "ALTER TABLE altered RENAME TO altered_since");
    await server.sql("SELECT pg_log_standby_snapshot()");
    await server.sql("INSERT INTO named SELECT 1, oid FROM pg_class WHERE relname = 'altered'");
    await other.query("COMMIT");
    await server.sql("INSERT INTO named VALUES (2, 'renamed'), (3, 'dropped')");
    await server.sql("ALTER TABLE renamed RENAME TO renamed_since; DROP TABLE dropped");
    await server.sql(
      "INSERT INTO named VALUES (4, 'renamed_since'), (5, 'altered_since'), (6, 'named'), (7, 1)",
    );
    const { status, stderr, stdout } = await decode(await catalog("named"), first, INSERTS);
    const names = ["public.renamed_since", "public.altered_since", "public.named", "1"];
    assert.deepEqual(
      newRows(stdout),
      names.map((r, index) => ({ id: 4 + index, r })),
      stderr,
    );
    assert.match(stderr, /3 changes of 1 table could not be rebuilt \(public.named: 3/);
    assert.equal(status, 3);
  });

  it("lie before damage: a catalogue of afterwards does not know them, one from before it does", async () => {
    await server.sql("CREATE TABLE hurt (id int)");
    const first = await begin();
    await server.sql("INSERT INTO hurt VALUES (1)");
    const early = await catalog("unhurt");
    const damaged = await begin();
    await server.sql("INSERT INTO hurt VALUES (2)");
    await begin();
    await server.sql("INSERT INTO hurt VALUES (3)");
    const late = await catalog("hurt");
    const bytes = readFileSync(join(server.host, "data", "pg_wal", damaged));
    bytes[64]! ^= 1;
    const copy = join(root, damaged);
    writeFileSync(copy, bytes);
    const decodeIt = async (file: string, ...args: readonly string[]): Promise<RunResult> =>
      await decode(file, first, [...INSERTS, ...args, copy], damaged);
    const none = await decodeIt(late);
    assert.equal(`${none.status} ${none.stdout}`, "3 ");
    const cures =
      /checksum does not match\nHINT: To go on after the damage: --keep-going\. Rows before it need a catalogue file from before it\.$/m;
    assert.match(none.stderr, cures);
    const behind = await decodeIt(late, "--keep-going");
    assert.deepEqual(newRows(behind.stdout), [{ id: 3 }], behind.stderr);
    assert.match(behind.stderr, /HINT: Rows before it need a catalogue file from before it\.$/m);
    const ahead = await decodeIt(early);
    assert.deepEqual(newRows(ahead.stdout), [{ id: 1 }], ahead.stderr);
    assert.deepEqual([behind.status, ahead.status], [3, 3]);
  });

  it("lie before damage: what came behind does not change what their table was", async () => {
    const first = await begin();
    await server.sql("CREATE TABLE spot (id int); CREATE TABLE mover (id int)");
    const placeOf = async (table: string): Promise<string> => {
      const sql = `SELECT ctid::text AS place FROM pg_class WHERE relname = '${table}'`;
      return (await server.sql<{ place: string }>(sql))[0]!.place;
    };
    const place = await placeOf("spot");
    await server.sql("ALTER TABLE spot RENAME TO spot_since");
    const early = await catalog("spot");
    await other.query("BEGIN; INSERT INTO spot_since VALUES (1)");
    const gap = await begin();
    // Another row of pg_class takes the place, and leaves it behind the gap.
    await server.sql("VACUUM pg_class");
    for (let step = 10; step < 100 && (await placeOf("mover")) !== place; step++) {
      await server.sql(`ALTER TABLE mover SET (fillfactor = ${step})`);
    }
    assert.equal(await placeOf("mover"), place);
    await begin();
    await server.sql("ALTER TABLE mover RESET (fillfactor)");
    await other.query("COMMIT");
    const { stderr, stdout } = await decode(early, first, [...INSERTS, "--keep-going"], gap);
    assert.match(stdout, /"table":"spot_since","new":{"id":1}/, stderr);
    assert.doesNotMatch(stdout, /"spot"/);
  });

  it("lack no TRUNCATE that is not counted", async () => {
    await server.sql("CREATE TABLE emptied (id int, a text); CREATE TABLE kept (id int)");
    const first = await begin("BEGIN", "ALTER TABLE emptied RENAME a TO b");
    await other.query("TRUNCATE emptied, kept; COMMIT");
    const file = await catalog("emptied");
    const { status, stderr, stdout } = await decode(file, first, ["--only-table", "kept"]);
    assert.equal(stdout, "");
    assert.match(stderr, /1 change of the catalogue's tables not printed/);
    assert.equal(status, 3);
  });
});

function newRows(stdout: string): readonly unknown[] {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as { new?: unknown }).new).filter(Boolean);
}
