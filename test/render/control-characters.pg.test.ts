/** Names that hold control characters, in every JSON that a command prints: a terminal must not see them raw. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { quoteIdentifier } from "../../src/server/query/sql.ts";
import { walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";

/** CSI in one character, DEL, NEL and an escape. */
const NAME = "n\u009b31m\u007f\u0085\u001b[0m";
// oxlint-disable-next-line no-control-regex
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

describe("control characters in names", () => {
  let server: TestServer;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-control-"));
    server = await startServer({ version: 18 });
    await server.sql(`CREATE DATABASE ${quoteIdentifier(NAME)}`);
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  test("stand escaped in all that is printed", async () => {
    const env = { PGDATABASE: NAME };
    const capture = join(folder, "capture");
    const table = quoteIdentifier(NAME);
    const psql = async (sql: string): Promise<void> => {
      const { Client } = (await import("pg")).default;
      const client = new Client({
        host: server.host,
        port: server.port,
        user: "postgres",
        database: NAME,
      });
      await client.connect();
      await client.query(sql);
      await client.end();
    };
    await psql(`CREATE TABLE ${table} (${table} int)`);
    const tail = ["tail", "-S", "s", "-P", NAME, "-E", "now"];
    const runs: ReadonlyArray<readonly [args: readonly string[], named: boolean]> = [
      [
        ["setup-publication", NAME, "-t", `${table} WHERE (${table} > 0)`, "--publish", "insert"],
        true,
      ],
      [["create-slot", "s"], false],
      [[...tail, "--capture", capture], true],
      [[...tail, "--summary", "-F", "ndjson"], true],
      [["decode-file", capture], true],
      [["decode-file", capture, "--summary", "-F", "ndjson"], true],
      [["slots"], true],
      [["doctor", "-F", "ndjson"], true],
      [["advance-slot", "s", "0/1"], false],
      [["drop-slot", "s"], false],
    ];
    for (const [args, named] of runs) {
      const { stdout } = await walctl(args, { server, env });
      const said = args.join(" ");
      assert.doesNotMatch(stdout, RAW, said);
      const lines = stdout.trimEnd().split("\n");
      for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), said);
      assert.equal(stdout.includes(String.raw`n\u009b31m\u007f\u0085\u001b[0m`), named, said);
      if (args[0] === "create-slot") await psql(`INSERT INTO ${table} VALUES (1)`);
    }
  });
});

/** What else makes JSON, and where that goes. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "json-line.ts": "the one place",
  "assert.ts": "a bug's message",
  "writer.ts": "a capture's metadata: no text",
  "debezium-values.ts": "an object, in a string of jsonString()",
  "debezium.ts": "positions, in a string of jsonString()",
  "summary-counts.ts": "the key of a map",
  "schema.ts": "a constant of the program",
  "file-output.ts": "options, compared and kept in FILE.walctl",
  "announcements.ts": "types, compared",
  "sql-plan.ts": "a table's columns, compared",
  "file-state.ts": "FILE.walctl, which only walctl reads",
  "values.ts": "a string in a jsonb's text, as the server prints it",
  "pipeline.ts": "a warning, which the reporter sanitizes",
};

test("JSON is printed by json-line.ts", () => {
  const src = fileURLToPath(new URL("../../../src", import.meta.url));
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => readFileSync(join(src, file), "utf8").includes("JSON.stringify("))
    .map((file) => basename(file));
  assert.deepEqual(
    files.filter((file) => !(file in ELSEWHERE)),
    [],
  );
});
