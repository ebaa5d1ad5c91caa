/** What -F sql prints, run by psql in a copy of the tables as they were before. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { walctl } from "../../support/program/cli.ts";
import { contentsOf, runSql } from "../../support/program/run-sql.ts";
import { type ServerVersion, type TestServer, startServer } from "../../support/server/server.ts";
import { ORACLE_SETUP } from "./oracle.ts";
import { type Workload, perform, setUp } from "./workload.ts";

/** Tables and types that are made after the copies are. */
const DDL = /CREATE |ALTER TYPE|late_table/;
const TAIL = ["tail", "-S", "changes", "-P", "everything", "-E", "now", "-F", "sql"];

/** From a file and from a pipe, with settings that change what a text means. */
export function testReplay(version: ServerVersion, workloads: readonly Workload[]): void {
  const names = workloads.map(({ name }) => name).join(", ");
  describe(`PostgreSQL ${version}: -F sql of ${names}`, () => {
    let server: TestServer;

    before(async () => {
      server = await startServer({ version, settings: { max_locks_per_transaction: "512" } });
      await server.sql(ORACLE_SETUP);
      for (const workload of workloads) await setUp(server, workload);
      const generated = version >= 18 ? "WITH (publish_generated_columns = stored)" : "";
      await server.sql(`CREATE PUBLICATION everything FOR ALL TABLES ${generated}`);
      for (const copy of ["by_file", "by_pipe"]) {
        await server.sql(`CREATE DATABASE ${copy} TEMPLATE postgres`);
      }
      await server.sql("ALTER DATABASE by_pipe SET standard_conforming_strings = off");
      await server.sql("ALTER DATABASE by_pipe SET DateStyle = 'SQL, DMY'");
      await server.sql("ALTER DATABASE by_pipe SET array_nulls = off");
      await server.sql("SELECT pg_create_logical_replication_slot('changes', 'pgoutput')");
      for (const workload of workloads) {
        const { steps } = workload;
        const fixed = typeof steps === "function" ? steps : steps.filter((step) => !DDL.test(step));
        await perform(server, { ...workload, steps: fixed });
      }
    });
    after(async () => {
      await server.dispose();
    });

    for (const [database, from, flags] of [
      ["by_file", "file", []],
      ["by_pipe", "pipe", ["--checked"]],
    ] as const) {
      it(`makes a copy equal, by a ${from}${flags.map((flag) => `, ${flag}`).join("")}`, async () => {
        // Many tables, which a busy server is asked about one by one.
        const options = { server, timeoutMs: 300_000 };
        const { status, stdout, stderr } = await walctl([...TAIL, ...flags], options);
        assert.equal(status, 0, stderr);
        const run = runSql(server, stdout, { database, from });
        assert.equal(run.stderr, "");
        const copy = await contentsOf(server, database);
        for (const [table, rows] of Object.entries(await contentsOf(server))) {
          assert.deepEqual(copy[table], rows, table);
        }
      });
    }
  });
}
