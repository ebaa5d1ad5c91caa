/** What docs/wal.md says to do after an accident, done: an archive at wal_level=replica, no slot, a catalogue of afterwards. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseLsn } from "../../../src/lsn.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { walctlInside } from "../../support/program/inside.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { LineSchema } from "../../support/program/line-schema.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

interface Line {
  readonly kind: string;
  readonly xid: number;
  readonly commit_lsn?: string;
  readonly action?: string;
  readonly table?: string;
  readonly old?: unknown;
  readonly new?: unknown;
}

const ROWS = 5000;
const DELETED = 1000;
const OF_TABLES = [
  ["truncate", "truncated"],
  ["drop", "dropped"],
] as const;

describe("after an accident", () => {
  let root: string;
  let archive: string;
  let server: TestServer;
  let catalog: string;
  let rowsBefore: Record<string, readonly string[]>;
  let accident: Record<string, number>;
  /** The segment before the one that begins with a change of the catalogue. */
  let early: string;

  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-accident-"));
    archive = join(root, "archive");
    catalog = join(root, "shop.catalog");
    mkdirSync(archive);
    // The server runs under another account where the test is root.
    for (const folder of [root, archive]) chmodSync(folder, 0o777);
    server = await startServer({
      version: 18,
      settings: {
        wal_level: "replica",
        max_wal_senders: "0",
        archive_mode: "on",
        archive_command: `cp %p ${archive}/%f`,
        autovacuum: "off",
      },
    });
    await server.sql(`CREATE TABLE orders (id int PRIMARY KEY, total numeric, status text, doc jsonb, note text);
      CREATE TABLE payments (id int PRIMARY KEY, amount numeric)`);
    await server.sql(`INSERT INTO orders SELECT i, i * 1.25, 'open', jsonb_build_object('n', i),
      CASE WHEN i % 50 = 0 THEN (SELECT string_agg(md5((i * j)::text), '') FROM generate_series(1, 150) j) END
      FROM generate_series(1, ${ROWS}) i`);
    await server.sql("INSERT INTO payments SELECT i, i * 0.5 FROM generate_series(1, 300) i");
    await server.sql("CREATE DATABASE sales TEMPLATE postgres");
    await server.stop();
    execFileSync("cp", ["-a", join(server.host, "data"), join(root, "backup")]);
    await server.start();
    early = await archiveAll(server);
    await server.sql("CREATE SCHEMA early");
    await server.sql(`UPDATE orders SET status = 'paid', total = total + 1 WHERE id % 7 = 0`);
    await server.sql("INSERT INTO payments VALUES (1000, 17)");
    rowsBefore = await tables(server);
    accident = {
      delete: await run(server, `DELETE FROM orders WHERE id > ${ROWS - DELETED}`),
      update: await run(server, "UPDATE orders SET status = 'void'"),
      truncate: await run(server, "TRUNCATE payments"),
      drop: await run(server, "DROP TABLE payments"),
    };
    await server.sql("CREATE TABLE orders_new (a int); DROP SCHEMA early");
    await server.sql("DROP DATABASE sales");
    await archiveAll(server);
    assertDone(await walctl(["catalog", "-q", "-o", catalog], { server }));
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true, force: true });
  });

  const decode = async (...args: readonly string[]): Promise<RunResult> =>
    await walctl(["decode-file", "-q", "--catalog", catalog, ...args, archive]);

  it("names the transactions, and shows every row that was deleted or overwritten", async () => {
    const result = await decode("--old", "full", "--tables-changed");
    assertDone(result);
    new LineSchema().assertAll(result.stdout, "rows");
    const lines = linesOf(result);
    const of = (xid: number | undefined, kind: string): readonly Line[] =>
      lines.filter((line) => line.xid === xid && line.kind === kind);
    const deleted = of(accident["delete"], "delete").map(({ old }) => JSON.stringify(old));
    assert.equal(deleted.length, DELETED);
    const rows = new Set(rowsBefore["orders"]);
    for (const row of deleted) assert.ok(rows.has(row), row.slice(0, 200));
    const updates = of(accident["update"], "update");
    assert.equal(updates.length, ROWS - DELETED);
    for (const { old } of updates) assert.ok(rows.has(JSON.stringify(old)));
    for (const [name, action] of OF_TABLES) {
      const [changed] = of(accident[name], "table_changed");
      assert.deepEqual([changed?.action, changed?.table], [action, "payments"]);
    }
  });

  it("finds the transactions in the summary, also those that emptied or dropped a table", async () => {
    const args = ["--tables-changed", "--summary", "-F"];
    const { stdout, status } = await decode("--only-table", "orders", ...args, "ndjson");
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`"xid":${accident["update"]}\\b`));
    assert.doesNotMatch(stdout, /payments/);
    const table = await decode("--only-table", "payments", ...args, "table");
    for (const [name, action] of OF_TABLES) {
      assert.match(table.stdout, new RegExp(`payments +│ +${action} │ xid ${accident[name]} │`));
    }
    assert.match(table.stdout, /payments │ +301 │ +0 │ +0 │ +1 │/);
    assert.doesNotMatch(table.stdout, /published/);
  });

  it("says of a transaction that changed no row how its changes are printed", async () => {
    const step = ["--xid", String(accident["drop"]), "-x", "-F", "table"];
    const { stdout, stderr, status } = await decode(...step);
    assert.equal(`${status} ${stdout}`, "0 ");
    assert.match(stderr, /^DETAIL: It committed at .*\nHINT: .*--tables-changed/m);
    const shown = await decode(...step, "--tables-changed");
    assert.equal(shown.stderr, "");
    assert.match(shown.stdout, /payments +DROPPED[^]*recovery_target_lsn = '[0-9A-F/]+'/);
    const undo = await decode("--xid", String(accident["drop"]), "-F", "sql", "--undo");
    assert.match(
      undo.stderr,
      /\nHINT: .*: -F table -x --tables-changed in place of -F sql --undo\./,
    );
  });

  it("puts the rows back by an undo, without a restore", async () => {
    await server.sql("CREATE DATABASE undone TEMPLATE postgres");
    const xids = ["delete", "update"].flatMap((name) => ["--xid", String(accident[name])]);
    const undo = await decode("--old", "full", ...xids, "-F", "sql", "--undo", "--checked");
    assertDone(undo);
    assert.match(undo.stdout, /^-- The undo .*\nSET .*\n-- Triggers of the tables run with it/);
    assert.equal(runSql(server, undo.stdout, { database: "undone" }).stderr, "");
    const { "public.orders": rows = [] } = await contentsOf(server, "undone");
    const expected = rowsBefore["orders"] ?? [];
    assert.deepEqual(
      rows.map((row) => JSON.stringify(JSON.parse(row))).toSorted(),
      expected.toSorted(),
    );
  });

  it("names earlier segments where an undo needs them", async () => {
    const names = readdirSync(archive).filter((name) => name > early);
    const segments = names.toSorted().map((name) => join(archive, name));
    const args = ["--catalog", catalog, "--xid", String(accident["delete"]), "-F", "sql", "--undo"];
    const { status, stderr, stdout } = await walctl(["decode-file", "-q", ...args, ...segments]);
    assert.equal(`${status} ${stdout}`, "3 ");
    assert.match(
      stderr,
      /could not be rebuilt[^]*\nHINT: Give --old full, and WAL from a checkpoint before these changes/,
    );
    assert.doesNotMatch(stderr, /--limit/);
  });

  it("finds no fault with the catalogue where a signal cut the reading", async () => {
    const names = readdirSync(archive).filter((name) => name > early);
    const segments = names.toSorted().map((name) => join(archive, name));
    const stdin = segments.map((path) => readFileSync(path));
    const stop = AbortSignal.abort("SIGTERM");
    for (const input of [segments, ["-"]]) {
      const args = ["decode-file", "-q", "--catalog", catalog, "--old", "full", ...input];
      const { status, stdout, stderr } = await walctlInside(args, { stdin, stop });
      assert.equal(`${status} ${stdout}`, "1 ");
      assert.equal(stderr, "walctl: error: interrupted: not all of the input was read\n");
      const undo = await walctlInside([...args, "-F", "sql", "--undo"], { stdin, stop });
      assert.equal(`${undo.status} ${undo.stdout}`, "3 ");
      assert.match(undo.stderr, /^walctl: error: a signal ended it before the undo was printed\n/);
    }
  });

  it("takes no catalogue from behind the end of the archive, where tables have changed since", async () => {
    await server.sql("ALTER TABLE orders RENAME status TO state");
    const newer = join(root, "newer.catalog");
    assertDone(await walctl(["catalog", "-q", "-o", newer], { server }));
    const args = ["decode-file", "-q", "--catalog", newer, "--only-table", "orders", archive];
    const refused = await walctl(args);
    assert.equal(`${refused.status} ${refused.stdout}`, "2 ");
    assert.match(
      refused.stderr,
      /was exported at .*, and the WAL ends before that, at .*\nHINT: .*pg_switch_wal/,
    );
    await archiveAll(server);
    const result = await walctl(args);
    assertDone(result);
    assert.equal(result.stdout, (await decode("--only-table", "orders")).stdout);
    assert.match(result.stdout, /"status":"void"/);
    const update = ["--xid", String(accident["update"]), "--old", "full"];
    const undo = await walctl([...args, ...update, "-F", "sql", "--undo"]);
    assert.equal(`${undo.status} ${undo.stdout}`, "3 ");
    const renamed = `change of public.orders: it or its columns were renamed, dropped or given another type since (${ROWS - DELETED}, first in xid ${accident["update"]}, commit_lsn `;
    assert.ok(undo.stderr.includes(renamed), undo.stderr);
    assert.match(
      undo.stderr,
      /; it is now public\.orders \(id integer, total numeric, state text, doc jsonb, note text\)\)\./,
    );
  });

  it("brings every row back by a recovery to the lines that it shows", async () => {
    const { stdout, stderr, status } = await decode(
      "--xid",
      String(accident["delete"]),
      "-x",
      "-F",
      "table",
    );
    assert.equal(`${status} ${stderr}`, "0 ");
    const settings = [...stdout.matchAll(/recovery_target_(?:lsn|inclusive|timeline) = \S+/g)].map(
      String,
    );
    assert.equal(settings.length, 3, stdout.slice(-800));
    await recover(server, root, archive, settings);
    assert.deepEqual(await tables(server), rowsBefore);
    // The next recovery has another timeline before it, which is newer.
    await archiveAll(server);
    assert.ok(readdirSync(archive).includes("00000002.history"));
  });

  it("brings a dropped database back by a recovery to before the mark that DROP DATABASE sets", async () => {
    const inspect = async (...args: readonly string[]): Promise<string> =>
      (await walctl(["inspect", "--timeline", "1", ...args, archive])).stdout;
    const records = async (
      ...args: readonly string[]
    ): Promise<Array<{ lsn: string; xid: number }>> =>
      (await inspect("-F", "ndjson", ...args))
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    const [drop] = await records("--rmgr", "Database", "--type", "DROP");
    const box = await inspect("--xid", String(drop!.xid), "--type", "COMMIT", "-x", "-F", "table");
    assert.match(box, /is too late: files of a database or tablespace/);
    assert.doesNotMatch(box, /recovery_target/);
    const marks = await records("--type", "INPLACE", "--relation", "0/1262");
    const mark = marks
      .map(({ lsn }) => lsn)
      .findLast((lsn) => parseLsn(lsn)! < parseLsn(drop!.lsn)!);
    await recover(server, root, archive, [
      `recovery_target_lsn = '${mark}'`,
      "recovery_target_inclusive = off",
      "recovery_target_timeline = '1'",
    ]);
    const { "public.orders": rows = [] } = await contentsOf(server, "sales");
    assert.equal(rows.length, ROWS);
  });
});

