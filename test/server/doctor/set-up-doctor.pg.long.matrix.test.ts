/** walctl doctor of servers that are set up otherwise than a stream needs it: each has a server of its own. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { pasteCommand } from "../../support/program/paste.ts";
import { startServer } from "../../support/server/server.ts";
import { startStandby } from "../../support/server/standby.ts";
import { diagnose, fault, faults } from "./diagnosis.ts";
import { until } from "../../support/tools/until.ts";

for (const version of newestOrBoth()) {
  describe(`doctor and how a server is set up, PostgreSQL ${version}`, () => {
    test("a slot that is asked for takes no other place, and its own reader's is not in the way", async () => {
      const few = await startServer({
        version,
        settings: { max_replication_slots: "1", max_wal_senders: "1" },
      });
      try {
        await few.sql("CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
        await few.sql("SELECT pg_create_logical_replication_slot('s1', 'pgoutput')");
        assert.match(
          fault(await diagnose(few), "max_replication_slots").message,
          /^1 of 1 slots are taken: no place for another/,
        );
        const own = await diagnose(few, ["-S", "s1"]);
        assert.equal(own.exit, 0);
        const told = own.checks.find(({ check }) => check === "max_replication_slots");
        assert.equal(told?.message, '1 of 1 slots are taken, by "s1" too');
        const other = await diagnose(few, ["-S", "s2"]);
        assert.ok(faults(other).includes("max_replication_slots"));
        const reader = spawnWalctl(["tail", "-S", "s1", "-P", "p"], { server: few });
        try {
          await until(async () => (await few.sql("SELECT FROM pg_stat_replication")).length > 0);
          const busy = await diagnose(few, ["-S", "s1"]);
          assert.deepEqual([busy.exit, faults(busy)], [0, ["max_slot_wal_keep_size"]]);
          assert.ok(faults(await diagnose(few)).includes("max_wal_senders"));
        } finally {
          await reader.stop();
        }
      } finally {
        await few.dispose();
      }
    });

    test("what only waits for a restart says so", async () => {
      const fresh = await startServer({ version, settings: { wal_level: "replica" } });
      try {
        await fresh.sql("CREATE ROLE plain LOGIN REPLICATION");
        const first = fault(await diagnose(fresh), "wal_level");
        assert.match(first.message, /it takes a restart of the server$/);
        await pasteCommand(first.fix ?? "", fresh.env);
        await sleep(300);
        for (const args of [[], ["-U", "plain"]]) {
          const second = fault(await diagnose(fresh, args), "wal_level");
          assert.match(
            second.message,
            /changed already: restart the server for it to take effect$/,
          );
          assert.equal(second.fix, null);
        }
        const { stderr } = await walctl(["create-slot", "s"], { server: fresh });
        assert.match(
          stderr,
          /^HINT: The configuration has been changed already: restart the server/m,
        );
        await fresh.sql("ALTER SYSTEM RESET wal_level");
        await fresh.sql("SELECT pg_reload_conf()");
        // Without the reload only the files tell.
        await fresh.sql("ALTER SYSTEM SET wal_level = 'logical'");
        assert.equal(fault(await diagnose(fresh), "wal_level").fix, null);
        await fresh.restart();
        assert.ok(!faults(await diagnose(fresh)).includes("wal_level"));
      } finally {
        await fresh.dispose();
      }
    });

    test("a setting with which the server would not start again is said, and is set back", async () => {
      const server = await startServer({ version, settings: { wal_level: "logical" } });
      try {
        await server.sql("SELECT pg_create_logical_replication_slot('keepme', 'pgoutput')");
        await server.sql("SELECT pg_create_logical_replication_slot('gone', 'pgoutput', true)");
        for (const [name, value, says] of [
          ["wal_level", "replica", /will not start then, because of logical slot "keepme"; set it/],
          ["max_replication_slots", "0", /has "0", with which the server will not start/],
        ] as const) {
          // Without a reload too: a restart reads the files.
          await server.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
          const { status, message, fix } = fault(await diagnose(server), name);
          assert.deepEqual([status, says.test(message)], ["fail", true], message);
          await pasteCommand(fix ?? "", server.env);
          await sleep(100);
          assert.ok(!faults(await diagnose(server)).includes(name));
          await server.sql(`ALTER SYSTEM SET ${name} = '${value}'`);
          await server.stop();
          await assert.rejects(server.start());
          writeFileSync(join(server.host, "data", "postgresql.auto.conf"), "");
          await server.start();
        }
        await server.sql("SELECT pg_drop_replication_slot('keepme')");
        await server.sql("ALTER SYSTEM SET wal_level = 'replica'");
        const { status, message } = fault(await diagnose(server), "wal_level");
        assert.deepEqual([status, /logical decoding ends then/.test(message)], ["warning", true]);
      } finally {
        await server.dispose();
      }
    });

    test("a managed server is set up where its owner says", async () => {
      const managed = await startServer({ version, settings: { wal_level: "replica" } });
      const lent =
        "CREATE ROLE rds_replication; CREATE ROLE app LOGIN; CREATE ROLE boss LOGIN CREATEROLE";
      try {
        await managed.sql(`${lent}; CREATE ROLE rds_superuser; GRANT rds_superuser TO boss;
          GRANT rds_replication TO boss WITH ADMIN OPTION`);
        const found = await diagnose(managed, ["-U", "app"]);
        const level = fault(found, "wal_level");
        assert.equal(level.fix, null);
        assert.match(
          level.message,
          /on Amazon RDS and Aurora set rds\.logical_replication = 1 in the parameter group; it takes a restart/,
        );
        const right = fault(found, "role_replication");
        assert.match(right.fix ?? "", /-U boss .*GRANT rds_replication TO /);
        await pasteCommand(right.fix ?? "", managed.env);
        assert.ok(!faults(await diagnose(managed, ["-U", "app"])).includes("role_replication"));
        for (const [role, words] of [
          ["cloudsqlsuperuser", /on Google Cloud SQL set cloudsql\.logical_decoding = on in /],
          ["azure_pg_admin", /on Azure .* set wal_level = logical in the server parameters/],
        ] as const) {
          await managed.sql("DROP ROLE IF EXISTS rds_superuser, cloudsqlsuperuser");
          await managed.sql(`CREATE ROLE ${role}`);
          const { message, fix } = fault(await diagnose(managed), "wal_level");
          assert.equal(fix, null);
          assert.match(message, words);
        }
      } finally {
        await managed.dispose();
      }
    });

    test("max_wal_senders of a server with a standby: not before the standby", async () => {
      const primary = await startServer({ version, settings: { max_wal_senders: "1" } });
      const standby = await startStandby(primary);
      try {
        await until(
          async () => (await primary.sql("SELECT FROM pg_stat_replication")).length > 0,
          50,
        );
        const { message, fix } = fault(await diagnose(primary), "max_wal_senders");
        assert.match(message, /raise it on the standbys first/);
        assert.equal(fix, null);
      } finally {
        await standby.dispose();
        await primary.dispose();
      }
    });

    test("what is not set up is set up by what it suggests", async () => {
      const settings = { wal_level: "replica", max_replication_slots: "1" };
      const server = await startServer({ version, settings });
      try {
        await server.sql("SELECT pg_create_physical_replication_slot('only')");
        const found = await diagnose(server);
        const names = [
          "wal_level",
          "max_replication_slots",
          "max_slot_wal_keep_size",
          "publication",
        ];
        assert.deepEqual(faults(found), names);
        assert.match(
          fault(found, "publication").message,
          /has no tables yet that could be published/,
        );
        await server.sql("CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE nokey (a int)");
        const again = await diagnose(server);
        for (const name of names) {
          const { fix } = fault(again, name);
          if (name !== "max_slot_wal_keep_size") await pasteCommand(fix ?? "", server.env);
        }
        await server.restart();
        assert.deepEqual(faults(await diagnose(server)), ["max_slot_wal_keep_size"]);
      } finally {
        await server.dispose();
      }
    });
  });
}
