/** What tail leaves out on a real server: it counts as written, and --until ends as --endpos does. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunResult, spawnWalctl, walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("tail's filters", () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-filters-"));
    server = await startServer({ version: 18, settings: { track_commit_timestamp: "on" } });
    await server.sql(
      "CREATE TABLE t (id bigint PRIMARY KEY, n int); CREATE TABLE u (id int PRIMARY KEY)",
    );
    await server.sql("CREATE PUBLICATION p FOR TABLE t, u");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  const slot = async (name: string): Promise<void> => {
    await server.sql(`SELECT pg_create_logical_replication_slot('${name}', 'pgoutput')`);
  };
  const tail = async (name: string, ...more: string[]): Promise<RunResult> => {
    const result = await walctl(["tail", "-S", name, "-P", "p", ...more], { server });
    assert.equal(result.status, 0, result.stderr);
    return result;
  };
  const isBehind = async (name: string, lsn: string): Promise<boolean> => {
    const [row] = await server.sql<{ behind: boolean }>(
      `SELECT confirmed_flush_lsn < '${lsn}' AS behind FROM pg_replication_slots WHERE slot_name = '${name}'`,
    );
    return row?.behind ?? true;
  };
  const now = async (): Promise<string> => {
    const [row] = await server.sql<{ now: string }>("SELECT clock_timestamp()::text AS now");
    return row?.now ?? "";
  };

  test("--where: what it leaves out counts as written, exactly beyond 2^53", async () => {
    await slot("w");
    await server.sql("INSERT INTO t VALUES (9007199254740992, 1), (9007199254740993, 2)");
    const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn() AS lsn");
    const where = ["--where", 'kind == "insert" && new.id == 9007199254740993'];
    const { stdout } = await tail("w", ...where, "--ack", "-E", "now");
    assert.match(stdout, /^\{"kind":"insert"[^\n]*"new":\{"id":9007199254740993,"n":2\}\}\n$/);
    assert.equal(await isBehind("w", row?.lsn ?? ""), false);
    const mistake = await walctl(["tail", "-S", "w", "-P", "p", "--where", "nope"], { server });
    assert.deepEqual([mistake.status, mistake.stdout], [2, ""]);
  });

  test("--xid into a pipe: tables are described before their changes, as of these", async () => {
    await slot("x");
    await server.sql(
      "CREATE TYPE mood AS ENUM ('ok'); CREATE TABLE d (id int PRIMARY KEY, m mood)",
    );
    await server.sql("ALTER PUBLICATION p ADD TABLE d");
    const xid = async (sql: string): Promise<string> => {
      const rows = await server.sql<{ x: string }>(`${sql} RETURNING pg_current_xact_id() AS x`);
      return rows[0]?.x ?? "";
    };
    await server.sql("INSERT INTO d VALUES (1, 'ok')");
    const second = await xid("INSERT INTO d VALUES (2, 'ok')");
    await server.sql("ALTER TABLE d ADD b text; INSERT INTO d VALUES (3, 'ok', 'x')");
    const last = await xid("INSERT INTO d VALUES (4, 'ok', 'y')");
    const { stdout } = await tail("x", "-E", "now", "--xid", second, "--xid", last);
    const kinds = parseLines(stdout).map(({ kind }) => kind);
    const one = ["begin", "type", "relation", "insert", "commit"];
    assert.deepEqual(kinds, [...one, ...one]);
    const read = await walctl(["decode-file", "-F", "sql", "-"], { stdin: stdout });
    assert.equal(read.status, 0, read.stderr);
    assert.match(read.stdout, /\(id, m, b\) .*VALUES \(4, 'ok', 'y'\)/);
    await server.sql("DROP TABLE d");
  });

  test("--limit counts what is printed", async () => {
    await slot("l");
    await server.sql("INSERT INTO t SELECT g, g FROM generate_series(1, 10) g");
    const { stdout } = await tail("l", "--where", 'kind == "insert" && new.n > 5', "-n", "2");
    assert.deepEqual(insertedIds(parseLines(stdout)), [6, 7]);
  });

  test("--since and --until: by commit time, as -E ends, with nothing later acknowledged", async () => {
    await slot("s");
    await server.sql("INSERT INTO u VALUES (1)");
    const from = await now();
    await server.sql("INSERT INTO u VALUES (2)");
    const to = await now();
    const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn() AS lsn");
    await server.sql("INSERT INTO u VALUES (3)");
    const { stdout } = await tail("s", "--since", from, "--until", to, "--ack");
    const lines = parseLines(stdout);
    assert.deepEqual(
      lines.map(({ kind }) => kind),
      ["begin", "relation", "insert", "commit"],
    );
    assert.deepEqual(insertedIds(parseLines(stdout)), [2]);
    assert.equal(await isBehind("s", row?.lsn ?? ""), false);
    const rest = await tail("s", "-E", "now");
    assert.deepEqual(insertedIds(parseLines(rest.stdout)), [3]);
  });

  test("--until ends without a later commit, as soon as the server's clock is past it", async () => {
    await slot("q");
    await server.sql("INSERT INTO u VALUES (10)");
    const { stdout } = await tail("q", "--until", await now());
    assert.deepEqual(insertedIds(parseLines(stdout)), [10]);
  });

  test("--no-empty into a file: what is left out is acknowledged, and a new run goes on", async () => {
    await slot("e");
    const file = join(folder, "out");
    const run = ["--only-table", "t", "--no-empty", "--ack", "-o", file, "-E", "now"];
    await server.sql("INSERT INTO u VALUES (20)");
    await server.sql("INSERT INTO t VALUES (20, 20)");
    await server.sql("INSERT INTO u VALUES (21)");
    const [row] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn() AS lsn");
    const { stderr } = await tail("e", ...run);
    assert.equal(stderr.replace(/^walctl: printed up to .*\n/m, ""), "");
    assert.equal(await isBehind("e", row?.lsn ?? ""), false);
    await server.sql("INSERT INTO u VALUES (22)");
    await server.sql("INSERT INTO t VALUES (23, 23)");
    await tail("e", ...run);
    const kinds = parseLines(readFileSync(file, "utf8")).map(({ kind }) => kind);
    const one = ["begin", "relation", "insert", "commit"];
    assert.deepEqual(kinds, [...one, ...one]);
  });

  test("a pattern that matches no published table is told once, while tail runs", async (t) => {
    await slot("o");
    const running = spawnWalctl(["tail", "-S", "o", "-P", "p", "--only-table", "tt"], { server });
    t.after(() => running.dispose());
    await server.sql("INSERT INTO u VALUES (30)");
    await running.waitFor((line) => line.includes('"commit"'));
    await running.waitForStderr(/no published table matches "tt" \(--only-table\)/);
    await server.sql("INSERT INTO t VALUES (30, 30)");
    await running.waitFor((line) => line.includes('"commit"'));
    const { stderr } = await running.stop();
    assert.equal(stderr.match(/warning/g)?.length, 1, stderr);
  });

  test("-t without --bootstrap names --only-table", async () => {
    const { status, stderr } = await walctl(["tail", "-P", "p", "-t", "t"], { server });
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^walctl: error: --table says what --bootstrap publishes\nHINT: .*--only-table/,
    );
  });

  for (const [asked, said] of [
    [
      ["--only-table", "nosuch"],
      /no published table matches "nosuch" \(--only-table\)\nHINT: Published are: public\.t, public\.u\n/,
    ],
    [
      ["--only-table", "t", "--only-table", "uu*"],
      /no published table matches "uu\*" \(--only-table\)\n/,
    ],
    [["--row", "hidden 1"], /no published table matches "hidden" \(--row\)\nHINT: Published are: /],
  ] as const) {
    test(`says at once that ${asked.join(" ")} names what is not published, and no more than that`, async (t) => {
      await server.sql("CREATE TABLE IF NOT EXISTS hidden (id int PRIMARY KEY)");
      const running = spawnWalctl(["tail", "-P", "p", ...asked], { server });
      t.after(() => running.dispose());
      await running.waitForStderr("no published table matches");
      await server.sql("INSERT INTO u VALUES ((random() * 1e9)::int)");
      await sleep(1500);
      await running.stop("SIGTERM");
      assert.match(running.stderr, said);
      assert.equal(running.stderr.match(/warning/g)?.length, 1, running.stderr);
    });
  }

  test("says nothing of tables that are published", async (t) => {
    const running = spawnWalctl(
      ["tail", "-P", "p", "--only-table", "public.*", "--only-table", "u"],
      { server },
    );
    t.after(() => running.dispose());
    await running.waitForStderr("streaming from slot");
    await sleep(1500);
    await running.stop("SIGTERM");
    assert.doesNotMatch(running.stderr, /warning/);
  });
});
