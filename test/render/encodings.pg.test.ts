/** Databases whose encoding is not UTF-8. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { childEnvironment, walctl } from "../support/program/cli.ts";
import { parseLines } from "../support/program/lines.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { toolPath } from "../support/tools/tools.ts";

let server: TestServer;

/** Sends the statements as these bytes: pg knows UTF-8 only. */
function psql(database: string, encoding: string, statements: Buffer): void {
  const { status, stderr } = spawnSync(
    toolPath("psql"),
    ["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database],
    {
      input: statements,
      env: childEnvironment({ server, env: { PGCLIENTENCODING: encoding } }),
      encoding: "latin1",
    },
  );
  assert.equal(status, 0, stderr);
}

interface Line {
  readonly kind: string;
  readonly prefix?: string;
  readonly content?: string;
  readonly content_base64?: string;
  readonly new?: unknown;
  readonly columns?: readonly { readonly name: string }[];
}

async function linesOf(database: string, ...args: readonly string[]): Promise<readonly Line[]> {
  const { stdout, stderr, status } = await walctl(
    ["tail", "-d", database, "-S", `slot_${database}`, "-P", "p", "-E", "now", ...args],
    { server },
  );
  assert.equal(status, 0, stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

describe("a database that is not UTF-8", () => {
  before(async () => {
    server = await startServer({ version: 18 });
    for (const [database, encoding] of [
      ["latin", "LATIN1"],
      ["plain", "SQL_ASCII"],
    ]) {
      await server.sql(
        `CREATE DATABASE ${database} ENCODING ${encoding} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
      );
    }
  });
  after(() => server.dispose());

  it("has its names, values and prefixes converted by the server, and the content of messages left as it is", async () => {
    psql(
      "latin",
      "UTF8",
      Buffer.from(`CREATE TABLE t ("größe" text); CREATE PUBLICATION p FOR TABLE t;
        SELECT pg_create_logical_replication_slot('slot_latin', 'pgoutput');
        INSERT INTO t VALUES ('é');
        SELECT pg_logical_emit_message(true, 'prä', 'größe');
        SELECT pg_logical_emit_message(true, 'ascii', 'size')`),
    );
    const lines = await linesOf("latin", "--messages");
    assert.deepEqual(lines.find(({ kind }) => kind === "insert")?.new, { größe: "é" });
    const [inLatin1, inAscii] = lines.filter(({ kind }) => kind === "message");
    assert.equal(inLatin1?.prefix, "prä");
    assert.equal(inLatin1.content, undefined);
    assert.equal(Buffer.from(inLatin1.content_base64 ?? "", "base64").toString("latin1"), "größe");
    assert.equal(inAscii?.content, "size");
  });

  it("Changes of a table, schema or column whose name is not UTF-8 are refused as SQL, which would name another.", async () => {
    const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
    for (const [table, column] of [
      ["t\xe4", "a"],
      ["s\xe4.t", "a"],
      ["c", "a\xe4"],
    ] as const) {
      const [schema, name] = table.includes(".") ? table.split(".") : ["public", table];
      psql(
        "plain",
        "SQL_ASCII",
        bytes(`CREATE SCHEMA IF NOT EXISTS "${schema}"; CREATE TABLE "${schema}"."${name}" ("${column}" int PRIMARY KEY);
          CREATE PUBLICATION q FOR TABLE "${schema}"."${name}"; SELECT pg_create_logical_replication_slot('q', 'pgoutput');
          INSERT INTO "${schema}"."${name}" VALUES (1)`),
      );
      const args = ["tail", "-d", "plain", "-S", "q", "-P", "q", "-E", "now", "-F", "sql"];
      const { status, stdout, stderr } = await walctl(args, { server });
      assert.equal(status, 1);
      assert.doesNotMatch(stdout, /INSERT/);
      assert.match(
        stderr,
        /^walctl: error: table .* cannot be written as SQL: .* \(bytes (74|73|61)e4\)\nHINT: /m,
      );
      psql("plain", "SQL_ASCII", bytes("DROP PUBLICATION q; SELECT pg_drop_replication_slot('q')"));
    }
  });

  it("doctor proposes no command that would name another table, and no publication that is there", async () => {
    const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
    psql(
      "plain",
      "SQL_ASCII",
      bytes(`CREATE TABLE "no key\xe4" (a int); CREATE PUBLICATION k FOR TABLE "no key\xe4";
        CREATE PUBLICATION "k\xe4"; CREATE TABLE "no key\xef\xbf\xbd" (a int)`),
    );
    const { stdout } = await walctl(["doctor", "-d", "plain"], { server });
    const checks = parseLines(stdout) as unknown as Record<string, string | null>[];
    const key = checks.find(({ check }) => check === "replica_identity");
    assert.deepEqual([key?.["status"], key?.["fix"]], ["fail", null]);
    assert.match(key?.["message"] ?? "", /a name in it is not UTF-8, so there is no command/);
    const publication = checks.find(({ message }) => message?.includes("cannot be examined"));
    assert.deepEqual([publication?.["check"], publication?.["status"]], ["publication", "unknown"]);
    psql("plain", "SQL_ASCII", bytes(`DROP PUBLICATION k; DROP PUBLICATION "k\xe4"`));
  });

  it("keeps columns apart whose names are not UTF-8", async () => {
    psql(
      "plain",
      "SQL_ASCII",
      Buffer.from(
        `CREATE TABLE t ("a\xff" text, "a\xfe" text, "a\\xff" text, "\xe9\\" text);
         CREATE PUBLICATION p FOR TABLE t;
         SELECT pg_create_logical_replication_slot('slot_plain', 'pgoutput');
         INSERT INTO t VALUES ('ff', 'fe', 'literal', 'e9')`,
        "latin1",
      ),
    );
    const lines = await linesOf("plain");
    const row = { "a\\xff\\": "ff", "a\\xfe": "fe", "a\\xff": "literal", "\\xe9\\\\": "e9" };
    assert.deepEqual(lines.find(({ kind }) => kind === "insert")?.new, row);
    const relation = lines.find(({ kind }) => kind === "relation");
    assert.deepEqual(
      relation?.columns?.map(({ name }) => name),
      Object.keys(row),
    );
  });
});
