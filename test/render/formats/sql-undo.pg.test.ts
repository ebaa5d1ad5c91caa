/** --undo and --checked: foreign keys, rows without a key, tables that have moved on, and what cannot be undone. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { seededRandom } from "../../support/tools/random.ts";

const SEED = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 100_000);

const TABLES = `
  CREATE TABLE parents (id int PRIMARY KEY, note text, UNIQUE (note));
  CREATE TABLE children (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent int NOT NULL REFERENCES parents ON DELETE CASCADE, v numeric);
  CREATE TABLE tree (id int PRIMARY KEY, above int REFERENCES tree ON DELETE CASCADE);
  CREATE TABLE pairs (a int, b text, n int, doubled int GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (a, b));
  CREATE TABLE loose (n numeric, j json, f float8, t text);
  CREATE TABLE nothing ();
  CREATE TABLE parts (id int, k text, v jsonb, PRIMARY KEY (id, k)) PARTITION BY HASH (id);
  CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
  CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
  CREATE TABLE ends (id int PRIMARY KEY, first int, FOREIGN KEY (first) REFERENCES parents DEFERRABLE);
  CREATE TABLE hostile (id int PRIMARY KEY, "$walctl$" text, n text);
  CREATE TABLE "Ģ WHERE false);DROP TABLE ends;--" (b bpchar, x xml, t tsrange);`;
const NAMES = ["parents", "children", "tree", "pairs", "loose", "nothing", "parts_0", "parts_1"];
const ODD = '"Ģ WHERE false);DROP TABLE ends;--"';
const FULL = [...NAMES, "ends", "hostile", ODD].map(
  (name) => `ALTER TABLE ${name} REPLICA IDENTITY FULL;`,
);

const TEXTS = [
  ...[
    "",
    "'",
    "''",
    "\\",
    "\\'",
    "\\\\",
    "\n\\! echo shell\n",
    "\n\\.\n",
    "$$",
    "$walctl$",
    ":x :'x' :\"x\"",
  ],
  ...[
    "; DROP TABLE loose; --",
    "a\nCOMMIT; -- end_lsn 0/1\nb",
    "\u0085\u2028\u202e😀",
    "%",
    "% %s",
    "\t\r\b\f\u0001\u007f",
  ],
  ...["/* */ --", "E'", "NULL", "\\x41", "$walctl1$ $walctl2$", "}'::text", "\n$walctl$;\n"],
];

