/** --checked and --undo where tables have moved on or others planted operators; what cannot be undone, and usage. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("a table that has moved on", () => {
  let server: TestServer;
  let checked: string;
  let unchecked: string;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(
      'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE "odd % \'name" (id int PRIMARY KEY)',
    );
    await server.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
    await server.sql("CREATE DATABASE copy TEMPLATE postgres");
    await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
    await server.sql("UPDATE t SET v = 'first' WHERE id = 1");
    await server.sql(
      "BEGIN; UPDATE t SET v = 'second' WHERE id = 2; DELETE FROM t WHERE id = 3; COMMIT",
    );
    await server.sql("INSERT INTO t VALUES (4, 'third')");
    await server.sql(`INSERT INTO "odd % 'name" VALUES (1); DELETE FROM "odd % 'name"`);
    const args = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];
    checked = (await walctl([...args, "--checked"], { server })).stdout;
    unchecked = (await walctl(args, { server })).stdout;
  });
  after(async () => {
    await server.dispose();
  });

  for (const stop of [true, false]) {
    it(`with --checked nothing is done from there on, ON_ERROR_STOP=${stop}`, async () => {
      const run = runSql(server, `DELETE FROM t WHERE id = 3;\n${checked}`, {
        database: "copy",
        stop,
      });
      assert.match(
        run.stderr,
        /ERROR: {2}DELETE of public.t touched 0 rows, not 1 \(xid \d+, commit_lsn [0-9A-F/]+\)/,
      );
      if (!stop) assert.match(run.stderr, /the transaction before this one was not committed/);
      const { "public.t": rows } = await contentsOf(server, "copy");
      assert.deepEqual(rows, ['{"id":1,"v":"first"}', '{"id":2,"v":"b"}']);
      runSql(server, "UPDATE t SET v = 'a' WHERE id = 1", { database: "copy" });
    });
  }

  it("a name is a name in a message too", () => {
    const sql = checked.slice(0, checked.indexOf("\nINSERT") + 1);
    assert.ok(checked.includes(`DELETE of public."odd %% ''name" touched % rows`), sql);
  });

  it("without --checked what is there is changed", async () => {
    assert.equal(runSql(server, unchecked, { database: "copy" }).stderr, "");
    const copy = await contentsOf(server, "copy");
    assert.deepEqual(copy["public.t"], (await contentsOf(server))["public.t"]);
  });
});

describe("an operator of another role, which fits better than PostgreSQL's own", () => {
  it("is not called by what is printed", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE t (v varchar, a varchar[])");
      await server.sql("ALTER TABLE t REPLICA IDENTITY FULL");
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql("INSERT INTO t VALUES ('a', '{x}'), ('b', '{y}')");
      await server.sql("UPDATE t SET a = '{z}' WHERE v = 'a'");
      await server.sql("DELETE FROM t WHERE v = 'b'");
      const planted = `
        CREATE FUNCTION public.planted(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'the planted operator was called'; END $$;
        CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.planted);`;
      assert.equal(runSql(server, planted, { database: "copy" }).stderr, "");
      const called = runSql(server, "SELECT v = 'a' FROM (VALUES ('a'::varchar)) t (v)", {
        database: "copy",
      });
      assert.match(called.stderr, /the planted operator was called/);
      for (const flags of [[], ["--checked"]]) {
        const args = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];
        const { stdout } = await walctl([...args, ...flags], { server });
        assert.equal(runSql(server, stdout, { database: "copy" }).stderr, "");
        const copy = await contentsOf(server, "copy");
        assert.deepEqual(copy["public.t"], (await contentsOf(server))["public.t"]);
        assert.equal(runSql(server, "TRUNCATE t", { database: "copy" }).stderr, "");
      }
    } finally {
      await server.dispose();
    }
  });
});

describe("a cast that the owner of a type gave it", () => {
  it("is not called by what is printed, nor is an `=` needed that is elsewhere", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TYPE en AS ENUM ('a', 'b'); CREATE TYPE pair AS (n int, e en)");
      await server.sql("CREATE DOMAIN den AS en; CREATE EXTENSION citext; CREATE EXTENSION ltree");
      for (const key of [
        ...["e en", "e pair", "e den", "e en[]", "e pair[]", "e citext", "e ltree"],
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
        ...{ "e en": ["'a'", "'b'"], "e den": ["'a'", "'b'"], "n int, e en": ["1, 'a'", "1, 'b'"] },
        ...{ "e pair": ["'(1,a)'", "'(,b)'"], "e en[]": ["'{a,NULL}'", "'{}'"] },
        ...{ "e pair[]": [`'{"(1,a)"}'`, `'{"(2,b)"}'`], "e citext": ["'A'", "'b'"] },
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

describe("an undo of rows that were changed again", () => {
  it("leaves them, and with --checked stops and takes back nothing", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE t (id int PRIMARY KEY, v text, w text)");
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      const xids: string[] = [];
      for (const sql of [
        "INSERT INTO t VALUES (1, 'a', NULL), (2, 'a', NULL)",
        "UPDATE t SET v = 'real' WHERE id = 2",
        "INSERT INTO t VALUES (3, 'c', NULL)",
      ]) {
        const [row] = await server.sql<{ xid: string }>(
          `${sql}; SELECT pg_current_xact_id()::text AS xid`,
        );
        xids.push(row?.xid ?? "");
      }
      const args = [
        "tail",
        "-S",
        "changes",
        "-P",
        "everything",
        "-E",
        "now",
        "-F",
        "sql",
        "--undo",
      ];
      const [first = "", , last = ""] = xids;
      const undo = async (...more: readonly string[]): Promise<string> =>
        (await walctl([...args, "--xid", first, "--xid", last, ...more], { server })).stdout;
      const checked = runSql(server, await undo("--checked"), { stop: false });
      assert.match(checked.stderr, /DELETE of public\.t touched 1 rows, not 2/);
      assert.equal((await contentsOf(server))["public.t"]?.length, 3);
      assert.equal(runSql(server, await undo()).stderr, "");
      assert.deepEqual((await contentsOf(server))["public.t"], ['{"id":2,"v":"real","w":null}']);
      const nothing = await walctl([...args, "--xid", "999999999"], { server });
      assert.equal(`${nothing.status} ${nothing.stdout}`, "0 ");
      assert.match(nothing.stderr, /warning: nothing of transaction 999999999 was found \(--xid\)/);
      assert.match(nothing.stderr, /warning: no change was found that is to be undone/);
    } finally {
      await server.dispose();
    }
  });
});

describe("what cannot be undone", () => {
  let server: TestServer;
  const TAIL = ["tail", "-q", "-S", "changes", "-P", "everything", "-F", "sql", "--undo"];

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(
      "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE keys (a int PRIMARY KEY)",
    );
    await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
    await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
    await server.sql(
      "INSERT INTO t VALUES (1, 'secret'), (2, 'secret'); INSERT INTO keys VALUES (1), (2)",
    );
    await server.sql("UPDATE keys SET a = 3 WHERE a = 1; DELETE FROM keys WHERE a = 2");
    await server.sql("UPDATE t SET v = 'secret too'; DELETE FROM t WHERE id = 1");
    await server.sql("TRUNCATE t");
  });
  after(async () => {
    await server.dispose();
  });

  it("is refused by name, and nothing is printed", async () => {
    const { status, stdout, stderr } = await walctl([...TAIL, "-E", "now"], { server });
    assert.equal(`${status} ${stdout}`, "1 ");
    assert.match(stderr, /^walctl: error: not all changes can be undone, so nothing is printed\n/);
    assert.match(
      stderr,
      /UPDATE of public\.t: its old row was not sent \(2, first in xid \d+, commit_lsn /,
    );
    assert.match(stderr, /DELETE of public\.t: its old row was not sent \(1, /);
    assert.match(stderr, /TRUNCATE of public\.t: a TRUNCATE has no inverse \(1, /);
    assert.match(stderr, /HINT: .*--old full.*REPLICA IDENTITY FULL.*--only insert,update,delete/);
    assert.doesNotMatch(stderr, /secret/);
  });

  it("is left out by a filter", async () => {
    const args = [...TAIL, "-E", "now", "--only-table", "keys"];
    const { status, stdout, stderr } = await walctl(args, { server });
    assert.equal(status, 0, stderr);
    const statements = stdout.split("\n").filter((line) => /^[A-Z]+ (INTO|FROM|public)/.test(line));
    assert.deepEqual(statements, [
      "INSERT INTO public.keys (a) OVERRIDING SYSTEM VALUE VALUES (2);",
      "UPDATE public.keys SET a = 1 WHERE a = 3;",
      "DELETE FROM public.keys WHERE a IN (1, 2);",
    ]);
  });

  it("of a transaction that an end cuts nothing is undone", async () => {
    const args = [...TAIL, "-n", "3", "--only-table", "keys"];
    const { status, stdout, stderr } = await walctl(args, { server });
    assert.equal(`${status} ${stdout}`, "1 ");
    assert.match(stderr, /transaction: it does not end in the input \(1, first in xid \d+/);
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
        assert.match(
          await undo(table),
          new RegExp(`^walctl: error: .*\n.* of public.${table}: not all of its columns, rows or `),
        );
      }
      assert.equal(runSql(server, await undo("*whole")).stderr, "");
      assert.deepEqual((await contentsOf(server))["s.whole"], []);
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
        assert.equal(runSql(server, stdout, { database: "copy" }).stderr, "");
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

describe("usage of -F sql", () => {
  const CASES: ReadonlyArray<readonly [args: string, message: RegExp]> = [
    ["tail --undo -E now -S s", /--undo is for SQL\nHINT: Add -F sql/],
    ["tail --checked -F ndjson", /--checked is for SQL/],
    ["decode-file x --checked", /--checked is for SQL/],
    ["tail -F sql --undo", /--undo needs an end to begin at\nHINT: .*-E now/],
    ["tail -F sql --undo -E now", /has nothing to undo without a slot/],
    ["tail -F sql --undo -E now --ack -S s", /--undo prints no changes that could be acknowledged/],
    ["tail -F sql --binary", /--binary is not for -F sql/],
    [
      "tail -F sql --streaming on",
      /--streaming sends what may still be rolled back, and sql has no form/,
    ],
    ["tail -F sql --two-phase", /--two-phase sends what may still be rolled back/],
    ["tail -F sql --values text", /--values text is for --format ndjson/],
    ["tail -F sql --safe-numbers", /--safe-numbers is for --format ndjson/],
    ["tail -F sql --summary", /--summary prints no changes/],
    ["tail -F sql -x", /--expanded is for tables/],
    ["decode-file x -F sql --columns id", /--columns is for tables/],
    ["decode-file x -F sql --aborted", /--aborted is for physical WAL/],
  ];
  for (const [args, message] of CASES) {
    it(`walctl ${args}`, async () => {
      const { status, stdout, stderr } = await walctl(args.split(" "));
      assert.equal(`${status} ${stdout}`, "2 ");
      assert.match(stderr, message);
    });
  }
});
