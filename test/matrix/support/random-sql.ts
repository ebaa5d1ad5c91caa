/** Random transactions made once more and taken back: foreign keys, rows without a key, hostile names and values. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type ServerVersion, type TestServer, startServer } from "../../support/server/server.ts";
import { seededRandom } from "../../support/tools/random.ts";

const SEED = Number(process.env["WALCTL_TEST_SEED"] ?? Date.now() % 100_000);

/** Each has all tables, and one transaction changes those of one of them. */
const SCHEMAS = ["first", "second", "third"];

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
  "; DROP TABLE loose; --",
  "a\nCOMMIT; -- end_lsn 0/1\nb",
  "\u0085\u2028\u202e😀",
  "%",
  "% %s",
  "\t\r\b\f\u0001\u007f",
  "/* */ --",
  "E'",
  "NULL",
  "\\x41",
  "$walctl1$ $walctl2$",
  "}'::text",
  "\n$walctl$;\n",
];

/** One transaction of any kind; it may fail as a whole. It returns its xid. */
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
  // It has an xid, and changes something.
  const first = "INSERT INTO nothing DEFAULT VALUES";
  const last = "SELECT pg_current_xact_id()::text AS xid";
  return [first, ...Array.from({ length: 1 + number(6) }, statement), last].join(";\n");
}

const LSN = "SELECT pg_current_wal_insert_lsn()::text AS lsn";

type Contents = Record<string, string[]>;

/** Of each schema the transactions from a random one on, and what the tables were before these. */
interface Chosen {
  readonly flags: readonly string[];
  readonly without: Contents;
}

async function createTables(server: TestServer, ...more: readonly string[]): Promise<void> {
  for (const schema of SCHEMAS) {
    await server.sql(
      `CREATE SCHEMA ${schema}; SET LOCAL search_path = ${schema}; ${TABLES} ${more.join("")}`,
    );
  }
}

async function perform(server: TestServer, count: number): Promise<Chosen> {
  const random = seededRandom(SEED);
  const number = (below: number): number => Math.floor(random() * below);
  const cuts = SCHEMAS.map(() => number(count));
  const flags: string[] = [];
  const without: Contents = {};
  for (let at = 0; at < count; at++) {
    for (const [index, schema] of SCHEMAS.entries()) {
      if (cuts[index] !== at) continue;
      const contents = Object.entries(await contentsOf(server));
      Object.assign(
        without,
        Object.fromEntries(contents.filter(([name]) => name.startsWith(schema))),
      );
    }
    const index = number(SCHEMAS.length);
    const sql = `SET LOCAL search_path = ${SCHEMAS[index]};\n${transaction(random)}`;
    try {
      const [row] = await server.sql<{ xid: string }>(sql);
      if (at >= (cuts[index] ?? 0)) flags.push("--xid", row?.xid ?? "");
    } catch (error) {
      // A text that is there already; anything else is a fault of this test.
      assert.match(String(error), /duplicate key/, sql);
    }
  }
  return { flags, without };
}

