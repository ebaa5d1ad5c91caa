/** An undo out of WAL whose values would mean something else by now: it is refused, and no other one is. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { testedVersions } from "../../matrix/support/versions.ts";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const RENAMED = "it or its columns were renamed, dropped or given another type since";
const TYPE = "a type of its columns was altered since";
const ROWS = "ALTER COLUMN … TYPE rewrote its rows since";

/** A table `t`, its change, and what comes after it. */
interface Case {
  readonly setUp: string;
  readonly change?: string;
  readonly alter: string;
}

const ENUM = "CREATE TYPE st AS ENUM ('on', 'off')";
const PAIR = "CREATE TYPE co AS (x int, y int)";
const SWAP =
  "ALTER TYPE st RENAME VALUE 'on' TO 'z'; ALTER TYPE st RENAME VALUE 'off' TO 'on'; ALTER TYPE st RENAME VALUE 'z' TO 'off'";

function table(type: string, ...values: readonly string[]): string {
  const rows = values.map((value, index) => `(${index + 1}, ${value})`);
  return `CREATE TABLE t (id int PRIMARY KEY, a ${type}); INSERT INTO t VALUES ${rows.join(", ")}`;
}

const TYPES: Readonly<Record<string, Case>> = {
  "a composite type's attributes": {
    setUp: `${PAIR}; ${table("co", "'(5,50)'", "'(6,60)'")}`,
    alter: "ALTER TYPE co ADD ATTRIBUTE z int; ALTER TYPE co DROP ATTRIBUTE x",
  },
  "one more attribute": {
    setUp: `${PAIR}; ${table("co[]", `'{"(5,50)"}'`, `'{"(6,60)"}'`)}`,
    alter: "ALTER TYPE co ADD ATTRIBUTE z int",
  },
  "the names of attributes, deep inside": {
    setUp: `${PAIR}; CREATE TYPE outer_ AS (c co[]); CREATE DOMAIN d AS outer_; ${table("d", `ROW('{"(5,50)"}'::co[])`, "NULL")}`,
    alter: "ALTER TYPE co RENAME ATTRIBUTE x TO y_; ALTER TYPE co RENAME ATTRIBUTE y TO x",
  },
  "a table that is a column's type": {
    setUp: `CREATE TABLE other (x int, y int); ${table("other", "'(5,50)'", "'(6,60)'")}`,
    alter: "ALTER TABLE other DROP x; ALTER TABLE other ADD z int",
  },
  "the labels of an enum, which are swapped": {
    setUp: `${ENUM}; ${table("st", "'on'", "'off'")}`,
    alter: SWAP,
  },
  "a label of an enum, by which the row would not be found": {
    setUp: `${ENUM}; ${table("st", "'on'", "'off'")}`,
    change: "UPDATE t SET a = 'off' WHERE id = 1",
    alter: "ALTER TYPE st RENAME VALUE 'off' TO 'out'",
  },
  "a label of an array's elements": {
    setUp: `${ENUM}; ${table("st[]", "'{on,off}'", "'{off}'")}`,
    alter: SWAP,
  },
  "a label of a range's bounds": {
    setUp: `${ENUM}; CREATE TYPE str AS RANGE (subtype = st); ${table("str", "'[on,off]'", "'[off,off]'")}`,
    alter: SWAP,
  },
  "a label, in a transaction that changes the table too": {
    setUp: `${ENUM}; ${table("st", "'on'", "'off'")}`,
    change: `BEGIN; DELETE FROM t WHERE id = 1; ${SWAP}; UPDATE t SET a = 'on' WHERE id = 2; COMMIT`,
    alter: "",
  },
};

const INTEGERS = table("int", "10", "20", "30");
const REWRITES: Readonly<Record<string, Case>> = {
  "to the same type": { setUp: INTEGERS, alter: "ALTER TABLE t ALTER a TYPE int USING a * 100" },
  "of texts": {
    setUp: table("text", "'one'", "'two'"),
    alter: "ALTER TABLE t ALTER a TYPE text USING upper(a)",
  },
  "of a column that rows lack": {
    setUp: `CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2); ALTER TABLE t ADD a int DEFAULT 10`,
    alter: "ALTER TABLE t ALTER a TYPE int USING a * 100",
  },
  "between the changes": {
    setUp: INTEGERS,
    change:
      "DELETE FROM t WHERE id = 1; ALTER TABLE t ALTER a TYPE int USING a * 100; DELETE FROM t WHERE id = 2",
    alter: "",
  },
  "in a subtransaction, with other changes": {
    setUp: INTEGERS,
    alter:
      "BEGIN; UPDATE t SET id = id + 10; SAVEPOINT s; ALTER TABLE t ADD b int, ALTER a TYPE int USING a * 100; RELEASE s; COMMIT",
  },
};

