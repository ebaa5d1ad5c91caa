/** Rows out of WAL in which VACUUM FULL and CLUSTER gave system catalogues other files: no row of a table is missing for it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("rows beside system catalogues that were rewritten", () => {
  let root: string;
  let server: TestServer;
  let catalog: string;
  before(async () => {
    root = mkdtempSync(join(tmpdir(), "walctl-rewritten-"));
    catalog = join(root, "catalog");
    server = await startServer({
      version: 18,
      settings: {
        wal_level: "replica",
        wal_keep_size: "1GB",
        autovacuum: "off",
        full_page_writes: "on",
      },
      initdbArguments: ["--wal-segsize=1"],
    });
  });
  after(async () => {
    await server.dispose();
    rmSync(root, { recursive: true });
  });

  async function rewrite(): Promise<void> {
    for (const table of ["pg_proc", "pg_statistic", "pg_description", "pg_depend"]) {
      await server.sql(`VACUUM FULL ${table}`);
    }
  }

  /** Inserts a row, and rows of mapped and other catalogues that have values out of line. */
  async function change(id: number): Promise<void> {
    const body = Array.from({ length: 3000 }, (_, index) => Math.sin(id + index)).join(" ");
    await server.sql(
      `CREATE OR REPLACE FUNCTION long() RETURNS text LANGUAGE sql AS $$ SELECT '${body}' $$; COMMENT ON FUNCTION long() IS '${body}'`,
    );
    await server.sql(`INSERT INTO plain VALUES (${id}); ANALYZE other`);
  }

  async function decode(behind: string, ...args: readonly string[]): Promise<RunResult> {
    const command = ["decode-file", "-q", "--catalog", catalog, "--old", "full", ...args];
    return await walctl([...command, ...server.segments(behind)]);
  }

  function inserted({ stdout, status, stderr }: RunResult): readonly number[] {
    assert.equal(`${status} ${stderr}`, "0 ");
    const lines = stdout.trimEnd().split("\n");
    return lines.flatMap((line) => JSON.parse(line).new?.id ?? []);
  }

  it("are whole, wherever between these the WAL begins", async () => {
    await server.sql(
      "CREATE TABLE plain (id int PRIMARY KEY); CREATE TABLE other AS SELECT 1 AS a",
    );
    await change(1);
    await rewrite();
    const first = await server.endSegment();
    await server.sql("CHECKPOINT");
    await change(2);
    await server.sql("BEGIN; CLUSTER pg_proc USING pg_proc_oid_index; ROLLBACK");
    await rewrite();
    await change(3);
    const second = await server.endSegment();
    // Nothing says yet that no transaction is older than the second segment.
    await server.sql("INSERT INTO plain VALUES (4); ANALYZE other");
    await rewrite();
    await change(5);
    assert.equal((await walctl(["catalog", "-q", "-o", catalog], { server })).status, 0);
    await server.endSegment();
    assert.deepEqual(inserted(await decode(first)), [2, 3, 4, 5]);
    assert.deepEqual(inserted(await decode(first, "--aborted")), [2, 3, 4, 5]);
    assert.deepEqual(inserted(await decode(second)), [4, 5]);
  });
});