/** One transaction of any kind; it may fail as a whole. */
function transaction(random: () => number): string {
  const number = (below: number): number => Math.floor(random() * below);
  const text = (): string => {
    const value = TEXTS[number(TEXTS.length)] ?? "";
    return `E'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
  };
  const statement = (): string => {
    const id = number(40);
    switch (number(20)) {
      case 0:
        return `INSERT INTO parents VALUES (${id}, ${text()} || ${id}) ON CONFLICT DO NOTHING`;
      case 1:
        return `INSERT INTO children (parent, v) SELECT id, ${id}.50 FROM parents WHERE id % 3 = ${id % 3}`;
      case 2:
        return `DELETE FROM parents WHERE id BETWEEN ${id} AND ${id + 5}`;
      case 3:
        return `UPDATE children SET v = v + 1.0 WHERE id % 4 = ${id % 4}`;
      case 4:
        // The child comes before its parent.
        return `INSERT INTO tree VALUES (${id}, ${id + 1}), (${id + 1}, NULL) ON CONFLICT DO NOTHING`;
      case 5:
        return `DELETE FROM tree WHERE id = ${id}`;
      case 6:
        return `INSERT INTO pairs VALUES (${id}, ${text()}, ${id}), (${id}, ${text()} || 'x', NULL) ON CONFLICT DO NOTHING`;
      case 7:
        return `UPDATE pairs SET n = ${id}, b = b || '.' WHERE a = ${id}`;
      case 8:
        return `DELETE FROM pairs WHERE a > ${id}`;
      case 9:
        return `INSERT INTO loose SELECT ${["1.0", "1.00", "'NaN'", "NULL"][id % 4]}, '{"a":  1}', ${["0", "'-0'", "0.1", "NULL"][number(4)]}, ${text()} FROM generate_series(1, ${number(4)})`;
      case 10:
        return `DELETE FROM loose WHERE ctid IN (SELECT ctid FROM loose ORDER BY md5(ctid::text || ${id}) LIMIT ${number(5)})`;
      case 11:
        return `UPDATE loose SET t = ${text()} WHERE ctid IN (SELECT ctid FROM loose ORDER BY md5(ctid::text || ${id}) LIMIT 2)`;
      case 12:
        return id % 2 === 0
          ? "INSERT INTO nothing DEFAULT VALUES"
          : "DELETE FROM nothing WHERE ctid = (SELECT min(ctid) FROM nothing)";
      case 13:
        return `INSERT INTO parts VALUES (${id}, ${text()}, '{"x": 1.${id}}') ON CONFLICT (id, k) DO UPDATE SET k = parts.k || 'y'`;
      case 14:
        return `DELETE FROM parts WHERE id = ${id}`;
      case 15:
        return `INSERT INTO ${ODD} SELECT b, x, 'empty' FROM (VALUES (NULL, ''), ('', NULL), ('a', '<a/>'), ('a ', '')) v(b, x) LIMIT ${number(4)}`.replace(
          "b, x, ",
          "b, x::xml, ",
        );
      case 16:
        return `DELETE FROM ${ODD} WHERE b = ${["''", "'a'", "'a '"][id % 3]}`;
      case 17:
        return `DELETE FROM ${ODD} WHERE b IS NULL AND ctid = (SELECT min(ctid) FROM ${ODD})`;
      case 18:
        return `UPDATE hostile SET "$walctl$" = ${text()}, n = ${text()} WHERE id = ${id % 10}`;
      default:
        return `INSERT INTO hostile VALUES (${id % 10}, ${text()}, ${text()}) ON CONFLICT DO NOTHING`;
    }
  };
  return ["BEGIN", ...Array.from({ length: 1 + number(6) }, statement), "COMMIT"].join(";\n");
}

async function perform(server: TestServer, random: () => number, count: number): Promise<void> {
  for (let number = 0; number < count; number++) {
    const sql = transaction(random);
    await server.sql(sql).catch(async (error: unknown) => {
      await server.sql("ROLLBACK");
      // A text that is there already; anything else is a fault of this test.
      assert.match(String(error), /duplicate key/, sql);
    });
  }
}

async function positionOf(server: TestServer): Promise<string> {
  const [row] = await server.sql<{ lsn: string }>(
    "SELECT pg_current_wal_insert_lsn()::text AS lsn",
  );
  return row?.lsn ?? "";
}

describe(`random transactions, WALCTL_TEST_SEED=${SEED}`, () => {
  let server: TestServer;
  let middle: string;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(TABLES + FULL.join(""));
    await server.sql(
      "CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_generated_columns = stored)",
    );
    await server.sql("CREATE DATABASE copy TEMPLATE postgres");
    await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
    const random = seededRandom(SEED);
    await perform(server, random, 150);
    middle = await positionOf(server);
    await server.sql("CREATE DATABASE halfway TEMPLATE postgres");
    await perform(server, random, 150);
  });
  after(async () => {
    await server.dispose();
  });

  async function sqlOf(...flags: readonly string[]): Promise<string> {
    const args = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql", ...flags];
    const { status, stdout, stderr } = await walctl(args, { server });
    assert.equal(status, 0, stderr);
    return stdout;
  }

  it("are made once more in a copy", async () => {
    const run = runSql(server, await sqlOf("--checked"), { database: "copy" });
    assert.equal(run.stderr, "");
    assert.deepEqual(await contentsOf(server, "copy"), await contentsOf(server));
  });

  it("are taken back, from the last one to one in the middle, and to the first", async () => {
    const halfway = await contentsOf(server, "halfway");
    const late = await sqlOf("--undo", "--checked", "-I", middle);
    const all = await sqlOf("--undo");
    assert.equal(runSql(server, late, { database: "copy" }).stderr, "");
    assert.deepEqual(await contentsOf(server, "copy"), halfway);
    assert.equal(runSql(server, all).stderr, "");
    for (const [table, rows] of Object.entries(await contentsOf(server))) {
      assert.deepEqual(rows, [], table);
    }
  });
});

describe(`random transactions out of WAL at replica, WALCTL_TEST_SEED=${SEED}`, () => {
  it("are taken back without an identity that logs old rows", async () => {
    const settings = { wal_level: "replica", full_page_writes: "on", autovacuum: "off" };
    const server = await startServer({ version: 18, settings });
    const folder = mkdtempSync(join(tmpdir(), "walctl-undo-"));
    try {
      await server.sql(TABLES);
      await server.sql("CHECKPOINT");
      const random = seededRandom(SEED);
      await perform(server, random, 100);
      const middle = await positionOf(server);
      const expected = await contentsOf(server);
      await perform(server, random, 100);
      assert.notDeepEqual(await contentsOf(server), expected);
      const catalog = join(folder, "catalog");
      assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
      await server.sql("SELECT pg_switch_wal()");
      const wal = join(server.host, "data", "pg_wal");
      const args = ["decode-file", "-q", "--catalog", catalog, "--old", "full", "-I", middle, wal];
      const { status, stdout, stderr } = await walctl([
        ...args,
        "-F",
        "sql",
        "--undo",
        "--checked",
      ]);
      assert.equal(`${status} ${stderr}`, "0 ");
      assert.equal(runSql(server, stdout).stderr, "");
      assert.deepEqual(await contentsOf(server), expected);

      const emptied = await positionOf(server);
      await server.sql("INSERT INTO parents VALUES (1000); TRUNCATE parents, children, ends");
      await server.sql("SELECT pg_switch_wal()");
      assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
      await server.sql("SELECT pg_switch_wal()");
      const later = ["decode-file", "-q", "--catalog", catalog, "-I", emptied, wal, "-F", "sql"];
      const again = await walctl(later);
      assert.match(again.stdout, /\nTRUNCATE TABLE (public\.\w+(, |;\n)){3}COMMIT;/);
      const refused = await walctl([...later, "--undo"]);
      assert.equal(`${refused.status} ${refused.stdout}`, "3 ");
      assert.match(refused.stderr, /TRUNCATE of public\.ends: a TRUNCATE has no inverse/);
    } finally {
      rmSync(folder, { recursive: true });
      await server.dispose();
    }
  });
});

describe("a table that has moved on", () => {
  let server: TestServer;
  let checked: string;
  let unchecked: string;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(
      'CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE "odd % \'name" (id int PRIMARY KEY)',
    );
    await server.sql("INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')");
    await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
    await server.sql("CREATE DATABASE copy TEMPLATE postgres");
    await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
    await server.sql("UPDATE t SET v = 'first' WHERE id = 1");
    await server.sql(
      "BEGIN; UPDATE t SET v = 'second' WHERE id = 2; DELETE FROM t WHERE id = 3; COMMIT",
    );
    await server.sql("INSERT INTO t VALUES (4, 'third')");
    await server.sql(`INSERT INTO "odd % 'name" VALUES (1); DELETE FROM "odd % 'name"`);
    const args = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];
    checked = (await walctl([...args, "--checked"], { server })).stdout;
    unchecked = (await walctl(args, { server })).stdout;
  });
  after(async () => {
    await server.dispose();
  });

  for (const stop of [true, false]) {
    it(`with --checked nothing is done from there on, ON_ERROR_STOP=${stop}`, async () => {
      const run = runSql(server, `DELETE FROM t WHERE id = 3;\n${checked}`, {
        database: "copy",
        stop,
      });
      assert.match(
        run.stderr,
        /ERROR: {2}DELETE of public.t touched 0 rows, not 1 \(xid \d+, commit_lsn [0-9A-F/]+\)/,
      );
      if (!stop) assert.match(run.stderr, /the transaction before this one was not committed/);
      const { "public.t": rows } = await contentsOf(server, "copy");
      assert.deepEqual(rows, ['{"id":1,"v":"first"}', '{"id":2,"v":"b"}']);
      runSql(server, "UPDATE t SET v = 'a' WHERE id = 1", { database: "copy" });
    });
  }

  it("a name is a name in a message too", () => {
    const sql = checked.slice(0, checked.indexOf("\nINSERT") + 1);
    assert.ok(checked.includes(`DELETE of public."odd %% ''name" touched % rows`), sql);
  });

  it("without --checked what is there is changed", async () => {
    assert.equal(runSql(server, unchecked, { database: "copy" }).stderr, "");
    const copy = await contentsOf(server, "copy");
    assert.deepEqual(copy["public.t"], (await contentsOf(server))["public.t"]);
  });
});

describe("an undo of rows that were changed again", () => {
  it("leaves them, and with --checked stops", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE t (id int PRIMARY KEY, v text, w text)");
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      const xids: string[] = [];
      for (const sql of [
        "INSERT INTO t VALUES (1, 'a', NULL), (2, 'a', NULL)",
        "UPDATE t SET v = 'real' WHERE id = 2",
      ]) {
        const [row] = await server.sql<{ xid: string }>(
          `${sql}; SELECT pg_current_xact_id()::text AS xid`,
        );
        xids.push(row?.xid ?? "");
      }
      const args = [
        "tail",
        "-S",
        "changes",
        "-P",
        "everything",
        "-E",
        "now",
        "-F",
        "sql",
        "--undo",
      ];
      const undo = async (...more: readonly string[]): Promise<string> =>
        (await walctl([...args, "--where", `xid == ${xids[0]}`, ...more], { server })).stdout;
      const checked = runSql(server, await undo("--checked"));
      assert.match(checked.stderr, /DELETE of public\.t touched 1 rows, not 2/);
      assert.equal(runSql(server, await undo()).stderr, "");
      assert.deepEqual((await contentsOf(server))["public.t"], ['{"id":2,"v":"real","w":null}']);
      const nothing = await walctl([...args, "--where", "xid == 999999999"], { server });
      assert.equal(`${nothing.status} ${nothing.stdout}`, "0 ");
      assert.match(nothing.stderr, /warning: no change was found that is to be undone/);
    } finally {
      await server.dispose();
    }
  });
});

describe("what cannot be undone", () => {
  let server: TestServer;
  const TAIL = ["tail", "-q", "-S", "changes", "-P", "everything", "-F", "sql", "--undo"];

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(
      "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE keys (a int PRIMARY KEY)",
    );
    await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
    await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
    await server.sql(
      "INSERT INTO t VALUES (1, 'secret'), (2, 'secret'); INSERT INTO keys VALUES (1), (2)",
    );
    await server.sql("UPDATE keys SET a = 3 WHERE a = 1; DELETE FROM keys WHERE a = 2");
    await server.sql("UPDATE t SET v = 'secret too'; DELETE FROM t WHERE id = 1");
    await server.sql("TRUNCATE t");
  });
  after(async () => {
    await server.dispose();
  });

  it("is refused by name, and nothing is printed", async () => {
    const { status, stdout, stderr } = await walctl([...TAIL, "-E", "now"], { server });
    assert.equal(`${status} ${stdout}`, "1 ");
    assert.match(stderr, /^walctl: error: not all changes can be undone, so nothing is printed\n/);
    assert.match(
      stderr,
      /UPDATE of public\.t: its old row was not sent \(2, first in xid \d+, commit_lsn /,
    );
    assert.match(stderr, /DELETE of public\.t: its old row was not sent \(1, /);
    assert.match(stderr, /TRUNCATE of public\.t: a TRUNCATE has no inverse \(1, /);
    assert.match(stderr, /HINT: .*--old full.*REPLICA IDENTITY FULL.*--only insert,update,delete/);
    assert.doesNotMatch(stderr, /secret/);
  });

  it("is left out by a filter", async () => {
    const args = [...TAIL, "-E", "now", "--only-table", "keys"];
    const { status, stdout, stderr } = await walctl(args, { server });
    assert.equal(status, 0, stderr);
    const statements = stdout.split("\n").filter((line) => /^[A-Z]+ (INTO|FROM|public)/.test(line));
    assert.deepEqual(statements, [
      "INSERT INTO public.keys (a) OVERRIDING SYSTEM VALUE VALUES (2);",
      "UPDATE public.keys SET a = 1 WHERE a = 3;",
      "DELETE FROM public.keys WHERE a IN (1, 2);",
    ]);
  });

  it("of a transaction that an end cuts nothing is undone", async () => {
    const args = [...TAIL, "-n", "3", "--only-table", "keys"];
    const { status, stdout, stderr } = await walctl(args, { server });
    assert.equal(`${status} ${stdout}`, "1 ");
    assert.match(stderr, /transaction: it does not end in the input \(1, first in xid \d+/);
  });
});

describe("what a publication leaves out", () => {
  it("is not undone", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE few (id int PRIMARY KEY, secret text)");
      await server.sql(
        "CREATE TABLE live (id int, st text); CREATE TABLE whole (id int PRIMARY KEY)",
      );
      await server.sql("ALTER TABLE live REPLICA IDENTITY FULL");
      await server.sql(
        "CREATE PUBLICATION p FOR TABLE few (id), live WHERE (st = 'live'), whole (id)",
      );
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql(
        "INSERT INTO few VALUES (1, 's'); DELETE FROM few; INSERT INTO whole VALUES (1)",
      );
      await server.sql("INSERT INTO live VALUES (1, 'draft'); UPDATE live SET st = 'live'");
      const capture = join(mkdtempSync(join(tmpdir(), "walctl-undo-")), "capture");
      const args = ["-F", "sql", "--undo"];
      const tail = ["tail", "-S", "changes", "-P", "p", "-E", "now", "--capture", capture, ...args];
      for (const command of [tail, ["decode-file", capture, ...args]]) {
        const { stdout, stderr } = await walctl(command, { server });
        assert.equal(stdout, "");
        assert.match(
          stderr,
          /DELETE of public\.few: its publication leaves out columns or rows \(1, /,
        );
        assert.match(
          stderr,
          /INSERT of public\.live: its publication leaves out columns or rows \(1, /,
        );
        const whole = await walctl([...command, "--only-table", "whole"], { server });
        assert.match(whole.stdout, /\nDELETE FROM public\.whole WHERE id = 1;\n/, whole.stderr);
      }
    } finally {
      await server.dispose();
    }
  });
});

describe("usage of -F sql", () => {
  const CASES: ReadonlyArray<readonly [args: string, message: RegExp]> = [
    ["tail --undo -E now -S s", /--undo is for SQL\nHINT: Add -F sql/],
    ["tail --checked -F ndjson", /--checked is for SQL/],
    ["decode-file x --checked", /--checked is for SQL/],
    ["tail -F sql --undo", /--undo needs an end to begin at\nHINT: .*-E now/],
    ["tail -F sql --undo -E now", /has nothing to undo without a slot/],
    ["tail -F sql --undo -E now --ack -S s", /--undo prints no changes that could be acknowledged/],
    ["tail -F sql --binary", /--binary is not for -F sql/],
    [
      "tail -F sql --streaming on",
      /--streaming sends what may still be rolled back, and sql has no form/,
    ],
    ["tail -F sql --two-phase", /--two-phase sends what may still be rolled back/],
    ["tail -F sql --values text", /--values text is for --format ndjson/],
    ["tail -F sql --safe-numbers", /--safe-numbers is for --format ndjson/],
    ["tail -F sql --summary", /--summary prints no changes/],
    ["tail -F sql -x", /--expanded is for tables/],
    ["decode-file x -F sql --columns id", /--columns is for tables/],
    ["decode-file x -F sql --aborted", /--aborted is for physical WAL/],
  ];
  for (const [args, message] of CASES) {
    it(`walctl ${args}`, async () => {
      const { status, stdout, stderr } = await walctl(args.split(" "));
      assert.equal(`${status} ${stdout}`, "2 ");
      assert.match(stderr, message);
    });
  }
});
