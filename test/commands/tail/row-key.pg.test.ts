/** Under REPLICA IDENTITY FULL a row's line names the row by the key that the catalogue knows, wherever its columns stand. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { testedVersions } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

/** Tables with two columns that never change, `label` first, and what identifies a row. */
const TABLES = [
  ["last", "PRIMARY KEY (id)", ["7"]],
  ["both", "PRIMARY KEY (part, id)", ["part=eu", "id=7"]],
  ["uniq", "UNIQUE (id)", ["7"]],
] as const;
const COLUMNS = "label text, n int, part text NOT NULL, id int NOT NULL";

for (const version of testedVersions()) {
  describe(`the key of rows under REPLICA IDENTITY FULL on PostgreSQL ${version}`, () => {
    let server: TestServer;
    let folder: string;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "walctl-row-key-"));
      server = await startServer({ version });
      await server.sql("CREATE PUBLICATION p FOR ALL TABLES");
      for (const [name, key] of [...TABLES, ["bare", "CHECK (n > 0)"]] as const) {
        await server.sql(`CREATE TABLE "${name}" (${COLUMNS}, ${key}); ALTER TABLE "${name}" REPLICA IDENTITY FULL;
          INSERT INTO "${name}" VALUES ('same', 1, 'eu', 7)`);
      }
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
      for (const [name] of [...TABLES, ["bare"]] as const)
        await server.sql(`UPDATE "${name}" SET n = 2`);
    });
    after(async () => {
      await server.dispose();
      rmSync(folder, { recursive: true });
    });

    const lineOf = (stdout: string, table: string): string =>
      stdout.split("\n").find((line) => line.includes(`~ ${table}`)) ?? stdout;
    const table = ["-F", "table", "--width", "120"];

    test("stands on each line, in a stream and in its capture", async () => {
      const capture = join(folder, "capture");
      const args = ["tail", "-S", "s", "-P", "p", "-E", "now", "--capture", capture];
      for (const [index, command] of [
        ["tail", "-S", "s", "-P", "p", "-E", "now", ...table],
        [...args, ...table],
        ["decode-file", ...table, capture],
      ].entries()) {
        const { stdout, stderr } = await walctl(command, { server });
        for (const [name, , key] of TABLES) {
          const line = lineOf(stdout, name);
          for (const part of key)
            assert.ok(line.includes(` ${part} `), `${index}: ${line} ${stderr}`);
          assert.match(line, /n=1 → 2/);
          assert.doesNotMatch(line, /label/);
        }
        // Nothing identifies its rows but all that is in them.
        assert.match(lineOf(stdout, "bare"), /label=same │ n=1 → 2 {2}part=eu {2}id=7$/);
      }
    });

    test("stands on each line out of WAL, of a catalogue file's own knowledge", async () => {
      const catalog = join(folder, "catalog");
      await server.sql("SELECT pg_switch_wal()");
      const [exported] = [await walctl(["catalog", "-o", catalog], { server })];
      assert.equal(exported.status, 0, exported.stderr);
      const [row] = await server.sql<{ path: string }>(
        "SELECT current_setting('data_directory') AS path",
      );
      const args = ["decode-file", "--catalog", catalog, ...table, `${row?.path}/pg_wal`];
      const { stdout, stderr } = await walctl(args, { server });
      for (const [name, , key] of TABLES.filter(([each]) => each !== "uniq")) {
        const line = lineOf(stdout, name);
        for (const part of key) assert.ok(line.includes(` ${part} `), `${line} ${stderr}`);
        assert.doesNotMatch(line, /label/);
      }
    });
  });
}
