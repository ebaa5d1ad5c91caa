/** decode-file --catalog on the WAL of a real server: the lines of tail, every option, every refusal. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { assertSameLines, comparable } from "../../matrix/support/rows-oracle.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { LineSchema } from "../../support/program/line-schema.ts";
import { startServer } from "../../support/server/server.ts";
import { type Line, STEPS, assertDone, linesOf } from "./wal-steps.ts";

const SEGMENT = /^[0-9A-F]{24}$/;

describe("rows out of WAL", () => {
  let root: string;
  let wal: string;
  let catalog: string;
  let start: string;
  /** The segment that begins within a transaction. */
  let switched: string;
  let expected: string;
  let all: readonly Line[];

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-wal-"));
    [wal, catalog] = [join(root, "wal"), join(root, "shop.catalog")];
    const server = await startServer({
      version: 18,
      settings: { wal_keep_size: "1GB", max_prepared_transactions: "5" },
      initdbArguments: ["--wal-segsize=1"],
    });
    try {
      await server.sql(`CREATE TYPE mood AS ENUM ('glad', 'sad'); CREATE TABLE bare (a int);
        CREATE TABLE t (id int PRIMARY KEY, a text, big text); CREATE PUBLICATION everything FOR ALL TABLES`);
      await server.sql("SELECT pg_create_logical_replication_slot('rows', 'pgoutput')");
      const [slot] = await server.sql<{ lsn: string }>(
        "SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots",
      );
      start = slot?.lsn ?? "";
      for (const step of STEPS) await server.sql(step);
      const [current] = await server.sql<{ name: string }>(
        "SELECT pg_walfile_name(pg_current_wal_lsn()) AS name",
      );
      switched = current?.name ?? "";
      await server.sql("CHECKPOINT");
      await server.sql("INSERT INTO bare VALUES (9)");
      const tail = ["tail", "-S", "rows", "-P", "everything", "-E", "now", "--no-loop", "-q"];
      const { stdout, stderr, status } = await walctl([...tail, "--messages"], { server });
      assert.equal(status, 0, stderr);
      expected = stdout;
      // What no publication could say.
      await server.sql("DROP PUBLICATION everything; DELETE FROM bare WHERE a = 1");
      assertDone(await walctl(["catalog", "-q", "-o", catalog], { server }));
      await server.stop();
      cpSync(join(server.host, "data", "pg_wal"), wal, { recursive: true });
    } finally {
      await server.dispose();
    }
    all = linesOf(await decode("--messages", "-I", start));
  });
  after(() => rmSync(root, { recursive: true, force: true }));

  const decode = async (...args: readonly string[]): Promise<RunResult> =>
    await walctl(["decode-file", "-q", "--catalog", catalog, ...args, wal]);
  const transaction = (text: string): number =>
    all.find((line) => JSON.stringify(line).includes(text))?.xid ?? 0;

  it("prints what tail prints, byte for byte, but for one delete that it counts", async () => {
    const { stdout, stderr, status } = await decode("--messages", "-I", start);
    assert.equal(status, 0);
    assert.match(
      stderr,
      /^walctl: warning: 1 delete of 1 table without a replica identity not printed \(public\.bare: 1; first at [0-9A-F/]+\)\nHINT: .*--old full/,
    );
    new LineSchema().assertAll(stdout, "decode-file");
    assertSameLines(comparable(stdout, 18), comparable(expected, 18), "decode-file");
  });

  it("shows whole old rows with --old full, of tables without an identity too", async () => {
    const result = await decode("--old", "full", "-I", start);
    assertDone(result);
    const lines = linesOf(result);
    const deleted = lines.find(({ kind, table }) => kind === "delete" && table === "bare");
    assert.deepEqual(deleted?.["old"], { a: 1 });
    const updates = lines.filter(({ kind }) => kind === "update");
    assert.ok(updates.length >= 4 && updates.every((line) => "old" in line && !("key" in line)));
    const [first] = updates;
    assert.match(JSON.stringify(first?.["old"]), /"big":"[0-9a-f]{6400}"/);
    assert.ok(updates.every((line) => !("unchanged" in line)));
  });

  it("prints with --aborted what was rolled back, at its place", async () => {
    const result = await decode("--aborted", "-I", start, "--only", "begin,insert,abort,commit");
    new LineSchema().assertAll(result.stdout, "--aborted");
    const lines = linesOf(result);
    const lost = lines.findIndex((line) => JSON.stringify(line).includes('"lost"'));
    const [begin, insert, abort] = lines.slice(lost - 1, lost + 2);
    assert.deepEqual(
      [begin?.kind, begin?.["aborted"], begin?.commit_lsn, begin?.commit_time],
      ["begin", true, null, null],
    );
    assert.deepEqual([insert?.commit_time, abort?.kind, abort?.xid], [null, "abort", begin?.xid]);
    const kept = lines.findIndex((line) => JSON.stringify(line).includes('"kept"'));
    assert.ok(kept > lost, "the savepoint ended before its transaction");
    assert.ok(lines.some((line) => JSON.stringify(line).includes('"never"')));
    const plain = linesOf(await decode("-I", start));
    assert.ok(!plain.some((line) => /"(lost|never)"/.test(JSON.stringify(line))));
  });

  it("prints with --tables-changed what became of tables", async () => {
    const { stdout } = await decode("--tables-changed", "-I", start, "--only", "table_changed");
    new LineSchema().assertAll(stdout, "--tables-changed");
    const said = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Line);
    const actions = said.map(({ action, table }) => `${String(action)} ${String(table)}`);
    assert.deepEqual(actions, [
      "rewritten t",
      "created other",
      "rewritten other",
      "rewritten t",
      "truncated t",
      "truncated other",
      "dropped other",
    ]);
    const { stdout: table } = await decode(
      "--tables-changed",
      "-I",
      start,
      "-F",
      "table",
      "--only-table",
      "other",
    );
    assert.match(
      table,
      /± other +CREATED  file [^]*× other +TRUNCATED  file [^]*± other +DROPPED  file /,
    );
    const { stdout: plain } = await decode("-I", start, "-F", "table", "--only-table", "other");
    assert.match(plain, /\+ other 1 +mood=glad\n[^]*~ other 1 +is now {2}mood=sad\n/);
    const summary = await decode("--tables-changed", "-I", start, "--summary", "-F", "ndjson");
    const relations = linesOf(summary).filter(({ kind }) => kind === "relation_summary");
    const counted = relations.map(({ truncates }) => `"truncates":${String(truncates)}`);
    assert.deepEqual(counted.toSorted(), ['"truncates":0', '"truncates":1', '"truncates":1']);
    assert.equal(summary.stdout.slice(-stdout.length), stdout);
    const inserts = await decode("--tables-changed", "--summary", "--only", "insert");
    assert.doesNotMatch(inserts.stdout, /table_changed/);
  });

  it("says why nothing of a transaction is printed", async () => {
    const why = async (xid: number, ...args: readonly string[]): Promise<string> => {
      const { stderr, stdout } = await decode("--xid", String(xid), ...args);
      assert.equal(stdout, "");
      assert.match(
        stderr,
        new RegExp(`^walctl: warning: nothing of transaction ${xid} is printed`),
      );
      return stderr;
    };
    const top = transaction('"kept"');
    const inspect = await walctl(["inspect", "-q", "--xid", String(top), "--type", "COMMIT", wal]);
    const [sub = 0] = JSON.parse(inspect.stdout).detail.subxids;
    assert.match(await why(sub), new RegExp(`SAVEPOINT\\) of transaction ${top}: --xid ${top}\n$`));
    const aborted = linesOf(await decode("--aborted", "--only", "insert"));
    const never = aborted.find(({ new: row }) => (row as { a?: string }).a === "never")?.xid ?? 0;
    assert.match(await why(never), /It was rolled back at .*\nHINT: --aborted/);
    assert.match(await why(top, "--until", "2020-01-01"), /It committed at .*\nHINT: .*--until/);
    assert.match(await why(4_000_000_000), /Neither its commit nor its rollback/);
  });

  it("chooses transactions by LSN, time and xid, and leaves out those of other servers", async () => {
    const commits = all.filter(({ kind }) => kind === "commit");
    const [third, fourth] = [commits[2], commits[3]];
    const some = await decode("-I", third?.commit_lsn ?? "", "-E", fourth?.commit_lsn ?? "");
    assert.deepEqual(
      linesOf(some)
        .filter(({ kind }) => kind === "commit")
        .map(({ xid }) => xid),
      [third?.xid, fourth?.xid],
    );
    const byTime = await decode(
      "--since",
      String(third?.commit_time),
      "--until",
      String(third?.commit_time),
    );
    assert.deepEqual(new Set(linesOf(byTime).map(({ xid }) => xid)), new Set([third?.xid]));
    const never = await decode("--since", "2000-01-01", "--until", "2000-01-02");
    assert.match(
      never.stderr,
      /^walctl: warning: no transaction committed in the time .*\n.*Z to /,
    );
    const xid = transaction('"prepared"');
    assert.deepEqual(
      new Set(linesOf(await decode("--xid", String(xid))).map((line) => line.xid)),
      new Set([xid]),
    );
    const here = linesOf(await decode("--origin", "none", "-I", start));
    assert.ok(all.some(({ kind, name }) => kind === "origin" && name === "elsewhere"));
    assert.ok(!here.some((line) => JSON.stringify(line).includes('"id":60')));
  });

  it("marks what may have begun before the input, until the log says what ran", async () => {
    const folder = join(root, "cut");
    mkdirSync(folder);
    for (const name of readdirSync(wal)) {
      if (SEGMENT.test(name) && name >= switched) copyFileSync(join(wal, name), join(folder, name));
    }
    const args = ["decode-file", "-q", "--catalog", catalog, "--only", "begin,insert,commit"];
    const lines = linesOf(await walctl([...args, folder]));
    const [begin, insert, commit, next] = lines;
    assert.deepEqual([begin?.kind, begin?.["partial"]], ["begin", true]);
    assert.deepEqual(insert?.["new"], { id: 71, big: null, extra: 1 });
    assert.deepEqual([commit?.kind, next?.kind, next?.["partial"]], ["commit", "begin", undefined]);
    const table = await walctl([...args, "-F", "table", folder]);
    assert.match(table.stdout, /may have begun before this WAL/);
    const summary = ["decode-file", "-q", "--catalog", catalog, "--summary", folder];
    const totals = linesOf(await walctl([...summary, "-F", "ndjson"]));
    const partial = totals.filter((line) => line["partial"] === true).map(({ xid }) => xid);
    assert.deepEqual(partial, [begin?.xid]);
    const shown = await walctl([...summary, "-F", "table"]);
    assert.ok(shown.stdout.includes(`xid ${begin?.xid} (partial)`), shown.stdout);
  });

  it("gives every format, and standard input, the same changes", async () => {
    const wal2json = await decode("-I", start, "-F", "wal2json");
    assert.equal(
      wal2json.stdout.match(/"action":"I"/g)?.length,
      all.filter(({ kind }) => kind === "insert").length,
    );
    const debezium = await decode("-I", start, "-F", "debezium");
    assert.match(debezium.stdout, /"db":"postgres"/);
    const names = readdirSync(wal)
      .filter((name) => SEGMENT.test(name))
      .toSorted();
    const bytes = Buffer.concat(names.map((name) => readFileSync(join(wal, name))));
    const piped = await walctl(
      ["decode-file", "-q", "--catalog", catalog, "--messages", "-I", start, "-"],
      { stdin: bytes },
    );
    assert.equal(piped.stdout, (await decode("--messages", "-I", start)).stdout);
  });

  it("names tables in inspect by the catalogue", async () => {
    const args = ["inspect", "-q", "--catalog", catalog, "--only-table", "public.t"];
    const { stdout, status } = await walctl([...args, wal]);
    assert.equal(status, 0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { blocks: Array<Record<string, unknown>> });
    const relations = new Set(
      lines.flatMap(({ blocks }) =>
        blocks.map(({ table, relation }) => `${String(table)} ${String(relation)}`),
      ),
    );
    assert.ok(relations.has("t undefined") && relations.has("t t_pkey"), [...relations].join());
    assert.ok([...relations].some((each) => /^t pg_toast_\d+$/.test(each)));
    assert.match(
      (await walctl(["inspect", "--only-table", "t", wal])).stderr,
      /--only-table needs --catalog/,
    );
  });

  it("refuses, with what to do", async () => {
    const refusal = async (...args: readonly string[]): Promise<string> => {
      const { status, stderr, stdout } = await walctl(["decode-file", ...args]);
      assert.equal(`${status} ${stdout}`, "2 ", stderr);
      return stderr;
    };
    const name = readdirSync(wal).find((each) => SEGMENT.test(each)) ?? "";
    const segment = join(wal, name);
    const missing =
      /is physical WAL: row changes need the catalogue of its database\nHINT: Make it with: walctl catalog -d NAME > shop\.catalog\. Then: walctl decode-file --catalog shop\.catalog .*The records alone: walctl inspect/;
    assert.match(await refusal(segment), missing);
    assert.match(await refusal(wal), missing);
    assert.match(await refusal("--input", "wal", segment), missing);
    assert.match(
      await refusal("--old", "full", segment),
      /--old is for physical WAL, which needs --catalog/,
    );
    assert.match(
      await refusal("--catalog", catalog, "--input", "raw", wal),
      /--catalog is for physical WAL/,
    );
    assert.match(
      await refusal("--catalog", catalog, "--aborted", "-F", "wal2json", wal),
      /--aborted prints what was rolled back/,
    );
    assert.match(await refusal("--catalog", segment, wal), /./);
    const changed = (text: string, from: RegExp, to: string): string => {
      const file = join(root, "other.catalog");
      writeFileSync(file, text.replace(from, to));
      return file;
    };
    const text = readFileSync(catalog, "utf8");
    const system = changed(text, /"system_identifier":"\d+"/, '"system_identifier":"17"');
    assert.match(
      await refusal("--catalog", system, wal),
      /is the catalogue of system 17, and the WAL is of system \d+/,
    );
    const version = changed(text, /"server_version_num":\d+/, '"server_version_num":170004');
    assert.match(
      await refusal("--catalog", version, wal),
      /is the catalogue of PostgreSQL 17, and the WAL is of 18/,
    );
    const older = changed(text, /"lsn":"[^"]*"/, '"lsn":"0/28"');
    assert.match(
      await refusal("--catalog", older, wal),
      /was exported at 0\/28, before the WAL begins at .*\nHINT: .*000000010000000000000000/,
    );
  });
});
