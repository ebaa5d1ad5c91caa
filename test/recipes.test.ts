/** docs/recipes.md, each block run by a shell as it stands there, on a real server. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { PROGRAM, childEnvironment } from "./support/program/cli.ts";
import { type TestServer, startServer } from "./support/server/server.ts";
import { toolPath } from "./support/tools/tools.ts";

const page = readFileSync(new URL("../../docs/recipes.md", import.meta.url), "utf8");
const DUCKDB = fileURLToPath(new URL("support/tools/duckdb-shell.js", import.meta.url));
const ORDERS = "CREATE TABLE orders (id bigint PRIMARY KEY, status text, total numeric(10,2))";

const LAST_COMMIT = `SELECT max(lsn) FROM pg_logical_slot_peek_binary_changes(
  'shop_slot', NULL, NULL, 'proto_version', '1', 'publication_names', 'shop_changes')`;

/** The block below the heading that starts with the word. */
function recipe(word: string): string {
  const [, block] =
    new RegExp(`^## ${word}\\b[^\\n]*\\n(?:(?!^#)[^])*?^\`\`\`sh\\n([^]*?)^\`\`\`$`, "m").exec(
      page,
    ) ?? [];
  assert.ok(block !== undefined, `docs/recipes.md has a recipe for ${word}`);
  return block;
}

/** Asks again and again; what fails meanwhile ends it. */
async function until(there: () => Promise<boolean>, meanwhile: Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await there())) {
    if (Date.now() > deadline) throw new Error("waited in vain");
    await Promise.race([meanwhile, sleep(50)]);
  }
}

/** Programs by the names that the recipes use: a shell script for each. */
function standIns(folder: string): Readonly<Record<string, string>> {
  const node = process.execPath;
  const mock = join(folder, "kcat.conf");
  // librdkafka's own broker, in the same process; kcat ends with 0 only when that has taken every message.
  writeFileSync(mock, "test.mock.num.brokers=1\n");
  return {
    // What goes on until Ctrl-C is to end by itself.
    walctl: `[ "$1" = tail ] && set -- "$@" $END\necho $$ > walctl.pid\nexec ${node} ${PROGRAM} "$@"`,
    duckdb: `exec ${node} ${DUCKDB} "$@"`,
    kcat: `tee received | KCAT_CONFIG=${mock} ${toolPath("kcat")} "$@"`,
    nats: 'echo "$@" > arguments\ncat > received',
  };
}

