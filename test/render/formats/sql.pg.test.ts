/** What -F sql prints, run by psql; of every type and version: test/matrix/sql.long.matrix.test.ts. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { testReplay } from "../../matrix/support/sql-replay.ts";
import { generated } from "../../matrix/workloads/generated.ts";
import { identities } from "../../matrix/workloads/identities.ts";
import { names } from "../../matrix/workloads/names.ts";
import { ownTypes } from "../../matrix/workloads/own-types.ts";
import { partitions } from "../../matrix/workloads/partitions.ts";
import { toast } from "../../matrix/workloads/toast.ts";
import { truncate } from "../../matrix/workloads/truncate.ts";
import { walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { startServer } from "../../support/server/server.ts";

testReplay(18, [ownTypes, toast, identities, partitions, generated, names, truncate]);

describe("a row that ON UPDATE CASCADE moves to another partition", () => {
  it("is there once in a replay without foreign keys, as a caution says", async () => {
    const server = await startServer({ version: 18 });
    try {
      await server.sql("CREATE TABLE pk (a int PRIMARY KEY); INSERT INTO pk VALUES (1)");
      await server.sql(
        "CREATE TABLE fk (a int REFERENCES pk ON UPDATE CASCADE) PARTITION BY LIST (a)",
      );
      await server.sql("CREATE TABLE fk1 PARTITION OF fk FOR VALUES IN (1)");
      await server.sql("CREATE TABLE fk2 PARTITION OF fk DEFAULT; INSERT INTO fk VALUES (1)");
      for (const table of ["fk1", "fk2"]) {
        await server.sql(`ALTER TABLE ${table} REPLICA IDENTITY FULL`);
      }
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("CREATE DATABASE copy TEMPLATE postgres");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      await server.sql("UPDATE pk SET a = 20");
      const tail = ["tail", "-q", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];
      const { stdout, stderr } = await walctl(tail, { server });
      assert.match(
        stderr,
        /of public\.fk1 to other .*\nHINT: Run .*session_replication_role = replica/,
      );
      assert.match(stdout, /\n-- ON UPDATE of a foreign key moves rows of public\.fk1 /);
      const role = "SET session_replication_role = replica;\n";
      assert.equal(runSql(server, role + stdout, { database: "copy" }).stderr, "");
      assert.deepEqual(await contentsOf(server, "copy"), await contentsOf(server));
    } finally {
      await server.dispose();
    }
  });
});

describe("a table with a trigger that changes rows", () => {
  it("is named before a script runs: without its triggers all is taken back", async () => {
    const server = await startServer({ version: 18 });
    const folder = mkdtempSync(join(tmpdir(), "walctl-triggers-"));
    try {
      await server.sql("CREATE TABLE t (id int PRIMARY KEY, v text, w int, at timestamptz)");
      await server.sql("CREATE TABLE parent (id int PRIMARY KEY)");
      await server.sql(
        "CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent ON DELETE CASCADE)",
      );
      await server.sql(
        "CREATE FUNCTION now_at() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := clock_timestamp(); RETURN NEW; END $$",
      );
      await server.sql(
        "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
      );
      await server.sql(
        "CREATE TRIGGER at BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION now_at()",
      );
      for (const table of ["t", "parent", "child"]) {
        await server.sql(`ALTER TABLE ${table} REPLICA IDENTITY FULL`);
        if (table !== "t")
          await server.sql(
            `CREATE TRIGGER log AFTER DELETE ON ${table} FOR EACH ROW EXECUTE FUNCTION nothing()`,
          );
      }
      await server.sql(
        "INSERT INTO t VALUES (1, 'new', 10); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1)",
      );
      await server.sql("CREATE PUBLICATION everything FOR ALL TABLES");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      const before = await contentsOf(server);
      await server.sql("UPDATE t SET v = 'BAD'");
      await server.sql("UPDATE t SET w = 0");
      await server.sql("DELETE FROM parent");
      const capture = join(folder, "capture");
      const tail = [
        "tail",
        "-q",
        "-S",
        "changes",
        "-P",
        "everything",
        "-E",
        "now",
        "--capture",
        capture,
      ];
      const warning =
        /^walctl: warning: public\.t has triggers, .*\nHINT: .*: ALTER TABLE public\.t DISABLE TRIGGER USER; /;
      const redo = await walctl([...tail, "-F", "sql"], { server });
      assert.match(redo.stderr, warning);
      assert.match(redo.stdout, /\n-- public\.t has triggers, .*\nUPDATE public\.t/);
      assert.match(
        redo.stdout,
        /\nWITH s1 AS \(DELETE FROM public\.parent .*\n *DELETE FROM public\.child/,
      );
      const undo = await walctl(["decode-file", capture, "-F", "sql", "--undo", "--checked"]);
      assert.match(undo.stderr, warning);
      assert.match(undo.stdout, /\n-- public\.t has triggers, .*\n[^]*BEGIN; /);
      const stopped = runSql(server, undo.stdout);
      assert.match(stopped.stderr, /UPDATE of public\.t touched 0 rows, not 1/);
      assert.equal(runSql(server, `ALTER TABLE t DISABLE TRIGGER USER; ${undo.stdout}`).stderr, "");
      assert.deepEqual(await contentsOf(server), before);
    } finally {
      rmSync(folder, { recursive: true });
      await server.dispose();
    }
  });
});
