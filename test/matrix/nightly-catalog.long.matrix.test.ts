/** Rows behind a catalogue file, out of WAL that begins in the segment of its export: what the file says was running is proof. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunResult, walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { startStandby } from "../support/server/standby.ts";
import { newestOrNamed } from "./support/versions.ts";

for (const version of newestOrNamed()) {
  describe(`a nightly catalogue of PostgreSQL ${version}`, () => {
    let root: string;
    let server: TestServer;
    before(async () => {
      root = mkdtempSync(join(tmpdir(), "walctl-nightly-"));
      server = await startServer({
        version,
        settings: {
          wal_keep_size: "1GB",
          autovacuum: "off",
          max_prepared_transactions: "5",
          // A list of what runs would be proof too.
          wal_level: "replica",
          checkpoint_timeout: "1h",
          full_page_writes: "on",
        },
        initdbArguments: ["--wal-segsize=1"],
      });
      await server.sql("CREATE TABLE altered (id int); CREATE TABLE other (id int)");
    });
    after(async () => {
      await server.dispose();
      rmSync(root, { recursive: true, force: true });
    });

    async function nextSegment(): Promise<string> {
      // Pages of the catalogue are images behind it.
      await server.sql("CHECKPOINT");
      await server.sql("SELECT pg_switch_wal()");
      const [row] = await server.sql<{ name: string }>(
        "SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name",
      );
      return row?.name ?? "";
    }

    async function exported(from: TestServer = server): Promise<string> {
      const file = join(root, "nightly.catalog");
      const { status, stderr } = await walctl(["catalog", "-q", "-o", file], { server: from });
      assert.equal(status, 0, stderr);
      return file;
    }

    async function inserted(first: string, ...args: readonly string[]): Promise<RunResult> {
      await server.sql("SELECT pg_switch_wal()");
      const wal = join(server.host, "data", "pg_wal");
      const names = readdirSync(wal).filter((name) => /^[0-9A-F]{24}$/.test(name) && name >= first);
      const decode = ["decode-file", "-q", "--catalog", join(root, "nightly.catalog")];
      const paths = names.map((name) => join(wal, name));
      const result = await walctl([...decode, "--only", "insert", ...args, ...paths]);
      const rows = result.stdout.trimEnd().split("\n").filter(Boolean);
      const shown = rows.map((row) => JSON.stringify((JSON.parse(row) as { new: unknown }).new));
      return { ...result, stdout: shown.join(" ") };
    }

    it("has rows of a table that was altered after the export, and one that was prepared", async () => {
      const first = await nextSegment();
      await exported();
      await server.sql("ALTER TABLE altered ADD a int");
      await server.sql("INSERT INTO altered VALUES (1, 1)");
      await server.sql("BEGIN; ALTER TABLE altered ADD b int; PREPARE TRANSACTION 'p'");
      await server.sql("COMMIT PREPARED 'p'");
      await server.sql("INSERT INTO altered VALUES (2, 2, 2)");
      const { status, stderr, stdout } = await inserted(first);
      assert.equal(stdout, '{"id":1,"a":1} {"id":2,"a":2,"b":2}', stderr);
      assert.equal(`${status} ${stderr}`, "0 ");
    });

    it("has no rows of a table that a transaction had altered by then, newer than its snapshot's xmax", async () => {
      const first = await nextSegment();
      const [open, prepared] = [await server.connect(), await server.connect()];
      await open.query("BEGIN; ALTER TABLE altered RENAME a TO c");
      await prepared.query("BEGIN; ALTER TABLE other ADD a int; PREPARE TRANSACTION 'q'");
      await exported();
      await open.query("INSERT INTO altered (id, c) VALUES (3, 3); COMMIT");
      await prepared.query("COMMIT PREPARED 'q'");
      await Promise.all([open.end(), prepared.end()]);
      await server.sql("CREATE TABLE later (id int)");
      await server.sql("INSERT INTO other VALUES (4, 4); INSERT INTO later VALUES (5)");
      const { status, stderr, stdout } = await inserted(first);
      assert.equal(stdout, '{"id":5}', stderr);
      assert.match(stderr, /2 changes of 2 relfilenodes not explained/);
      assert.equal(status, 3);
    });

    it("of a standby has them too, and what ran when it was exported", async () => {
      const standby = await startStandby(server);
      try {
        const first = await nextSegment();
        const open = await server.connect();
        await open.query("BEGIN; ALTER TABLE altered RENAME c TO d");
        await server.sql("SELECT pg_logical_emit_message(true, '', '')");
        const [end] = await server.sql<{ lsn: string }>("SELECT pg_current_wal_lsn() AS lsn");
        for (let caughtUp = false; !caughtUp;) {
          const [row] = await standby.sql<{ there: boolean }>(
            `SELECT pg_last_wal_replay_lsn() >= '${end?.lsn}' AS there`,
          );
          caughtUp = row?.there === true;
        }
        await exported(standby);
        await server.sql("ALTER TABLE other ADD b int");
        await server.sql("INSERT INTO other VALUES (6, 6, 6)");
        await open.query("COMMIT");
        await open.end();
        await server.sql("INSERT INTO altered (id, d) VALUES (7, 7)");
        const { status, stderr, stdout } = await inserted(first);
        assert.equal(stdout, '{"id":6,"a":6,"b":6}', stderr);
        assert.match(stderr, /1 change of 1 relfilenode not explained/);
        assert.equal(status, 3);
      } finally {
        await standby.dispose();
      }
    });

    it("of the data directory has them too, and what was prepared before the shutdown", async () => {
      const prepared = "BEGIN; ALTER TABLE other RENAME b TO e; PREPARE TRANSACTION 'r'";
      await server.sql(prepared);
      await server.stop();
      const args = ["--data-dir", join(server.host, "data"), "-d", "postgres"];
      const file = join(root, "nightly.catalog");
      const made = await walctl(["catalog", "-q", ...args, "-o", file]);
      assert.equal(made.status, 0, made.stderr);
      await server.start();
      const [row] = await server.sql<{ name: string }>(
        "SELECT pg_walfile_name(pg_current_wal_insert_lsn()) AS name",
      );
      await server.sql("ALTER TABLE altered RENAME d TO f");
      await server.sql("INSERT INTO altered (id, f) VALUES (8, 8)");
      await server.sql("COMMIT PREPARED 'r'");
      await server.sql("INSERT INTO other VALUES (9, 9, 9)");
      const { status, stderr, stdout } = await inserted(row?.name ?? "");
      assert.equal(stdout, '{"id":8,"f":8,"b":null}', stderr);
      assert.match(stderr, /1 change of 1 relfilenode not explained/);
      assert.equal(status, 3);
    });
  });
}
