/** --checked and --undo where tables have moved on or others planted operators; what cannot be undone, and usage. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
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

describe("a transaction that is not whole, in a stream", () => {
  it("is not acknowledged, nor what comes behind it", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)");
      await server.sql("ALTER TABLE t REPLICA IDENTITY FULL; INSERT INTO t (v) VALUES ('a')");
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql("INSERT INTO t (v) VALUES ('whole')");
      await server.sql(
        "BEGIN; INSERT INTO t (v) VALUES ('lost'); UPDATE t SET id = DEFAULT WHERE v = 'a'; COMMIT",
      );
      await server.sql("INSERT INTO t (v) VALUES ('behind')");
      const tail = ["tail", "-q", "-S", "changes", "-P", "everything", "-F", "sql", "-E", "now"];
      const run = async (...more: readonly string[]): Promise<string> => {
        const { status, stdout, stderr } = await walctl([...tail, ...more], { server });
        assert.equal(status, 1);
        assert.match(
          stderr,
          /UPDATE of public\.t: a GENERATED ALWAYS identity column was set \(1, /,
        );
        const { stderr: error } = runSql(server, stdout, { database: "copy" });
        assert.match(
          error,
          /^ERROR: .*"xid \d+, commit_lsn \S+ is not whole: UPDATE of public\.t: /,
        );
        assert.equal(
          runSql(server, "DELETE FROM t WHERE v <> 'a'", { database: "copy" }).stderr,
          "",
        );
        return stdout;
      };
      assert.match(await run(), /'behind'/);
      assert.doesNotMatch(await run("--ack"), /'behind'/);
      // The slot has moved past the first one only.
      const rest = await run();
      assert.doesNotMatch(rest, /'whole'/);
      assert.match(rest, /'lost'[^]*'behind'/);
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

  it("is what a connection lost that had no slot to go on with", async () => {
    const running = spawnWalctl(["tail", "-P", "everything", "-F", "sql", "--undo", "-n", "1"], {
      server,
    });
    try {
      const ended =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE state = 'streaming'";
      while ((await server.sql(ended)).length === 0) assert.equal(running.stderr, "");
      const { status, stderr } = await running.exit();
      assert.equal(`${status} ${running.lines.join("\n")}`, "1 ");
      assert.match(stderr, /^walctl: error: could not stream the changes: terminating connection/);
    } finally {
      await running.dispose();
    }
  });

  it("of a transaction that an end cuts nothing is undone", async () => {
    const args = [...TAIL, "-n", "3", "--only-table", "keys"];
    const { status, stdout, stderr } = await walctl(args, { server });
    assert.equal(`${status} ${stdout}`, "1 ");
    assert.match(stderr, /transaction: it does not end in the input \(1, first in xid \d+/);
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
    ["tail -F sql --undo -E now -S s --allow-gap", /--allow-gap is not for --undo/],
    ["tail -F sql -o x.sql --undo -E now -S s", /--output takes NDJSON only\nHINT: .*> FILE/],
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
    ["decode-file x --catalog c -F sql --old logged", /--old logged is not for -F sql: .*no keys/],
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