/** Random transactions of a slot, some of which are taken back, and then all of them. */
export function testUndo(version: ServerVersion): void {
  describe(`PostgreSQL ${version}: random transactions, WALCTL_TEST_SEED=${SEED}`, () => {
    let server: TestServer;
    let chosen: Chosen;

    before(async () => {
      server = await startServer({ version });
      await createTables(server, ...FULL);
      const generated = version >= 18 ? "WITH (publish_generated_columns = stored)" : "";
      await server.sql(`CREATE PUBLICATION everything FOR ALL TABLES ${generated}`);
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      chosen = await perform(server, 300);
    });
    after(async () => {
      await server.dispose();
    });

    async function sqlOf(...flags: readonly string[]): Promise<string> {
      const args = ["-q", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql", ...flags];
      const { status, stdout, stderr } = await walctl(["tail", ...args], { server });
      assert.deepEqual([status, stderr], [0, ""]);
      return stdout;
    }

    it("are made once more in a copy", async () => {
      const run = runSql(server, await sqlOf("--checked"), { database: "copy" });
      assert.equal(run.stderr, "");
      assert.deepEqual(await contentsOf(server, "copy"), await contentsOf(server));
    });

    it("are taken back, some of them, and all of them", async () => {
      const some = await sqlOf("--undo", "--checked", ...chosen.flags);
      const all = await sqlOf("--undo");
      assert.equal(runSql(server, some, { database: "copy" }).stderr, "");
      assert.deepEqual(await contentsOf(server, "copy"), chosen.without);
      assert.equal(runSql(server, all).stderr, "");
      for (const [table, rows] of Object.entries(await contentsOf(server))) {
        assert.deepEqual(rows, [], table);
      }
    });
  });
}

/** The same out of WAL that has no old rows but those of its pages. */
export function testUndoOfWal(version: ServerVersion): void {
  describe(`PostgreSQL ${version}: random transactions out of WAL at replica, WALCTL_TEST_SEED=${SEED}`, () => {
    it("are taken back without an identity that logs old rows", async () => {
      const settings = {
        wal_level: "replica",
        full_page_writes: "on",
        checkpoint_timeout: "1h",
        autovacuum: "off",
      };
      const server = await startServer({ version, settings });
      const folder = mkdtempSync(join(tmpdir(), "walctl-undo-"));
      try {
        await createTables(server);
        await server.sql("CHECKPOINT");
        const { flags, without } = await perform(server, 200);
        const [last] = await server.sql<{ lsn: string }>(LSN);
        assert.notDeepEqual(await contentsOf(server), without);
        const catalog = join(folder, "catalog");
        assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
        await server.sql("SELECT pg_switch_wal()");
        const wal = join(server.host, "data", "pg_wal");
        const decode = ["decode-file", "-q", "--catalog", catalog, wal, "-F", "sql"];
        const undo = ["--old", "full", ...flags, "--undo", "--checked"];
        const { status, stdout, stderr } = await walctl([...decode, ...undo]);
        assert.equal(`${status} ${stderr}`, "0 ");
        assert.equal(runSql(server, stdout).stderr, "");
        assert.deepEqual(await contentsOf(server), without);

        // Chance decides which tables the transactions changed.
        const tables = ["first.tree", "second.pairs", "third.nothing", "third.parents"].filter(
          (table) => new RegExp(`\\b${table}\\b`).test(stdout),
        );
        assert.ok(tables.length > 1, stdout);
        await server.sql("ALTER TABLE first.tree RENAME TO wood");
        await server.sql(
          "ALTER TABLE second.pairs RENAME a TO aa; ALTER TABLE third.ends ADD v int",
        );
        await server.sql("DROP TABLE third.nothing; SELECT pg_switch_wal()");
        const renamed = async (until: string): Promise<void> => {
          const args = [...undo, "-E", until, "--only-table"];
          for (const table of tables) {
            const tried = await walctl([...decode, ...args, table]);
            if (table === "third.parents") assert.match(tried.stdout, /^-- The undo/);
            else
              assert.match(
                tried.stderr,
                /change of .*: it or its columns were renamed, dropped or given another type since/,
              );
          }
        };
        const [behind] = await server.sql<{ lsn: string }>(LSN);
        // By an older catalogue and the WAL, and by a newer one.
        await renamed(behind?.lsn ?? "");
        assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
        await server.sql("SELECT pg_switch_wal()");
        await renamed(last?.lsn ?? "");

        const [emptied] = await server.sql<{ lsn: string }>(LSN);
        await server.sql(
          "SET LOCAL search_path = third; INSERT INTO parents VALUES (1000); TRUNCATE parents, children, ends",
        );
        await server.sql("SELECT pg_switch_wal()");
        assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
        await server.sql("SELECT pg_switch_wal()");
        const later = [...decode, "-I", emptied?.lsn ?? ""];
        const again = await walctl(later);
        assert.match(again.stdout, /\nTRUNCATE TABLE (third\.\w+(, |;\n)){3}COMMIT;/);
        const refused = await walctl([...later, "--undo"]);
        assert.equal(`${refused.status} ${refused.stdout}`, "3 ");
        const early = await walctl([...decode, "-I", "0/8", "--undo"]);
        assert.equal(`${early.status} ${early.stdout}`, "2 ");
        assert.match(
          early.stderr,
          /the WAL begins at 0\/1000000, so not all from 0\/8 on can be undone/,
        );
        assert.match(refused.stderr, /TRUNCATE of third\.ends: a TRUNCATE has no inverse/);
      } finally {
        rmSync(folder, { recursive: true });
        await server.dispose();
      }
    });
  });
}
