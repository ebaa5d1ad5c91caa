/** An undo out of WAL that would not take all back: it is refused for its reason, and what its hint names works. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { parseLsn } from "../../../src/lsn.ts";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const ALTERED = "it or its columns were renamed, dropped or given another type since";

describe("an undo that is refused", () => {
  let root: string;
  let server: TestServer;
  let catalog: string;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-refused-"));
    catalog = join(root, "postgres.catalog");
    server = await startServer({
      version: 18,
      settings: {
        wal_level: "replica",
        wal_keep_size: "1GB",
        autovacuum: "off",
        full_page_writes: "on",
      },
      initdbArguments: ["--wal-segsize=1"],
    });
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true, force: true });
  });

  /** Returns the transaction's xid. */
  async function run(...statements: readonly string[]): Promise<number> {
    const [row] = await server.sql<{ xid: string }>(
      `BEGIN; ${statements.join("; ")}; SELECT pg_current_xact_id()::text AS xid`,
    );
    await server.sql("COMMIT");
    return Number(row?.xid);
  }

  async function exportTo(path: string, database = "postgres"): Promise<void> {
    const args = ["catalog", "-q", "-d", database, "-o", path];
    const { status, stderr } = await walctl(args, { server });
    assert.equal(status, 0, stderr);
  }

  const undo = async (xid: number, ...args: readonly string[]): Promise<RunResult> =>
    await walctl([
      "decode-file",
      "-q",
      "--catalog",
      catalog,
      "--old",
      "full",
      "--xid",
      String(xid),
      "-F",
      "sql",
      "--undo",
      ...args,
      ...server.segments(),
    ]);

  it("names a column that has another type since, by which its row would not be found", async () => {
    await server.sql(
      "CREATE TABLE retyped (id int PRIMARY KEY, total numeric(10,2)); CREATE TABLE emptied (id int, at timestamp)",
    );
    await server.sql(
      "CREATE TABLE widened (id int PRIMARY KEY, v varchar(5), n numeric(6,2), at timestamp(0), w varchar)",
    );
    await server.sql(
      "INSERT INTO retyped VALUES (1, 1.50), (2, 2.50); INSERT INTO emptied VALUES (1, now())",
    );
    await server.sql("INSERT INTO widened SELECT i, i, i, now(), i FROM generate_series(1, 9) i");
    await exportTo(catalog);
    await server.sql("CHECKPOINT");
    const { "public.widened": widened } = await contentsOf(server);
    const xid = await run(
      "UPDATE retyped SET total = total + 1",
      "DELETE FROM emptied",
      "UPDATE widened SET v = v || '!', at = at + '1 day', n = n + 0.25 WHERE id < 5",
      "DELETE FROM widened WHERE id > 7",
    );
    await server.sql("ALTER TABLE retyped ALTER total TYPE numeric(10,4)");
    await server.sql("ALTER TABLE emptied ALTER at TYPE timestamptz");
    await server.sql(
      "ALTER TABLE widened ALTER v TYPE text, ALTER n TYPE numeric(8,2), ALTER at TYPE timestamp(3), ALTER w TYPE text",
    );
    await server.endSegment();
    const early = await undo(xid);
    await exportTo(catalog);
    await server.endSegment();
    for (const refused of [early, await undo(xid)]) {
      assert.equal(`${refused.status} ${refused.stdout}`, "3 ");
      const [, detail = ""] = refused.stderr.split("\n");
      assert.ok(detail.includes(`change of public.retyped: ${ALTERED} (2, first in xid ${xid},`));
      assert.ok(detail.includes("it is now public.retyped (id integer, total numeric(10,4))"));
      assert.ok(detail.includes(`change of public.emptied: ${ALTERED} (1, first in xid ${xid},`));
      assert.ok(!detail.includes("widened"), detail);
    }
    const { status, stdout, stderr } = await undo(xid, "--checked", "--only-table", "widened");
    assert.equal(`${status} ${stderr}`, "0 ");
    assert.equal(runSql(server, stdout).stderr, "");
    const { "public.widened": again } = await contentsOf(server);
    assert.deepEqual(again?.toSorted(), widened?.toSorted());
  });

  it("names the transaction that had the column, not the next one of the table", async () => {
    await server.sql("CREATE TABLE lacking (id int PRIMARY KEY, a int, b int)");
    await server.sql("INSERT INTO lacking SELECT i, i, i FROM generate_series(1, 5) i");
    await server.sql("CHECKPOINT");
    await exportTo(catalog);
    const xid = await run("DELETE FROM lacking WHERE id < 4");
    await server.sql("ALTER TABLE lacking DROP a");
    const later = await run("DELETE FROM lacking WHERE id = 4");
    await server.endSegment();
    const both = await undo(xid, "--xid", String(later));
    assert.match(
      both.stderr,
      new RegExp(
        `\nDETAIL: change of public.lacking: ${ALTERED} \\(3, first in xid ${xid}, .*; it is now public.lacking \\(id integer, b integer\\)\\)\\.\nHINT: .*-F ndjson`,
      ),
    );
    assert.equal((await undo(later)).status, 0);
  });

  it("says that WAL behind its end is damaged or missing, where tables may have been altered", async () => {
    await server.sql("CREATE TABLE before_gap (id int PRIMARY KEY, a int)");
    await server.sql("INSERT INTO before_gap VALUES (1, 10), (2, 20)");
    await exportTo(catalog);
    await server.sql("CHECKPOINT");
    await run("DELETE FROM before_gap WHERE id = 1");
    const [end] = await server.sql<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    await server.endSegment();
    await server.sql("ALTER TABLE before_gap ALTER a TYPE int USING a * 100");
    const altered = await server.endSegment();
    await server.endSegment();
    const all = server.segments();
    const damaged = join(root, altered);
    const bytes = readFileSync(join(server.host, "data", "pg_wal", altered));
    writeFileSync(damaged, bytes.fill(0xff, 16_384, 24_576));
    const whole = all.filter((path) => basename(path) !== altered);
    const args = ["decode-file", "-q", "--catalog", catalog, "--old", "full", "-F", "sql"];
    const limits = ["--undo", "--only-table", "before_gap", "-E", end?.lsn ?? ""];
    for (const [paths, what] of [
      [whole, `segment ${altered} is missing`],
      [[...whole, damaged], `${altered}: byte 16384`],
    ] as const) {
      for (const more of [[], ["--keep-going"]]) {
        const { status, stdout, stderr } = await walctl([...args, ...limits, ...more, ...paths]);
        assert.equal(`${status} ${stdout}`, "3 ", stderr);
        assert.ok(stderr.includes(what), stderr);
        assert.match(stderr, /\nDETAIL: What is missing lies behind the changes: tables may /);
        assert.ok(!stderr.includes("--keep-going"), stderr);
      }
    }
    // The hint's way.
    const front = whole.filter((path) => basename(path) < altered);
    const { status, stdout } = await walctl([...args, ...limits, ...front]);
    assert.equal(status, 0);
    assert.match(stdout, /INSERT INTO public\.before_gap .* VALUES \(1, 10\);/);
  });

  it("names a table that was UNLOGGED for a while, in which nothing of it is in the WAL", async () => {
    await server.sql(
      "CREATE TABLE paused (id int PRIMARY KEY); CREATE TABLE steady (id int PRIMARY KEY)",
    );
    await server.sql(
      "CREATE UNLOGGED TABLE begun (id int PRIMARY KEY); INSERT INTO begun VALUES (1)",
    );
    await exportTo(catalog);
    await server.sql("CHECKPOINT");
    await server.sql("CREATE UNLOGGED TABLE never (id int); INSERT INTO never VALUES (1)");
    const first = String(
      await run("INSERT INTO paused VALUES (1)", "INSERT INTO steady VALUES (1)"),
    );
    const [end] = await server.sql<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    await server.sql("ALTER TABLE paused SET UNLOGGED");
    await server.sql("INSERT INTO paused VALUES (2); INSERT INTO steady VALUES (2)");
    // The first of its rows is not in the WAL, the second is.
    await server.sql(
      "BEGIN; INSERT INTO paused VALUES (4); ALTER TABLE paused SET LOGGED; ALTER TABLE begun SET LOGGED; INSERT INTO paused VALUES (5); COMMIT",
    );
    const [again] = await server.sql<{ time: string }>("SELECT clock_timestamp()::text AS time");
    await run("INSERT INTO paused VALUES (3)");
    await server.sql("ALTER TABLE steady SET UNLOGGED");
    const last = await server.endSegment();
    const paths = server.segments().filter((path) => basename(path) <= last);
    const late = join(root, "late.catalog");
    await exportTo(late);
    for (const file of [catalog, late]) {
      const args = ["decode-file", "--catalog", file, "--old", "full"];
      const named = async (...more: readonly string[]): Promise<readonly string[]> => {
        const { stderr } = await walctl([...args, ...more, ...paths]);
        const found = stderr.matchAll(/^walctl: warning: (.* was UNLOGGED.*)$/gm);
        return Array.from(found, ([, text = ""]) => text.replaceAll(/\b0\/\w+/g, "LSN")).toSorted();
      };
      const rest = ": its changes there are not in the WAL";
      const all = [
        `public.begun was UNLOGGED until LSN${rest}`,
        `public.paused was UNLOGGED from LSN until LSN${rest}`,
        `public.steady was UNLOGGED from LSN${rest}`,
      ];
      assert.deepEqual(await named(), all);
      assert.deepEqual(await named("--only-table", "steady"), [all[2]]);
      assert.deepEqual(await named("-E", end?.lsn ?? ""), []);
      assert.deepEqual(await named("--xid", first), []);
      const script = ["-F", "sql", "--undo"];
      const refused = await walctl([...args, ...script, "--only-table", "paused", ...paths]);
      assert.equal(`${refused.status} ${refused.stdout}`, "3 ");
      const hint = /HINT: For what is before it: (-E \S+); after it: (-I \S+)/.exec(refused.stderr);
      for (const [option, id] of [
        [hint?.[1], 1],
        [hint?.[2], 3],
        [`--since=${again?.time}`, 3],
      ] as const) {
        const limit = option?.startsWith("--") === true ? [option] : (option ?? "").split(" ");
        const beside = [...script, "--only-table", "paused", ...limit];
        const { status, stdout, stderr } = await walctl([...args, ...beside, ...paths]);
        assert.equal(status, 0, stderr);
        assert.match(stdout, new RegExp(`DELETE FROM public\\.paused WHERE .*id = ${id}\\b`));
        assert.equal(stdout.match(/^DELETE /gm)?.length, 1);
      }
      const one = await walctl([...args, ...script, "--xid", first, ...paths]);
      assert.equal(one.status, 0, one.stderr);
    }
  });

  it("leads to SQL that puts back the rows that the WAL has of a transaction's second half", async () => {
    await server.sql("CREATE DATABASE shop");
    const shop = (sql: string): void =>
      assert.equal(runSql(server, sql, { database: "shop" }).stderr, "");
    shop("CREATE TABLE orders (id int PRIMARY KEY, total numeric, status text)");
    shop(
      `INSERT INTO orders SELECT i, (i || '.10')::numeric, 'say "a\\' || i FROM generate_series(1, 20) i`,
    );
    const rows = async (): Promise<readonly string[]> =>
      (await contentsOf(server, "shop"))["public.orders"]?.toSorted() ?? [];
    const whole = await rows();
    const { host, port } = server;
    const of = { host, port, user: "postgres", database: "shop", ssl: false, options: " " };
    const other = new pg.Client(of);
    await other.connect();
    await other.query("BEGIN");
    await other.query("DELETE FROM orders WHERE id <= 10");
    const { rows: xids } = await other.query<{ xid: string }>(
      "SELECT pg_current_xact_id()::text AS xid",
    );
    const xid = xids[0]?.xid ?? "";
    const last = await server.endSegment();
    await server.sql("CHECKPOINT");
    await other.query("UPDATE orders SET status = 'void' WHERE id > 12");
    await other.query("DELETE FROM orders WHERE id > 15");
    await other.query("COMMIT");
    await other.end();
    await exportTo(join(root, "shop.catalog"), "shop");
    await server.endSegment();
    const archive = join(root, "archive");
    mkdirSync(archive);
    for (const path of server.segments(last)) copyFileSync(path, join(archive, basename(path)));
    const args = ["decode-file", "-q", "--catalog", join(root, "shop.catalog"), "--old", "full"];
    const refused = await walctl([...args, "--xid", xid, "-F", "sql", "--undo", archive]);
    assert.equal(refused.stdout, "");
    assert.match(refused.stderr, /transaction: it may have begun before the input \(1, first in /);
    assert.match(
      refused.stderr,
      /\nHINT: Add earlier segments\. The rows that are known: -F ndjson .*"Rows that are known in part" in docs\/wal\.md puts them back\. To leave them out: --xid, --since or --until; /,
    );
    const manual = readFileSync(join(ROOT, "docs/wal.md"), "utf8");
    const [, block = ""] = /\n#### Rows that are known in part\n[^]*?```sh\n([^]*?)```/.exec(
      manual,
    )!;
    const own = `walctl() { "${process.execPath}" "${join(ROOT, "bin/walctl.js")}" "$@"; }\n`;
    const path = `${dirname(toolPath("psql"))}:${process.env["PATH"]}`;
    execFileSync("bash", ["-ec", own + block.replace("759", xid)], {
      cwd: root,
      env: { ...process.env, ...server.env, PATH: path },
    });
    const expected = whole.filter((row) => !/"id":(\d|10),/.test(row));
    assert.deepEqual(await rows(), expected);
  });

  it("has the number of its lost changes in the commit of a transaction that lacks all of them", async () => {
    await server.sql("CREATE TABLE touched AS SELECT 1 AS a");
    const last = await server.endSegment();
    const [position] = await server.sql<{ lsn: string }>(
      "SELECT pg_current_wal_insert_lsn()::text AS lsn",
    );
    const xid = await run("DELETE FROM touched");
    await server.endSegment();
    await exportTo(catalog);
    await server.endSegment();
    const args = ["decode-file", "-q", "--catalog", catalog, "--xid", String(xid)];
    const of = async (...more: readonly string[]): Promise<RunResult> =>
      await walctl([...args, ...more, ...server.segments(last)]);
    for (const more of [[], ["--no-empty"]]) {
      const { status, stdout, stderr } = await of(...more);
      assert.equal(status, 3);
      const lines = stdout.trimEnd().split("\n");
      const [begin, commit] = lines.map((line) => JSON.parse(line));
      assert.equal(`${lines.length} ${begin.kind} ${begin.xid}`, `2 begin ${xid}`);
      assert.ok(parseLsn(begin.lsn)! >= parseLsn(position?.lsn ?? "")!, begin.lsn);
      assert.ok(parseLsn(begin.lsn)! < parseLsn(commit.commit_lsn)!, begin.lsn);
      assert.equal(`${commit.kind} ${commit.lost}`, "commit 1");
      assert.match(stderr, /^walctl: warning: 1 change of 1 table could not be rebuilt/);
    }
    const undone = await of("-F", "sql", "--undo");
    assert.equal(`${undone.status} ${undone.stdout}`, "3 ");
    const fault = `transaction: some of its changes could not be rebuilt (1, first in xid ${xid},`;
    assert.ok(undone.stderr.includes(fault), undone.stderr);
    const { stdout: script } = await of("-F", "sql");
    assert.match(script, /^-- transaction: some of its changes could not be rebuilt$/m);
    const unlogged = await of("--old", "logged");
    assert.equal(`${unlogged.status} ${unlogged.stdout}`, "0 ");
    assert.match(
      unlogged.stderr,
      /nothing of transaction \d+ is printed .*\nDETAIL: .*\nHINT: Changes that could not be printed are counted below\.\nwalctl: warning: 1 delete of 1 table without a replica identity/,
    );
  });

  it("removes no more rows than were inserted, of a table without a key or whose key was dropped since", async () => {
    await server.sql(
      "CREATE TABLE unkeyed (id int PRIMARY KEY, v text); CREATE TABLE bare (id int, v text); CREATE TABLE other_key (a int NOT NULL, b int, PRIMARY KEY (a, b))",
    );
    await server.sql("CHECKPOINT");
    const xid = await run(
      "INSERT INTO unkeyed VALUES (1, 'same')",
      "INSERT INTO bare VALUES (1, 'same')",
      "INSERT INTO other_key VALUES (1, 1)",
    );
    await server.sql(
      "ALTER TABLE other_key DROP CONSTRAINT other_key_pkey, ADD UNIQUE (a); INSERT INTO bare VALUES (1, 'same')",
    );
    const { "public.bare": rows } = await contentsOf(server);
    assert.equal(rows?.length, 2);
    await exportTo(catalog);
    await server.endSegment();
    const whole = await undo(xid);
    assert.equal(`${whole.status} ${whole.stderr}`, "0 ");
    assert.equal(runSql(server, whole.stdout.replace(/COMMIT;\n$/, "ROLLBACK;\n")).stderr, "");
    await server.sql(
      "ALTER TABLE unkeyed DROP CONSTRAINT unkeyed_pkey; INSERT INTO unkeyed VALUES (1, 'same')",
    );
    await server.endSegment();
    for (const checked of [[], ["--checked"]]) {
      const { stdout, stderr } = await undo(xid, ...checked);
      assert.equal(stderr, "");
      assert.match(
        runSql(server, stdout).stderr,
        /ERROR: +public\.unkeyed has no unique index of \(id\)\n/,
      );
    }
    const others = await undo(xid, "--only-table", "bare", "--only-table", "other_key");
    assert.equal(runSql(server, others.stdout).stderr, "");
    const left = await contentsOf(server);
    assert.equal(left["public.unkeyed"]?.length, 2);
    assert.deepEqual(left["public.bare"], rows?.slice(1));
    assert.deepEqual(left["public.other_key"] ?? [], []);
  });

  it("is not refused for values out of line that an update left as they were, though they are before the WAL", async () => {
    await server.sql(
      "CREATE TABLE docs (id int PRIMARY KEY, status text, body text, other text); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL",
    );
    await server.sql(
      "INSERT INTO docs SELECT i, 'open', repeat(md5(i::text), 200), repeat('o', 5000) FROM generate_series(1, 5) i",
    );
    const stored = await server.endSegment();
    await server.sql("CHECKPOINT");
    await exportTo(catalog);
    const there = await contentsOf(server);
    const kept = await run(
      "UPDATE docs SET status = 'closed'",
      "UPDATE docs SET id = 50 WHERE id = 5",
    );
    await server.endSegment();
    const undoOf = async (xid: number, ...more: readonly string[]): Promise<RunResult> => {
      const args = ["decode-file", "-q", "--catalog", catalog, "--old", "full", "--xid", `${xid}`];
      return await walctl([...args, "-F", "sql", "--undo", ...more, ...server.segments(stored)]);
    };
    for (const more of [["--checked", "--dry-run"], ["--checked"]]) {
      const { status, stderr, stdout } = await undoOf(kept, ...more);
      assert.equal(`${status} ${stderr}`, "0 ");
      assert.equal(runSql(server, stdout).stderr, "");
    }
    const back = await contentsOf(server);
    assert.deepEqual(back["public.docs"], there["public.docs"]);
  });

  it("asks for the unique index of the right table, with the column's collation", async () => {
    await server.sql(
      `CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
       CREATE TABLE "a\tb" (id int PRIMARY KEY, v text);
       CREATE TABLE seen (id int, k text COLLATE blind NOT NULL, v text);
       CREATE UNIQUE INDEX seen_k ON seen (k COLLATE "C");
       ALTER TABLE seen REPLICA IDENTITY USING INDEX seen_k;
       INSERT INTO "a\tb" VALUES (1, 'x'); INSERT INTO seen VALUES (1, 'a', 'x'), (2, 'A', 'y')`,
    );
    await server.sql("CHECKPOINT");
    await exportTo(catalog);
    const there = await contentsOf(server);
    const named = await run(`UPDATE "a\tb" SET v = 'y'`);
    const blind = await run(
      "UPDATE seen SET v = 'new' WHERE id = 1",
      "UPDATE seen SET v = 'new' WHERE id = 2",
    );
    await server.endSegment();
    const { stdout } = await undo(named);
    assert.equal(runSql(server, stdout).stderr, "");
    const { ["public.a\tb"]: rows, ...others } = await contentsOf(server);
    assert.deepEqual(rows, there["public.a\tb"], Object.keys(others).join(" "));
    const refused = runSql(server, (await undo(blind)).stdout);
    assert.match(refused.stderr, /ERROR: +public\.seen has no unique index of \(k\)\n/);
  });

  it("says of no transaction that it is not there when a signal came before its end", async () => {
    await server.sql("CREATE TABLE large (id int, v text)");
    await exportTo(catalog);
    const xid = await run(
      "INSERT INTO large SELECT i, repeat('x', 500) FROM generate_series(1, 40000) i",
    );
    const last = await run("INSERT INTO large VALUES (0, '')");
    await server.endSegment();
    const args = ["decode-file", "-q", "--catalog", catalog, "--old", "full"];
    const xids = ["--xid", String(xid), "--xid", String(last)];
    const running = spawnWalctl([...args, ...xids, ...server.segments()]);
    await running.waitFor((line) => line.includes('"id":9,'));
    const cut = await running.stop("SIGTERM");
    const interrupted = "walctl: error: interrupted: not all of the input was read\n";
    assert.equal(`${cut.status} ${cut.stderr}`, `1 ${interrupted}`);
  });
});
