/** Sequences out of WAL in each format, and what the filters leave of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { assertDone, linesOf } from "./wal-steps.ts";

/** It has an apostrophe, a line break, a backslash and a quote. */
const ODD = "It's\n\\\"";
const QUOTED = `"${ODD.replace('"', '""')}"`;

let root: string;
let server: TestServer;
let paths: readonly string[];
/** The commits before and after which the first state outside of transactions stands. */
let times: readonly string[];

describe("sequences out of WAL", () => {
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-sequences-"));
    server = await startServer({
      version: 18,
      settings: { wal_level: "logical", full_page_writes: "on" },
    });
    const from = await server.endSegment();
    await server.sql("CHECKPOINT");
    for (const step of [
      "CREATE SEQUENCE q; CREATE TABLE t (id int PRIMARY KEY)",
      "INSERT INTO t VALUES (1)",
      "SELECT nextval('q')",
      "INSERT INTO t VALUES (2)",
      `CREATE SEQUENCE ${QUOTED} START 9007199254740993`,
    ]) {
      await server.sql(step);
      // Commits of the same microsecond are one time.
      await server.sql("SELECT pg_sleep(0.01)");
    }
    assertDone(await walctl(["catalog", "-q", "-o", join(root, "catalog")], { server }));
    await server.endSegment();
    paths = server.segments(from);
    const commits = linesOf(await decode("--only", "insert"));
    times = commits.map((line) => line.commit_time ?? "");
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });

  const decode = async (...args: readonly string[]): Promise<RunResult> =>
    await walctl(["decode-file", "-q", "--catalog", join(root, "catalog"), ...args, ...paths]);
  const states = async (...args: readonly string[]): Promise<readonly unknown[]> =>
    linesOf(await decode("--sequences", "--only", "sequence", ...args)).map((line) => line["name"]);

  it("are printed where they are asked for", async () => {
    assert.deepEqual(await states(), ["q", "q", ODD]);
    assert.doesNotMatch((await decode()).stdout, /sequence/);
    const lines = linesOf(await decode("--sequences", "--only", "sequence"));
    const { lsn, oid, ...outside } = lines[1]!;
    assert.ok(lsn !== null && Number(oid) >= 16384);
    assert.deepEqual(outside, {
      kind: "sequence",
      xid: null,
      commit_time: null,
      schema: "public",
      name: "q",
      last_value: 33,
      is_called: true,
      may_be_ahead: true,
    });
  });

  it("obey the filters", async () => {
    assert.deepEqual(await states("--only-table", "q"), ["q", "q"]);
    assert.deepEqual(await states("--where", "last_value > 9007199254740992"), [ODD]);
    assert.deepEqual(await states("--where", 'name == "q" && is_called'), ["q"]);
    // By its place in the log, what is outside of transactions is between the two inserts.
    const [first = "", second = ""] = times;
    assert.deepEqual(await states("--since", second), [ODD]);
    assert.deepEqual(await states("--since", first, "--until", first), ["q"]);
    const row = await decode("--sequences", "--row", "t 2");
    assert.deepEqual(
      linesOf(row).map(({ kind }) => kind),
      ["begin", "relation", "insert", "commit"],
    );
    const { xid } = linesOf(await decode("--sequences", "--only", "sequence"))[0]!;
    assert.deepEqual(await states("--xid", String(xid)), ["q"]);
  });

  it("are strings with --safe-numbers where a double does not hold them", async () => {
    const { stdout } = await decode("--sequences", "--only", "sequence", "--safe-numbers");
    assert.match(stdout, /"last_value":33,/);
    assert.match(stdout, /"last_value":"9007199254740993",/);
  });

  it("are rows of tables, with a sign of their own", async () => {
    const { stdout } = await decode("--sequences", "-F", "table", "--only-table", "q");
    assert.match(stdout, /# q +last_value 1 +not called$/m);
    assert.match(stdout, /# q +last_value 33 +up to 32 increments ahead$/m);
    const counted = await decode("--sequences", "-F", "table", "--collapse", "0");
    assert.match(counted.stdout, /last_value 9007199254740993/);
  });

  it("are comments in SQL that can be pasted, and nothing of an undo", async () => {
    const { stdout } = await decode("--sequences", "-F", "sql");
    const comments = stdout.split("\n").filter((line) => line.includes("setval"));
    assert.deepEqual(comments.length, 3);
    assert.equal(comments[1], "-- SELECT pg_catalog.setval('public.q', 33, true);");
    await server.sql(
      "ALTER SEQUENCE q RESTART 100; SELECT setval(oid::regclass, 99) FROM pg_class WHERE relkind = 'S'",
    );
    for (const comment of comments) await server.sql(comment.slice(3));
    const [now] = await server.sql(
      `SELECT q.last_value::text AS q, o.last_value::text AS odd, o.is_called FROM q, ${QUOTED} o`,
    );
    assert.deepEqual({ ...now }, { q: "33", odd: "9007199254740993", is_called: false });
    const undo = await decode("--sequences", "-F", "sql", "--undo", "--only-table", "t");
    assert.doesNotMatch(undo.stdout, /setval/);
  });

  it("have no form in wal2json and debezium, and no count in a summary", async () => {
    for (const format of [["-F", "wal2json"], ["-F", "debezium"], ["--summary"]]) {
      const [plain, asked] = [await decode(...format), await decode("--sequences", ...format)];
      assertDone(asked);
      const rows = (text: string): number =>
        text.match(/"insert"|"op":"c"|"I"|summary/g)?.length ?? 0;
      assert.ok(rows(plain.stdout) > 0);
      assert.equal(rows(asked.stdout), rows(plain.stdout), format.join(" "));
      assert.doesNotMatch(asked.stdout, /last_value|"q"/);
    }
  });

  it("are read again from the lines", async () => {
    const lines = join(root, "lines.ndjson");
    for (const numbers of [[], ["--safe-numbers"]]) {
      const { stdout } = await decode("--sequences", ...numbers);
      writeFileSync(lines, stdout);
      const again = await walctl(["decode-file", "-q", lines, ...numbers]);
      assert.equal(again.stdout, stdout);
    }
  });

  it("are refused of a capture", async () => {
    const { status, stderr } = await walctl(["decode-file", "--sequences", join(root, "catalog")]);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^walctl: error: --sequences is for physical WAL, which needs --catalog\nHINT: A capture has no sequences, since pgoutput sends none of them\.\n$/,
    );
  });
});
