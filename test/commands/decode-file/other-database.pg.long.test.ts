/** Rows out of WAL of a database that is in other files, or another one, before or behind some position. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("a database whose files are others at some point", () => {
  let server: TestServer;
  let root: string;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-others-"));
    const settings = { wal_level: "replica", allow_in_place_tablespaces: "on" };
    server = await startServer({
      version: 18,
      settings: { ...settings, full_page_writes: "on", wal_keep_size: "500MB" },
      initdbArguments: ["--wal-segsize=1"],
    });
    for (const name of ["one", "two"]) await server.sql(`CREATE TABLESPACE ${name} LOCATION ''`);
    await server.sql("CREATE DATABASE m");
    await run("m", "CREATE TABLE b (id int PRIMARY KEY, t text, x text) TABLESPACE one");
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });

  async function run(database: string, sql: string): Promise<void> {
    const { host, port } = server;
    const client = new pg.Client({ host, port, user: "postgres", database });
    await client.connect();
    await client.query(sql);
    await client.end();
  }

  async function exported(database: string, name: string): Promise<string> {
    const catalog = join(root, name);
    const args = ["catalog", "-q", "-d", database, "-o", catalog];
    assert.equal((await walctl(args, { server })).status, 0);
    return catalog;
  }

  /** One row is on its side. */
  async function assertSide(
    catalog: string,
    row: object,
    cause: string,
    side: string,
  ): Promise<void> {
    const args = ["decode-file", "-q", "--catalog", catalog, "--only", "insert"];
    const wal = join(server.host, "data", "pg_wal");
    const { status, stdout, stderr } = await walctl([...args, wal]);
    assert.deepEqual(JSON.parse(stdout).new, row);
    assert.match(
      stderr,
      new RegExp(
        `^walctl: warning: \\d+ changes? of \\d relfilenodes? not explained by the catalogue .*\n` +
          `[^]*walctl: error: ${cause} at .*\nHINT: Rows ${side} it need a catalogue file`,
      ),
    );
    assert.equal(status, 3);
  }

  it("has rows only on the side of its catalogue, where it moves to another tablespace", async () => {
    const prior = await exported("m", "prior");
    await run("m", "INSERT INTO b VALUES (1, 't', 'x')");
    await server.sql("ALTER DATABASE m SET TABLESPACE two");
    await run("m", "ALTER TABLE b RENAME t TO y; ALTER TABLE b RENAME x TO t");
    await run("m", "INSERT INTO b VALUES (2, 'y', 't')");
    const later = await exported("m", "later");
    await server.sql("SELECT pg_switch_wal()");
    const cause = "ALTER DATABASE … SET TABLESPACE";
    await assertSide(prior, { id: 1, t: "t", x: "x" }, cause, "behind");
    await assertSide(later, { id: 2, y: "y", t: "t" }, cause, "before");
  });

  for (const strategy of ["wal_log", "file_copy"]) {
    it(`is not the one that had its oid before, made by ${strategy}`, async () => {
      const create = `CREATE DATABASE n OID 50000 TEMPLATE m STRATEGY ${strategy}`;
      await server.sql(create);
      const prior = await exported("n", "prior");
      await run("n", "INSERT INTO b VALUES (3, 'y', 't')");
      await run("n", "ALTER TABLE b RENAME t TO x; ALTER TABLE b RENAME y TO t");
      await server.sql("DROP DATABASE n");
      await server.sql(create);
      await run("n", "INSERT INTO b VALUES (4, 'y', 't')");
      const later = await exported("n", "later");
      await server.sql("SELECT pg_switch_wal()");
      await assertSide(prior, { id: 3, y: "y", t: "t" }, "DROP DATABASE", "behind");
      await assertSide(later, { id: 4, y: "y", t: "t" }, "CREATE DATABASE", "before");
      await server.sql("DROP DATABASE n");
    });
  }

  it("is refused by its name where the WAL begins within CREATE DATABASE", async () => {
    const [row] = await server.sql<{ name: string }>(
      "SELECT pg_walfile_name(pg_switch_wal() + 1) AS name",
    );
    await server.sql("CREATE DATABASE young STRATEGY wal_log");
    await server.sql("SELECT pg_switch_wal()");
    await run("young", "CREATE TABLE y (id int)");
    await run("young", "INSERT INTO y VALUES (1)");
    const catalog = await exported("young", "young");
    await server.sql("SELECT pg_switch_wal()");
    const folder = join(server.host, "data", "pg_wal");
    const names = readdirSync(folder).filter(
      (name) => name > (row?.name ?? "") && name.length === 24,
    );
    const wal = names
      .toSorted()
      .slice(2)
      .map((name) => join(folder, name));
    const decode = ["decode-file", "-q", "--catalog", catalog];
    const { status, stderr } = await walctl([...decode, ...wal]);
    const hint =
      /^walctl: error: the WAL begins within CREATE DATABASE, .*\nHINT: Add earlier segments, .* Or begin after it, with (\w{24})\.\n$/;
    const [, first = ""] = hint.exec(stderr) ?? assert.fail(stderr);
    assert.equal(status, 3);
    const behind = wal.filter((path) => basename(path) >= first);
    const rows = await walctl([...decode, "--only", "insert", ...behind]);
    assert.match(rows.stdout, /"table":"y","new":{"id":1}/, rows.stderr);
    assert.equal(rows.status, 0, rows.stderr);
    assert.equal((await walctl([...decode, folder])).status, 0);
  });
});
