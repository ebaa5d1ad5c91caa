/** --row prints what concerns one row, and nothing else, from a server and from a capture. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const UUID = "6f1c2b70-9a2b-4c3d-8e4f-001122334455";

describe("--row", () => {
  let server: TestServer;
  let folder: string;
  let capture: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-row-"));
    capture = join(folder, "capture");
    server = await startServer({ version: 18 });
    await server.sql(`CREATE TABLE orders (id bigint PRIMARY KEY, status text);
      CREATE TABLE items ("order" int, line text, n int, PRIMARY KEY ("order", line));
      CREATE TABLE docs (id uuid PRIMARY KEY, price numeric, n int);
      CREATE TABLE prices (price numeric PRIMARY KEY, n int);
      CREATE TABLE "Odd" (flag bool, day date, PRIMARY KEY (flag, day));
      CREATE TABLE full_rows (id int PRIMARY KEY, n int);
      ALTER TABLE full_rows REPLICA IDENTITY FULL;
      CREATE PUBLICATION p FOR ALL TABLES`);
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    for (const statement of [
      "INSERT INTO orders SELECT g, 'new' FROM generate_series(41, 43) g",
      "UPDATE orders SET status = 'paid' WHERE id = 42",
      "UPDATE orders SET status = 'paid' WHERE id = 43",
      "UPDATE orders SET id = 1042 WHERE id = 42",
      "UPDATE orders SET status = 'sent' WHERE id = 1042",
      "DELETE FROM orders",
      "INSERT INTO items VALUES (42, 'a b', 1), (42, 'c', 2), (7, 'a b', 3)",
      "UPDATE items SET n = 9",
      `INSERT INTO docs VALUES ('${UUID}', 1, 1), (gen_random_uuid(), 1, 2)`,
      "INSERT INTO prices VALUES (42.50, 1), (42.5001, 2)",
      "INSERT INTO full_rows VALUES (1, 1), (2, 1)",
      "UPDATE full_rows SET n = 2",
      "TRUNCATE orders",
    ]) {
      await server.sql(statement);
    }
    const args = ["tail", "-S", "s", "-P", "p", "-E", "now", "--capture", capture];
    assert.equal((await walctl(args, { server })).status, 0);
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  const changes = (stdout: string): unknown[] =>
    parseLines(stdout).flatMap((line) => {
      const { kind, new: row, old, key } = line as Record<string, unknown>;
      const isChange = /^(insert|update|delete|truncate)$/.test(String(kind));
      return isChange ? [[kind, row ?? old ?? key]] : [];
    });
  const both = async (row: string, ...more: string[]): Promise<[unknown[], string]> => {
    const live = await walctl(
      ["tail", "-S", "s", "-P", "p", "-E", "now", "-q", "--row", row, ...more],
      { server },
    );
    const offline = await walctl(["decode-file", capture, "--row", row]);
    assert.deepEqual(changes(offline.stdout), changes(live.stdout));
    return [changes(live.stdout), live.stderr];
  };

  test("follows a row over a change of its key, to its end and to TRUNCATE, in any form of value", async () => {
    for (const more of [[], ["--binary"]]) {
      const [rows, said] = await both("orders 042", ...more);
      assert.deepEqual(rows, [
        ["insert", { id: 42, status: "new" }],
        ["update", { id: 42, status: "paid" }],
        ["update", { id: 1042, status: "paid" }],
        ["update", { id: 1042, status: "sent" }],
        ["delete", { id: 1042 }],
        ["truncate", undefined],
      ]);
      assert.equal(said.replace(/^walctl: printed .*\n/m, ""), "");
    }
  });

  test("takes a composite key in its order, and named columns", async () => {
    const line = [
      ["insert", { order: 42, line: "a b", n: 1 }],
      ["update", { order: 42, line: "a b", n: 9 }],
    ];
    assert.deepEqual((await both("items 42 'a b'"))[0], line);
    assert.deepEqual((await both(`public.items line='a b' "order"=42`))[0], line);
    const [none, said] = await both("items 42");
    assert.deepEqual(none, []);
    assert.match(said, /the key of public\.items has 2 columns \(order, line\), not 1/);
  });

  test("compares values as PostgreSQL reads them", async () => {
    assert.equal((await both(`docs {${UUID.toUpperCase()}}`))[0].length, 1);
    assert.deepEqual((await both("prices 042.500"))[0], [["insert", { price: 42.5, n: 1 }]]);
  });

  test("says which columns it takes for a key that the server does not send", async () => {
    const [rows, said] = await both("full_rows 1");
    assert.equal(rows.length, 2);
    assert.match(said, /takes id for it\nHINT: .*--row 'public\.full_rows id=VALUE'/);
    const [named, nothing] = await both("full_rows id=1");
    assert.deepEqual(named, rows);
    assert.doesNotMatch(nothing, /warning/);
  });

  test("prints nothing of other transactions, and says what it did not find", async () => {
    const { stdout } = await walctl([
      "decode-file",
      capture,
      "--row",
      "items 7 'a b'",
      "-F",
      "table",
    ]);
    assert.equal(stdout.match(/^\d\d:/gm)?.length, 2, stdout);
    const none = await both("orders 7");
    assert.match(none[1], /no change concerned the row that --row names/);
    assert.match(
      (await both("order 42"))[1],
      /no table matched "order" \(--row\)\nHINT: Did you mean public\.orders\?/,
    );
  });

  test("tells what is wrong with --row while tail runs, before any change comes", async () => {
    for (const [row, told] of [
      ["Orders_ 1", /table "orders_" does not exist \(--row\)\n/],
      ["odd 1", /table "odd" does not exist \(--row\)\nHINT: Did you mean 'public\."Odd"'\?\n/],
      [
        "other.orders 1",
        /table "other\.orders" does not exist .*\nHINT: Did you mean public\.orders\?/,
      ],
      ["orders abc", /"abc" is no value of public\.orders\.id, which is int8/],
      ["orders 4.5", /"4\.5" is no value of public\.orders\.id/],
      ["docs 42", /"42" is no value of public\.docs\.id, which is uuid/],
      ["orders 1 2", /the key of public\.orders has 1 column \(id\), not 2/],
      ["orders nr=1", /public\.orders has no column named "nr"/],
      [
        "full_rows 1",
        /takes id for it\nHINT: Name the columns: --row 'public\.full_rows id=VALUE'/,
      ],
    ] as const) {
      const running = spawnWalctl(["tail", "-P", "p", "--row", row], { server });
      try {
        await running.waitForStderr(told);
        assert.equal((await running.stop()).stderr.match(/warning/g)?.length, 1, row);
      } finally {
        await running.dispose();
      }
    }
  });

  test("has nothing to say where the catalogue has the row's table and key", async () => {
    for (const row of [`docs ${UUID}`, "prices 1e3", "items 1 abc", `"Odd" on 2026-12-02`]) {
      const args = ["tail", "-P", "p", "--row", row, "--until", "+1s"];
      const { stderr } = await walctl(args, { server });
      assert.doesNotMatch(stderr, /warning/, row);
    }
  });

  test("undoes one row", async () => {
    const args = [
      "decode-file",
      capture,
      "--row",
      "prices 42.5",
      "-F",
      "sql",
      "--undo",
      "--checked",
    ];
    const { stdout, status, stderr } = await walctl(args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /DELETE FROM public\.prices\s+WHERE .*42\.50/);
    assert.doesNotMatch(stdout, /42\.5001/);
  });
});