describe("docs/recipes.md", () => {
  let server: TestServer;
  let folder: string;
  const path = (name: string): string => join(folder, name);

  before(async () => {
    server = await startServer({ version: 18 });
    folder = mkdtempSync(join(tmpdir(), "walctl-recipes-"));
    mkdirSync(path("bin"));
    for (const [name, script] of Object.entries(standIns(folder))) {
      writeFileSync(path(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    for (const database of ["shop", "archive"]) {
      await server.sql(`CREATE DATABASE ${database}`);
      await on(database, ORDERS);
    }
    await on("shop", "CREATE TABLE carts (id bigint PRIMARY KEY)");
    await on("shop", "CREATE PUBLICATION shop_changes FOR ALL TABLES");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    await on("shop", "TRUNCATE orders, carts");
    await on("shop", "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
    await on("shop", "SELECT pg_create_logical_replication_slot('shop_slot', 'pgoutput')");
    await on(
      "shop",
      String.raw`INSERT INTO orders VALUES (1, 'new', 49.90), (2, E'it''s \\ "odd"\t', 1), (3, 'x', NULL)`,
    );
    await on("shop", "INSERT INTO carts VALUES (7)");
    await on(
      "shop",
      "BEGIN; UPDATE orders SET status = 'paid' WHERE id = 1; DELETE FROM orders WHERE id = 3; COMMIT",
    );
    await on("shop", "UPDATE orders SET id = 9223372036854775807 WHERE id = 1");
  });

  /** What was there goes, in a transaction with other changes; another table's truncate is none of orders. */
  async function truncateOrders(): Promise<void> {
    await on(
      "shop",
      "BEGIN; TRUNCATE orders, carts; INSERT INTO orders VALUES (4, 'late', 5); COMMIT",
    );
    await on("shop", "TRUNCATE carts");
  }

  let endless = false;
  async function run(program: string, ...args: readonly string[]): Promise<string> {
    const tools = dirname(toolPath("psql"));
    const search = [path("bin"), tools, process.env["PATH"]].join(delimiter);
    const env = childEnvironment({
      server,
      env: { PATH: search, PGDATABASE: undefined, END: endless ? "" : "-E now" },
    });
    const { stdout } = await promisify(execFile)(program, args, {
      cwd: folder,
      env,
      timeout: 60_000,
    });
    return stdout;
  }
  const on = async (database: string, sql: string): Promise<string> =>
    await run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql);
  const cook = async (word: string): Promise<string> =>
    await run("bash", "-euo", "pipefail", "-c", recipe(word));
  const received = (): readonly string[] =>
    readFileSync(path("received"), "utf8").trimEnd().split("\n");

  /** SQL that tells whether all that the slot holds now has been acknowledged. */
  async function asksWhetherAcknowledged(): Promise<string> {
    const end = (await on("shop", LAST_COMMIT)).trim();
    return `SELECT confirmed_flush_lsn >= '${end}' FROM pg_replication_slots`;
  }

  it("jq", async () => {
    assert.equal(await cook("jq"), '1\tnew\t49.90\n2\tit\'s \\\\ "odd"\\t\t1.00\n3\tx\t\n');
  });

  it("SQLite", async () => {
    assert.equal(
      await cook("SQLite"),
      "carts|insert|1\norders|delete|1\norders|insert|3\norders|update|2\n",
    );
  });

  it("DuckDB", async () => {
    const rows = JSON.parse(await cook("DuckDB")) as unknown;
    assert.deepEqual(rows, [
      ["carts", "insert", "1"],
      ["orders", "delete", "1"],
      ["orders", "insert", "3"],
      ["orders", "update", "2"],
    ]);
  });

  it("psql, killed again and again", async () => {
    await on("archive", "TRUNCATE orders");
    await truncateOrders();
    const all = "SELECT to_jsonb(orders) FROM orders ORDER BY id";
    for (const kill of ["SIGKILL", "SIGKILL", "SIGINT"] as const) {
      // Each a transaction, which a second time would fail.
      const one = "INSERT INTO orders SELECT coalesce(max(id), 0) + 1, 'more', 1 FROM orders";
      const many = Array.from({ length: 60 }, () => ["-c", one]).flat();
      await run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "shop", ...many);
      await on("shop", "TRUNCATE carts");
      const expected = await on("shop", all);
      const earlier = await on("archive", all);
      const acknowledged = await asksWhetherAcknowledged();
      endless = true;
      const cooking = cook("psql");
      endless = false;
      try {
        const isDone = async (): Promise<boolean> => (await on("shop", acknowledged)) === "t\n";
        const isBegun = async (): Promise<boolean> => (await on("archive", all)) !== earlier;
        await until(kill === "SIGINT" ? isDone : isBegun, cooking);
        if (kill === "SIGINT") assert.equal(await on("archive", all), expected);
      } finally {
        process.kill(Number(readFileSync(path("walctl.pid"), "utf8")), kill);
      }
      await cooking.catch((error: unknown) => {
        if (kill === "SIGINT") throw error;
      });
    }
  });

  describe("on rows that were deleted", () => {
    const rows = "SELECT * FROM orders ORDER BY id";
    let expected: string;

    beforeEach(async () => {
      await on("shop", "ALTER TABLE orders REPLICA IDENTITY FULL");
      expected = await on("shop", rows);
      await on(
        "shop",
        "BEGIN; UPDATE orders SET total = 0; DELETE FROM orders WHERE id > 2; COMMIT",
      );
      await on("shop", "INSERT INTO carts VALUES (8)");
    });
    after(async () => {
      await on("shop", "ALTER TABLE orders REPLICA IDENTITY DEFAULT");
    });

    it("Undo", async () => {
      assert.equal(await cook("Undo"), "");
      assert.equal(await on("shop", rows), expected);
    });

    it("Review", async () => {
      writeFileSync(
        path("undo.sql"),
        [
          "-- x",
          "SET TimeZone = 'UTC';",
          ..."BEGIN; -- x|UPDATE orders SET total = 8;|SELECT 'x'::integer;|ROLLBACK; -- not whole".split(
            "|",
          ),
          ..."BEGIN; -- x|UPDATE orders SET total = 7 WHERE id = 2;|COMMIT; -- x|".split("|"),
        ].join("\n"),
      );
      const untouched = await on("shop", rows);
      assert.match(await cook("Review"), /^1c1\n< 2\t.*\t0\.00\n---\n> 2\t.*\t7\.00\n$/);
      assert.equal(await on("shop", rows), untouched);
    });
  });

  it("Kafka", async () => {
    await truncateOrders();
    await cook("Kafka");
    const events = received().map((line) => {
      const [key = "", value = ""] = line.split("\t");
      return `${key} ${(JSON.parse(value) as { op: string }).op}`;
    });
    const big = "9223372036854775807";
    const rows = ["1 c", "2 c", "3 c", "1 u", "3 d", "1 d", `${big} c`];
    assert.deepEqual(events, [...rows, " t", "4 c"]);
    // As kcat itself reads it, no key is what a truncate has, not an empty one or the word null.
    assert.match(recipe("Kafka"), / -Z$/m);
  });

  it("NATS", async () => {
    const acknowledged = await asksWhetherAcknowledged();
    await cook("NATS");
    assert.equal(await on("shop", acknowledged), "t\n", "events alone tell that a commit is out");
    const sent = readFileSync(path("arguments"), "utf8");
    assert.equal(
      sent,
      "pub shop.changes --jetstream --force-stdin --send-on newline --no-templates\n",
    );
    const operations = received().map((line) => (JSON.parse(line) as { op: string }).op);
    assert.equal(operations.join(""), "ccccuddc");
  });
});
