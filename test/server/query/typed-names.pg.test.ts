/** One rule for names in -t, --only-table, --row and --columns. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { parseTablePattern } from "../../../src/server/query/typed-names.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { parseLines } from "../../support/program/lines.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

/** Patterns, and which names they fit. */
const PATTERNS: ReadonlyArray<readonly [string, ReadonlyArray<readonly [string, string]>]> = [
  [
    "orders",
    [
      ["public", "orders"],
      ["shop", "orders"],
    ],
  ],
  ["Public.ORD*", [["public", "orders"]]],
  [
    "p*.*",
    [
      ["public", "orders"],
      ["public", "Orders"],
      ["public", "a.b"],
      ["p.a", "b"],
    ],
  ],
  ['"Orders"', [["public", "Orders"]]],
  ['"O"*', [["public", "Orders"]]],
  [
    "o?ders",
    [
      ["public", "orders"],
      ["shop", "orders"],
    ],
  ],
  ['"a.b"', [["public", "a.b"]]],
  ['"p.a".b', [["p.a", "b"]]],
  ['"star*"', [["x", "star*"]]],
  [
    "star*",
    [
      ["x", "star*"],
      ["x", "star2"],
    ],
  ],
  ["my-table", [["x", "my-table"]]],
  ['"my ""table"', [["x", 'my "table']]],
];
const NAMES: ReadonlyArray<readonly [string, string]> = [
  ["public", "orders"],
  ["shop", "orders"],
  ["public", "Orders"],
  ["public", "a.b"],
  ["p.a", "b"],
  ["x", "star*"],
  ["x", "star2"],
  ["x", "my-table"],
  ["x", 'my "table'],
];

test("a pattern folds what is not quoted, and takes what is quoted as it is", () => {
  for (const [text, fitting] of PATTERNS) {
    const { fits } = parseTablePattern("--only-table", text);
    assert.deepEqual(
      NAMES.filter(([schema, name]) => fits(schema, name)),
      fitting,
      text,
    );
  }
});

test("a malformed pattern is a usage error that says how to quote", () => {
  for (const text of ["", "my table", "a,b", "a.b.c", 'a"', '"', "a.", ".a", "o'brien"]) {
    assert.throws(
      () => parseTablePattern("--only-table", text),
      (error) =>
        error instanceof WalctlError && error.exitCode === 2 && /"My Table"/.test(error.hint ?? ""),
      text,
    );
  }
});

describe("names in options", () => {
  let server: TestServer;
  let folder: string;
  let capture: string;

  const TABLES = ["User", "a.b", "my table", 'q"q', "plain", "star*"];
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "walctl-names-"));
    capture = join(folder, "capture");
    server = await startServer({ version: 18 });
    for (const name of TABLES) {
      await server.sql(`CREATE TABLE ${quoted(name)} (${quoted(name)} int PRIMARY KEY, n int)`);
    }
    const options = TABLES.flatMap((name) => ["-t", `public.${quoted(name)}`]);
    const made = await walctl(["setup-publication", "p", ...options], { server });
    assert.equal(made.status, 0, made.stderr);
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    for (const name of TABLES) await server.sql(`INSERT INTO ${quoted(name)} VALUES (1, 2)`);
    const tail = await walctl(["tail", "-S", "s", "-P", "p", "-E", "now", "--capture", capture], {
      server,
    });
    assert.equal(tail.status, 0, tail.stderr);
  });
  after(async () => {
    await server.dispose();
    rmSync(folder, { recursive: true });
  });

  const tablesOf = ({ stdout, stderr, status }: RunResult): unknown[] => {
    assert.equal(status, 0, stderr);
    return parseLines(stdout).flatMap(({ kind, table }) => (kind === "insert" ? [table] : []));
  };

  test("-t, --only-table, --row and --columns take the same name for the same table", async () => {
    for (const name of TABLES) {
      const only = await walctl(["decode-file", "--only-table", quoted(name), capture]);
      assert.deepEqual([tablesOf(only), only.stderr], [[name], ""], name);
      const row = await walctl(["decode-file", "--row", `public.${quoted(name)} 1`, capture]);
      assert.deepEqual([tablesOf(row), row.stderr], [[name], ""], name);
      const named = ["decode-file", "--row", `${quoted(name)} ${quoted(name)}=1`, capture];
      assert.deepEqual(tablesOf(await walctl(named)), [name], name);
      const columns = ["-F", "table", "--columns", quoted(name), capture];
      const { stderr, status } = await walctl(["decode-file", ...columns]);
      assert.deepEqual([status, stderr], [0, ""], name);
    }
  });

  test("a name that lacks its quotes is warned of in the form that can be pasted", async () => {
    const { stderr } = await walctl(["decode-file", "--only-table", "User", capture]);
    assert.match(stderr, /no table matched "User" .*\nHINT: Did you mean 'public\."User"'\?/);
    const row = await walctl(["decode-file", "--row", "User 1", capture]);
    assert.match(
      row.stderr,
      /no table matched "?user"? .*\nHINT: Did you mean 'public\."User"'\?/i,
    );
    const column = ["decode-file", "-F", "table", "--columns", "User", capture];
    assert.match((await walctl(column)).stderr, /\nHINT: Did you mean "User"\?/);
  });

  test("each option refuses the same malformed name and says how to quote it", async () => {
    for (const args of [
      ["setup-publication", "x", "--dry-run", "-t", "my table"],
      ["decode-file", "--only-table", "my table", capture],
      ["decode-file", "-F", "table", "--columns", "my table", capture],
      ["decode-file", "--row", 'my"table 1', capture],
    ]) {
      const { status, stderr } = await walctl(args, { server });
      assert.equal(status, 2, stderr);
      assert.match(stderr, /malformed at .*\nHINT: .*in double quotes: .*"/);
    }
  });
});
