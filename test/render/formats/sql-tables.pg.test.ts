/** What -F sql must know of tables: casts that others planted, triggers, what was not sent, keys that are not whole. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { startServer } from "../../support/server/server.ts";

describe("a cast that the owner of a type gave it", () => {
  it("is not called by what is printed, nor is an `=` needed that is elsewhere", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TYPE en AS ENUM ('a', 'b'); CREATE TYPE pair AS (n int, e en)");
      await server.sql("CREATE DOMAIN den AS en; CREATE EXTENSION citext; CREATE EXTENSION ltree");
      for (const key of [
        "e en",
        "e pair",
        "e den",
        "e en[]",
        "e pair[]",
        "e citext",
        "e ltree",
        "n int, e en",
      ]) {
        const name = `"${key}"`;
        const columns = key.replaceAll(/(\w+) [^,]+/g, "$1");
        await server.sql(`CREATE TABLE ${name} (${key}, v text, PRIMARY KEY (${columns}))`);
        await server.sql(`CREATE TABLE "whole ${key}" (${key}, v text)`);
        await server.sql(`ALTER TABLE "whole ${key}" REPLICA IDENTITY FULL`);
      }
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      const VALUES: Readonly<Record<string, readonly string[]>> = {
        "e en": ["'a'", "'b'"],
        "e den": ["'a'", "'b'"],
        "n int, e en": ["1, 'a'", "1, 'b'"],
        "e pair": ["'(1,a)'", "'(,b)'"],
        "e en[]": ["'{a,NULL}'", "'{}'"],
        "e pair[]": [`'{"(1,a)"}'`, `'{"(2,b)"}'`],
        "e citext": ["'A'", "'b'"],
        "e ltree": ["'a.b'", "'a'"],
      };
      for (const [key, [one = "", two = ""]] of Object.entries(VALUES)) {
        for (const name of [`"${key}"`, `"whole ${key}"`]) {
          await server.sql(`INSERT INTO ${name} VALUES (${one}, 'x'), (${two}, 'y')`);
          await server.sql(`UPDATE ${name} SET v = 'z' WHERE v = 'x'`);
          await server.sql(`DELETE FROM ${name} WHERE v = 'y'`);
        }
      }
      const planted = ["en", "pair", "en[]", "pair[]"].map(
        (type) => `
          CREATE FUNCTION planted(${type}) RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'the planted cast was called'; END $$;
          CREATE CAST (${type} AS text) WITH FUNCTION planted(${type}) AS IMPLICIT;`,
      );
      assert.equal(runSql(server, planted.join(""), { database: "copy" }).stderr, "");
      const called = runSql(server, `SELECT e = 'a' FROM (VALUES ('a'::en)) t (e)`, {
        database: "copy",
      });
      assert.match(called.stderr, /the planted cast was called/);
      const args = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];
      const { stdout } = await walctl([...args, "--checked"], { server });
      assert.equal(runSql(server, stdout, { database: "copy" }).stderr, "");
      assert.deepEqual(await contentsOf(server, "copy"), await contentsOf(server));
    } finally {
      await server.dispose();
    }
  });
});

describe("what a publication leaves out", () => {
  it("is not undone", async () => {
    const server = await startServer({ version: 18 });
    const folder = mkdtempSync(join(tmpdir(), "walctl-undo-"));
    try {
      await server.sql("CREATE TABLE few (id int PRIMARY KEY, secret text)");
      await server.sql(
        "CREATE TABLE live (id int, st text); CREATE TABLE whole (id int PRIMARY KEY)",
      );
      await server.sql("ALTER TABLE live REPLICA IDENTITY FULL");
      await server.sql(
        "CREATE PUBLICATION p FOR TABLE few (id), live WHERE (st = 'live'), whole (id)",
      );
      // The DELETE is not shown: an undo of what came before and after it would lose the row.
      await server.sql("CREATE TABLE added (id int PRIMARY KEY, v text)");
      await server.sql("CREATE PUBLICATION q FOR TABLE added WITH (publish = 'insert')");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql(
        "INSERT INTO added VALUES (1, 'a'); DELETE FROM added; INSERT INTO added VALUES (1, 'b')",
      );
      await server.sql(
        "INSERT INTO few VALUES (1, 's'); DELETE FROM few; INSERT INTO whole VALUES (1)",
      );
      await server.sql("INSERT INTO live VALUES (1, 'draft'); UPDATE live SET st = 'live'");
      const capture = join(folder, "capture");
      const args = ["-F", "sql", "--undo"];
      const from = ["-S", "changes", "-P", "p", "-P", "q", "-E", "now", "--capture", capture];
      const tail = ["tail", ...from, ...args];
      for (const command of [tail, ["decode-file", capture, ...args]]) {
        const { stdout, stderr } = await walctl(command, { server });
        assert.equal(stdout, "");
        assert.match(
          stderr,
          /DELETE of public\.few: not all of its columns, rows or operations are sent \(1, /,
        );
        assert.match(
          stderr,
          /INSERT of public\.live: not all of its columns, rows or operations are sent \(1, /,
        );
        assert.match(
          stderr,
          /INSERT of public\.added: not all of its columns, rows or operations are sent \(2, /,
        );
        const whole = await walctl([...command, "--only-table", "whole"], { server });
        assert.match(whole.stdout, /\nDELETE FROM public\.whole WHERE id = 1;\n/, whole.stderr);
      }
    } finally {
      rmSync(folder, { recursive: true });
      await server.dispose();
    }
  });
});

describe("what a publication left out, and does no more", () => {
  it("is not undone, nor a table of which it sends no TRUNCATE", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE SCHEMA s; CREATE TABLE s.whole (id int PRIMARY KEY)");
      for (const name of ["listed", "taken_out", "added_to", "whole"]) {
        await server.sql(`CREATE TABLE ${name} (id int PRIMARY KEY, v text)`);
        await server.sql(`ALTER TABLE ${name} REPLICA IDENTITY FULL`);
      }
      await server.sql("ALTER TABLE listed REPLICA IDENTITY DEFAULT");
      await server.sql("CREATE TABLE parts (id int, k int) PARTITION BY LIST (k)");
      await server.sql("CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)");
      await server.sql(
        "CREATE PUBLICATION p FOR TABLE listed (id), taken_out WHERE (id > 1), added_to, whole, parts WITH (publish_via_partition_root)",
      );
      await server.sql("CREATE PUBLICATION q FOR TABLES IN SCHEMA s, TABLE whole");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      for (const name of ["listed", "taken_out", "added_to", "whole"]) {
        await server.sql(`INSERT INTO ${name} VALUES (1, 'a'), (2, 'b'); DELETE FROM ${name}`);
      }
      await server.sql("INSERT INTO s.whole VALUES (1); INSERT INTO parts VALUES (1, 1)");
      await server.sql("TRUNCATE part");
      await server.sql("ALTER PUBLICATION p SET TABLE listed, added_to, whole, parts");
      await server.sql("ALTER TABLE added_to ADD COLUMN w int");
      const undo = async (table: string): Promise<string> => {
        const args = ["tail", "-q", "-S", "changes", "-P", "p", "-P", "q", "-E", "now"];
        const sql = ["-F", "sql", "--undo", "--only-table", table];
        const { stdout, stderr } = await walctl([...args, ...sql], { server });
        return stdout + stderr;
      };
      for (const table of ["listed", "taken_out", "added_to", "parts"]) {
        const told =
          table === "taken_out"
            ? 'walctl: warning: no published table matches "taken_out" .*\nHINT: Published are: .*\n'
            : "";
        const fault = `walctl: error: .*\n.* of public.${table}: not all of its columns, rows or `;
        assert.match(await undo(table), new RegExp(`^${told}${fault}`));
      }
      assert.equal(runSql(server, await undo("*whole")).stderr, "");
      assert.deepEqual((await contentsOf(server))["s.whole"], []);
    } finally {
      await server.dispose();
    }
  });
});

describe("tables that others inherit from, and those that were renamed", () => {
  it("change alone, and are not undone by their old names", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE par (id int PRIMARY KEY, v text)");
      await server.sql("CREATE TABLE kid (PRIMARY KEY (id)) INHERITS (par)");
      await server.sql("CREATE TABLE swapped (id int, a int, b int); CREATE TABLE moved (id int)");
      await server.sql(
        "CREATE TABLE retyped (n numeric(6,2)); CREATE TABLE widened (n numeric(6,2))",
      );
      for (const table of ["par", "kid", "swapped", "moved", "retyped", "widened"]) {
        await server.sql(`ALTER TABLE ${table} REPLICA IDENTITY FULL`);
      }
      const fill =
        "INSERT INTO par VALUES (1, 'p'), (2, 'p'); INSERT INTO kid VALUES (1, 'p'), (2, 'p')";
      await server.sql(`${fill}; CREATE PUBLICATION everything FOR ALL TABLES`);
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql(
        "UPDATE ONLY par SET v = 'new' WHERE id = 1; DELETE FROM ONLY par WHERE id = 2",
      );
      await server.sql(
        `TRUNCATE ONLY par; INSERT INTO swapped VALUES (1, 2, 3); INSERT INTO moved VALUES (1)`,
      );
      await server.sql("INSERT INTO retyped VALUES (1.5); INSERT INTO widened VALUES (1.5)");
      await server.sql(
        "ALTER TABLE retyped ALTER n TYPE numeric(6,4); ALTER TABLE widened ALTER n TYPE numeric(8,2)",
      );
      await server.sql(
        "ALTER TABLE swapped RENAME a TO x; ALTER TABLE swapped RENAME b TO a; ALTER TABLE swapped RENAME x TO b",
      );
      await server.sql("ALTER TABLE moved RENAME TO elsewhere; CREATE TABLE moved (id int)");
      const tail = ["tail", "-q", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];
      const { stdout } = await walctl([...tail, "--checked", "--only-table", "par"], { server });
      assert.equal(runSql(server, stdout, { database: "copy" }).stderr, "");
      const { "public.par": par, "public.kid": kid } = await contentsOf(server);
      const copy = await contentsOf(server, "copy");
      assert.deepEqual([copy["public.par"], copy["public.kid"]], [par, kid]);
      const widened = await walctl([...tail, "--undo", "--only-table", "widened"], { server });
      assert.match(widened.stdout, /DELETE FROM public\.widened /);
      for (const table of ["swapped", "moved", "retyped"]) {
        const undo = await walctl([...tail, "--undo", "--only-table", table], { server });
        assert.equal(undo.stdout, "");
        assert.match(
          undo.stderr,
          new RegExp(
            `INSERT of public.${table}: it or its columns were renamed, dropped or given another type since`,
          ),
        );
      }
    } finally {
      await server.dispose();
    }
  });
});

describe("a key with a generated column, which PostgreSQL 15 does not send", () => {
  it("finds no row, unless whole old rows are known", async () => {
    const server = await startServer({ version: 15 });
    const folder = mkdtempSync(join(tmpdir(), "walctl-keyless-"));
    try {
      const generated = "GENERATED ALWAYS AS (c * 2) STORED";
      await server.sql(`CREATE TABLE one (a int, c int, g int ${generated} PRIMARY KEY)`);
      await server.sql(`CREATE TABLE two (a int, c int, g int ${generated}, PRIMARY KEY (a, g))`);
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      for (const table of ["one", "two"]) {
        await server.sql(`INSERT INTO ${table} SELECT 1, c FROM generate_series(1, 4) c`);
      }
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql("CHECKPOINT");
      const [from] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn");
      for (const table of ["one", "two"]) {
        await server.sql(`DELETE FROM ${table} WHERE c = 1; UPDATE ${table} SET c = 7 WHERE c = 2`);
        await server.sql(`UPDATE ${table} SET a = 2 WHERE c = 3`);
      }
      const capture = join(folder, "capture");
      const tail = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "--capture", capture];
      const before = await contentsOf(server, "copy");
      for (const command of [tail, ["decode-file", capture]]) {
        const { status, stdout, stderr } = await walctl([...command, "-F", "sql"], { server });
        assert.equal(status, command === tail ? 1 : 3);
        assert.match(stderr, /DELETE of public\.one: its old row was not sent \(1, first/);
        assert.match(stderr, /UPDATE of public\.two: its old row was not sent \(2, first/);
        const run = runSql(server, stdout, { database: "copy", stop: false });
        assert.match(run.stderr, /is not whole: DELETE of public\.one: its old row was not sent/);
        assert.deepEqual(await contentsOf(server, "copy"), before);
      }
      const catalog = join(folder, "catalog");
      await walctl(["catalog", "-q", "-o", catalog], { server });
      await server.sql("SELECT pg_switch_wal()");
      const wal = join(server.host, "data", "pg_wal");
      const args = ["decode-file", "-q", "--catalog", catalog, "--old", "full", wal];
      const sql = ["-F", "sql", "--checked", "-I", from?.lsn ?? ""];
      const { stdout, stderr } = await walctl([...args, ...sql]);
      assert.equal(stderr, "");
      assert.equal(runSql(server, stdout, { database: "copy" }).stderr, "");
      assert.deepEqual(await contentsOf(server, "copy"), await contentsOf(server));
    } finally {
      rmSync(folder, { recursive: true });
      await server.dispose();
    }
  });
});
