/** walctl catalog: who may run it, where it writes, and what a standby leaves out. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { CatalogFile } from "../../../src/catalog/model.ts";
import { readCatalog } from "../../../src/catalog/read.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";
import { startStandby } from "../../support/server/standby.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

async function read(text: string | Uint8Array): Promise<CatalogFile> {
  return await readCatalog([Buffer.from(text)], "test");
}

function tables({ rows }: CatalogFile): string[] {
  return rows.pg_class
    .filter(({ oid, relkind }) => oid >= 16_384 && relkind === "r")
    .map(({ relname }) => relname)
    .toSorted();
}

describe("walctl catalog", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-catalog-"));
    server = await startServer({ version: 18 });
    await server.sql("CREATE ROLE nobody LOGIN; CREATE TABLE orders (id int)");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  function run(...args: string[]): Promise<RunResult> {
    return walctl(["catalog", ...args], { server });
  }

  test("a role without any grant gets all of it", async () => {
    await server.sql("CREATE SCHEMA hidden; CREATE TABLE hidden.secret (v int)");
    const own = await run();
    const { status, stdout, stderr } = await run("-U", "nobody");
    assert.equal(status, 0, stderr);
    const file = await read(stdout);
    assert.deepEqual(tables(file), ["orders", "secret"]);
    assert.deepEqual(file.rows, (await read(own.stdout)).rows);
    await server.sql("DROP SCHEMA hidden CASCADE");
  });

  test("a transaction that is running is in the snapshot, and its table is not in the file", async () => {
    const client = await server.connect();
    await client.query("BEGIN; CREATE TABLE later (v int)");
    const { rows } = await client.query<{ xid: string }>("SELECT pg_current_xact_id() AS xid");
    await server.sql("CREATE TABLE after (v int)");
    const file = await read((await run()).stdout);
    await client.query("ROLLBACK");
    await client.end();
    await server.sql("DROP TABLE after");
    assert.deepEqual(tables(file), ["after", "orders"]);
    assert.deepEqual(file.header.snapshot.xip.map(String), [rows[0]?.xid]);
  });

  test("-o replaces FILE when all is written, and never before", async () => {
    const path = join(folder, "shop.catalog");
    writeFileSync(path, "the last one", { mode: 0o644 });
    const failed = await run("-o", path, "-d", "nowhere");
    assert.equal(failed.status, 1);
    assert.equal(readFileSync(path, "utf8"), "the last one");
    const { status, stdout, stderr } = await run("-o", path);
    assert.deepEqual([status, stdout, stderr], [0, "", ""]);
    assert.deepEqual(tables(await read(readFileSync(path))), ["orders"]);
    assert.equal(statSync(path).mode & 0o777, 0o644);
    assert.deepEqual(readdirSync(folder), ["shop.catalog"]);
    const full = await run("-o", "/dev/full");
    assert.equal(full.status, 1);
    assert.match(full.stderr, /could not write "\/dev\/full": no space left on the device/);
    const directory = await run("-o", folder);
    assert.equal(directory.status, 1);
    assert.match(directory.stderr, /could not open ".*" for writing \(EISDIR\)/);
    const descriptor = await run("-o", "/dev/stdout");
    assert.deepEqual(tables(await read(descriptor.stdout)), ["orders"]);
  });

  test("the table is a summary", async () => {
    const { status, stdout, stderr } = await run("-F", "table");
    assert.equal(status, 0);
    const [row] = await server.sql(
      `SELECT format('postgres (oid %s, UTF8)', oid) AS database, format('PostgreSQL %s, system %s',
         substring(version() FROM '[0-9.]+'), system_identifier) AS server,
         (SELECT count(*) || ' rows' FROM pg_class) AS classes FROM pg_database, pg_control_system() WHERE datname = 'postgres'`,
    );
    const cell = (name: string): string =>
      new RegExp(`│ ${name} +│ (.*?) +│`).exec(stdout)?.[1] ?? "";
    assert.equal(cell("database"), row?.["database"]);
    assert.equal(cell("server"), row?.["server"]);
    assert.equal(cell("pg_class"), row?.["classes"]);
    assert.match(cell("LSN"), /^0\/[0-9A-F]+, timeline 1$/);
    assert.match(
      stderr,
      /^walctl: to keep it: walctl catalog -h \S+ -p 5432 -U postgres -d postgres -o postgres\.catalog\n$/,
    );
  });

  test("a terminal shows the summary, not the file", async () => {
    const options = { columns: 80, rows: 40, server };
    const terminal = await openTerminal(`${WALCTL_COMMAND} catalog`, options);
    try {
      assert.equal(await terminal.exit(), 0);
      const text = await terminal.text();
      assert.match(text, /│ database +│ postgres \(oid 5, UTF8\)/);
      assert.match(text, /walctl: to keep it: walctl catalog/);
      assert.doesNotMatch(text, /\{"kind"/);
    } finally {
      await terminal.close();
    }
  });

  test("a reader that leaves is no error", async () => {
    const command = `${WALCTL_COMMAND} catalog | head -n 1`;
    const env = { ...process.env, ...server.env };
    const first = execFileSync("bash", ["-o", "pipefail", "-c", command], {
      env,
      encoding: "utf8",
    });
    assert.match(first, /^\{"kind":"catalog","format":1,/);
  });

  test("a standby tells which transactions were running, subtransactions too", async (t) => {
    const standby = await startStandby(server);
    t.after(() => standby.dispose());
    const client = await server.connect();
    t.after(() => client.end());
    await client.query(
      "BEGIN; CREATE TABLE running (v int); SAVEPOINT s; CREATE TABLE sub (v int)",
    );
    const { rows } = await client.query<{ xid: string }>(
      "SELECT pg_current_xact_id()::text AS xid",
    );
    const xid = BigInt(rows[0]?.xid ?? 0);
    await server.sql("CREATE TABLE done (v int); SELECT pg_switch_wal()");
    const [end] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn() AS lsn");
    for (;;) {
      const [row] = await standby.sql(`SELECT pg_last_wal_replay_lsn() >= '${end?.lsn}' AS there`);
      if (row?.["there"] === true) break;
    }
    const [own] = await standby.sql("SELECT pg_current_snapshot()::text AS snapshot");
    const { status, stdout, stderr } = await walctl(["catalog"], { server: standby });
    assert.equal(status, 0, stderr);
    const { header, ...file } = await read(stdout);
    assert.deepEqual(tables({ header, ...file }), ["done", "orders"]);
    // PostgreSQL's own function lists none of them.
    assert.match(String(own?.["snapshot"]), /^\d+:\d+:$/);
    assert.deepEqual(header.snapshot.xip, [xid, xid + 1n]);
    assert.equal(header.timeline, 1);
    await client.query("COMMIT");
    await server.sql("DROP TABLE done, running, sub");
  });
});
