/** Lines do not say which types the fields of a composite value have: no replay and no undo takes one for another. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { toolPath } from "../../support/tools/tools.ts";

describe("values of own types in walctl's lines", () => {
  let server: TestServer;
  let folder: string;
  before(async () => {
    server = await startServer({ version: 18 });
    folder = mkdtempSync(join(tmpdir(), "walctl-own-types-"));
    await server.sql(`
      CREATE TYPE plain AS (n int, word text);
      CREATE TYPE holds AS (j jsonb, n int);
      CREATE TYPE turned AS (z int, a int);
      CREATE TABLE rows (id int PRIMARY KEY, p plain, c holds, t turned);
      ALTER TABLE rows REPLICA IDENTITY FULL;
      CREATE PUBLICATION pa FOR TABLE rows`);
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  /** The lines of what the statement does, as a file. */
  async function linesOf(name: string, statement: string): Promise<string> {
    await server.sql(statement);
    const file = join(folder, name);
    const tail = ["tail", "-q", "-S", "s", "-P", "pa", "--ack", "-E", "now", "-o", file];
    assert.equal((await walctl(tail, { server })).status, 0);
    return file;
  }

  for (const value of ['"1"', '"true"', '"null"', "[]"]) {
    it(`a jsonb ${value} in a row is left out of SQL, by name`, async () => {
      const file = await linesOf(
        `${Buffer.from(value).toString("hex")}.ndjson`,
        `TRUNCATE rows; INSERT INTO rows VALUES (1, NULL, ROW('${value}', 1))`,
      );
      const { status, stderr, stdout } = await walctl(["decode-file", file, "-F", "sql"]);
      assert.doesNotMatch(stdout, /^INSERT INTO/m);
      assert.match(
        stderr,
        /c of public\.rows: values whose fields may be of several types are left out/,
      );
      assert.notEqual(status, 0);
      const foreign = await walctl(["decode-file", file, "-F", "wal2json"]);
      assert.match(foreign.stderr, /values of c of public\.rows are left out/);
    });
  }

  it("a row of numbers and words is replayed as it was, with a warning", async () => {
    const file = await linesOf(
      "plain.ndjson",
      "TRUNCATE rows; INSERT INTO rows VALUES (2, ROW(7, 'a word, \"quoted\"'), NULL, ROW(1, 2))",
    );
    const rows = await server.sql("SELECT * FROM rows");
    const { status, stderr, stdout } = await walctl(["decode-file", file, "-F", "sql"]);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /p of public\.rows: .* lines do not have the types of fields/);
    await server.sql("TRUNCATE rows");
    assert.equal(runSql(server, stdout).status, 0);
    assert.deepEqual(await server.sql("SELECT * FROM rows"), rows);
  });

  it("fields that another program sorted are no row", async () => {
    const file = await linesOf(
      "sorted.ndjson",
      "TRUNCATE rows; INSERT INTO rows VALUES (3, NULL, NULL, ROW(1, 2))",
    );
    const sorted = execFileSync(toolPath("jq"), ["-cS", ".", file]);
    const { stdout } = await walctl(["decode-file", "-", "-F", "sql"], { stdin: sorted });
    assert.doesNotMatch(stdout, /^INSERT INTO/m);
  });

  it("a person reads the line's own text, with its names", async () => {
    const file = await linesOf(
      "read.ndjson",
      "TRUNCATE rows; INSERT INTO rows VALUES (4, NULL, ROW('{\"a\": [1]}', 1))",
    );
    const { stdout } = await walctl(["decode-file", file]);
    const insert = stdout.split("\n").find((line) => line.includes('"insert"')) ?? "";
    const { c } = (JSON.parse(insert) as { new: { c: string } }).new;
    assert.deepEqual(JSON.parse(c), { j: { a: [1] }, n: 1 });
  });
});