function assertDone({ status, stderr }: RunResult): void {
  assert.equal(`${status} ${stderr}`, "0 ");
}

function linesOf({ stdout }: RunResult): readonly Line[] {
  const lines = stdout.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Line);
}

/** As row_to_json has them, in the form in which JSON.stringify prints walctl's. */
async function tables(server: TestServer): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const table of ["orders", "payments"]) {
    const rows = await server.sql<{ row: string }>(
      `SELECT row_to_json(t)::text AS row FROM ${table} t ORDER BY id`,
    );
    found[table] = rows.map(({ row }) => JSON.stringify(JSON.parse(row)));
  }
  return found;
}

/** Gives the xid of the transaction that it was. */
async function run(server: TestServer, statement: string): Promise<number> {
  const [row] = await server.sql<{ xid: string }>(
    `BEGIN; ${statement}; SELECT pg_current_xact_id()::text AS xid`,
  );
  await server.sql("COMMIT");
  return Number(row?.xid);
}

/** Gives the last segment's name. */
async function archiveAll(server: TestServer): Promise<string> {
  const [row] = await server.sql<{ name: string }>(
    "SELECT pg_walfile_name(pg_switch_wal()) AS name",
  );
  const name = row?.name ?? "";
  const deadline = Date.now() + 30_000;
  for (;;) {
    const [last] = await server.sql<{ name: string | null }>(
      "SELECT last_archived_wal AS name FROM pg_stat_archiver",
    );
    if ((last?.name ?? "") >= name) return name;
    assert.ok(Date.now() < deadline, "not archived");
    await sleep(50);
  }
}

/** The base backup in place of the server's files, with the archive and these settings. */
async function recover(
  server: TestServer,
  root: string,
  archive: string,
  targets: readonly string[],
): Promise<void> {
  const settings = [
    ...targets,
    "recovery_target_action = 'promote'",
    `restore_command = 'cp ${archive}/%f %p'`,
  ];
  const data = join(server.host, "data");
  await server.stop();
  rmSync(data, { recursive: true });
  execFileSync("cp", ["-a", join(root, "backup"), data]);
  appendFileSync(join(data, "postgresql.conf"), `\n${settings.join("\n")}\n`);
  execFileSync("cp", ["-p", join(data, "PG_VERSION"), join(data, "recovery.signal")]);
  await server.start();
  const deadline = Date.now() + 30_000;
  for (;;) {
    const [row] = await server.sql<{ waiting: boolean }>("SELECT pg_is_in_recovery() AS waiting");
    if (row?.waiting === false) return;
    assert.ok(Date.now() < deadline, "still in recovery");
    await sleep(50);
  }
}