const ALLOWED: Readonly<Record<string, Case>> = {
  "an enum only has more labels": {
    setUp: `${ENUM}; ${table("st", "'on'", "'off'")}`,
    alter:
      "ALTER TYPE st ADD VALUE 'broken' BEFORE 'off'; ALTER TYPE st ADD VALUE 'new' AFTER 'on'",
  },
  "types of other tables were altered": {
    setUp: `${ENUM}; CREATE TYPE st2 AS ENUM ('on'); ${PAIR}; ${table("st", "'on'", "'off'")}`,
    alter: "ALTER TYPE st2 RENAME VALUE 'on' TO 'off'; ALTER TYPE co DROP ATTRIBUTE x",
  },
  "its type was altered before it": {
    setUp: `${ENUM}; ${PAIR}; CREATE TABLE t (id int PRIMARY KEY, a st, c co); INSERT INTO t VALUES (1, 'on', '(1,2)'), (2, 'off', '(3,4)')`,
    change: `BEGIN; ${SWAP}; ALTER TYPE co DROP ATTRIBUTE x; DELETE FROM t WHERE id = 1; COMMIT; UPDATE t SET a = 'off' WHERE id = 2`,
    alter: "",
  },
  "its rows were rewritten as they are": {
    setUp: `${INTEGERS}; ALTER TABLE t ADD b int DEFAULT 7, ADD v varchar(10) DEFAULT 'x'`,
    alter:
      "VACUUM FULL t; CLUSTER t USING t_pkey; ALTER TABLE t ALTER v TYPE varchar(20); VACUUM FULL t; ALTER TABLE t ADD r float8 DEFAULT random()",
  },
};

for (const version of testedVersions()) {
  describe(`an undo on PostgreSQL ${version}`, () => {
    let root: string;
    let server: TestServer;
    before(async () => {
      root = mkdtempSync(join(tmpdir(), "walctl-altered-"));
      server = await startServer({
        version,
        settings: { wal_level: "replica", wal_keep_size: "1GB", autovacuum: "off" },
        initdbArguments: ["--wal-segsize=1"],
      });
    });
    after(async () => {
      await server.dispose();
      rmSync(root, { recursive: true, force: true });
    });

    /**
     * Undoes the change with a catalogue file of before it, and with one of after all; each by itself, with -E and with --until
     * before the alteration.
     */
    async function undosOf({
      setUp,
      change = "DELETE FROM t WHERE id = 1",
      alter,
    }: Case): Promise<readonly RunResult[]> {
      const run = (sql: string): void => assert.equal(runSql(server, sql).stderr, "");
      run("SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
      const [last] = await server.sql<{ name: string }>(
        "SELECT pg_walfile_name(pg_switch_wal()) AS name",
      );
      run("CHECKPOINT");
      run(setUp);
      const files = [join(root, "early"), join(root, "late")];
      const exportTo = async (file: string): Promise<void> => {
        const { status, stderr } = await walctl(["catalog", "-q", "-o", file], { server });
        assert.equal(status, 0, stderr);
      };
      await exportTo(files[0]!);
      const [from] = await server.sql<{ lsn: string }>(
        "SELECT pg_current_wal_insert_lsn()::text AS lsn",
      );
      run(change);
      const [end] = await server.sql<{ lsn: string; time: string }>(
        "SELECT pg_current_wal_insert_lsn()::text AS lsn, clock_timestamp()::text AS time",
      );
      const limits = [[], ["-E", end?.lsn ?? ""], ["--until", end?.time ?? ""]];
      run(alter);
      await exportTo(files[1]!);
      run("SELECT pg_logical_emit_message(false, '', ''); SELECT pg_switch_wal()");
      const wal = join(server.host, "data", "pg_wal");
      const paths = readdirSync(wal)
        .filter((name) => /^[0-9A-F]{24}$/.test(name) && name > (last?.name ?? ""))
        .map((name) => join(wal, name));
      const args = ["-I", from?.lsn ?? "", "--old", "full", "-F", "sql", "--undo", "--checked"];
      const results: RunResult[] = [];
      for (const file of files) {
        for (const limit of limits) {
          const all = ["decode-file", "-q", "--catalog", file, ...args, ...limit, ...paths];
          results.push(await walctl(all));
        }
      }
      return results;
    }

    async function assertRefused(of: Case, fault: string): Promise<void> {
      for (const { status, stdout, stderr } of await undosOf(of)) {
        assert.equal(`${status} ${stdout}`, "3 ", stderr);
        assert.ok(stderr.includes(`\nDETAIL: change of public.t: ${fault} (`), stderr);
      }
    }

    for (const [what, of] of Object.entries(TYPES)) {
      it(`is refused where a column's type was altered since: ${what}`, async () =>
        await assertRefused(of, TYPE));
    }

    for (const [what, of] of Object.entries(REWRITES)) {
      it(`is refused where ALTER COLUMN TYPE rewrote the rows ${what}`, async () =>
        await assertRefused(of, ROWS));
    }

    it("is refused where a column became another type by an expression", async () => {
      const alter = "ALTER TABLE t ALTER a TYPE bigint USING a * 100";
      await assertRefused({ setUp: INTEGERS, alter }, RENAMED);
    });

    for (const [what, of] of Object.entries(ALLOWED)) {
      it(`puts the rows back where ${what}`, async () => {
        const setUp = `${of.setUp}; CREATE TABLE was AS SELECT * FROM t`;
        const undos = await undosOf({ ...of, setUp });
        for (const { status, stderr } of undos) assert.equal(`${status} ${stderr}`, "0 ");
        assert.equal(new Set(undos.map(({ stdout }) => stdout)).size, 1);
        assert.equal(runSql(server, undos[0]?.stdout ?? "").stderr, "");
        await server.sql("ALTER TABLE t DROP COLUMN IF EXISTS r");
        const { "public.t": now, "public.was": was } = await contentsOf(server);
        assert.ok(was !== undefined && was.length > 0);
        assert.deepEqual(now?.toSorted(), was.toSorted());
      });
    }
  });
}
