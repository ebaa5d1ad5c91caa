/** `walctl doctor`: every fault is found, and what it suggests fixes it. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { matchGolden } from "../../support/golden/golden.ts";
import { pasteCommand } from "../../support/program/paste.ts";
import { startSessionPooler } from "../../support/server/session-pooler.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { WALCTL_COMMAND, openTerminal } from "../../support/program/terminal.ts";
import { type Check, diagnose, fault, faults } from "./diagnosis.ts";

const ALWAYS = [
  "connection",
  "server_version",
  "wal_level",
  "max_replication_slots",
  "max_wal_senders",
  "wal_sender_timeout",
  "max_slot_wal_keep_size",
  "synchronous_standby_names",
  "role_replication",
  "role_create",
  "pooler",
  "replication_connection",
  "pg_hba",
];

for (const version of newestOrBoth()) {
  describe(`doctor on PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      const settings = { max_slot_wal_keep_size: "10GB" };
      server = await startServer({ version, settings, tcp: true });
      await server.sql("CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE nokey (a int)");
      await server.sql("CREATE ROLE plain LOGIN");
      await server.sql("CREATE PUBLICATION p FOR TABLE t");
    });
    after(() => server.dispose());

    /** Pastes what it suggests, and waits until the server has taken it up. */
    async function paste({ fix }: Check): Promise<void> {
      assert.ok(fix !== null);
      await pasteCommand(fix, server.env);
      await sleep(200);
    }

    async function setting(sql: string): Promise<void> {
      await server.sql(sql);
      await server.sql("SELECT pg_reload_conf()");
      await sleep(200);
    }

    test("all is well", async () => {
      const { checks, exit } = await diagnose(server);
      assert.equal(exit, 0);
      const names = checks.map(({ check }) => check);
      const idle = version >= 18 ? ["idle_replication_slot_timeout"] : [];
      assert.deepEqual(names.toSorted(), [...ALWAYS, ...idle, "publication", "slot"].toSorted());
      assert.deepEqual(faults({ checks, exit }), []);
    });

    test("what a person reads, at 80 and at 200 columns", async () => {
      await server.sql("ALTER PUBLICATION p ADD TABLE nokey");
      for (const columns of [80, 200]) {
        const terminal = await openTerminal(`${WALCTL_COMMAND} doctor`, {
          columns,
          rows: 60,
          server,
        });
        try {
          assert.equal(await terminal.exit(), 1);
          // tmux joins no lines, so that paths make lines of their own length.
          const text = (await terminal.text()).replaceAll(/(\/tmp\/walctl-\w+|\d{5})/g, "…");
          assert.match(
            text,
            /^FAIL +replica_identity: table "public"."nokey" has no replica identity/m,
          );
          assert.match(text, /\d+ checks, 1 failed, 0 warnings$/);
        } finally {
          await terminal.close();
        }
      }
      // Whatever the length of the socket's path.
      const env = { COLUMNS: "1000" };
      const table = await walctl(["doctor", "-F", "table"], { server, env });
      const shown = table.stdout
        .replaceAll(server.host, "SOCKET_DIR")
        .replaceAll(String(server.port), "PORT")
        .replace(/PostgreSQL \d+\.\d+/, "PostgreSQL VERSION");
      matchGolden(`fixtures/doctor/doctor-${version}.txt`, shown);
      await server.sql("ALTER PUBLICATION p DROP TABLE nokey");
    });

    test("a published table without a replica identity", async () => {
      await server.sql("ALTER PUBLICATION p ADD TABLE nokey");
      const found = fault(await diagnose(server), "replica_identity");
      assert.equal(found.status, "fail");
      await assert.rejects(server.sql("UPDATE nokey SET a = 1"));
      await paste(found);
      await server.sql("UPDATE nokey SET a = 1");
      assert.deepEqual(faults(await diagnose(server)), []);
      await server.sql("ALTER PUBLICATION p DROP TABLE nokey");
    });

    test("checkpoints by volume, one after the other", async () => {
      const statistics = version >= 17 ? "checkpointer" : "bgwriter";
      const reset = async (): Promise<void> => {
        for (const name of [statistics, "wal"]) {
          await server.sql(`SELECT pg_stat_reset_shared('${name}')`);
        }
      };
      await setting("ALTER SYSTEM SET max_wal_size = '32MB'");
      await reset();
      // Checkpoints by hand are no fault.
      for (let count = 0; count < 8; count++) await server.sql("CHECKPOINT");
      assert.deepEqual(faults(await diagnose(server)), []);
      let found = await diagnose(server);
      for (let round = 0; round < 60 && faults(found).length === 0; round++) {
        await server.sql("SELECT pg_logical_emit_message(false, 'x', repeat('x', 40000000))");
        found = await diagnose(server);
      }
      const { message, fix } = fault(found, "checkpoints");
      assert.match(
        message,
        /^\d+ of \d+ checkpoints were requested before their time, most of them because max_wal_size \(32MB now\) was reached, by the WAL between them, one every \d+ s; .*; see what fills the WAL$/,
      );
      assert.match(await pasteCommand(fix ?? "", server.env), /"kind":"wal_finding"/);
      const { message: elsewhere, fix: none } = fault(
        await diagnose(server, ["-h", "localhost"]),
        "checkpoints",
      );
      assert.equal(none, null);
      assert.match(elsewhere, new RegExp(`on the server, see what fills the WAL: ${fix}$`));
      await setting("ALTER SYSTEM RESET max_wal_size");
      await reset();
    });

    test("a role that may nothing, and then what it needs", async () => {
      const plain = ["-U", "plain"];
      const found = await diagnose(server, plain);
      const names = ["role_replication", "role_create", "replication_connection", "role_select"];
      assert.deepEqual(faults(found), names);
      for (const name of names) await paste(fault(found, name));
      assert.deepEqual(faults(await diagnose(server, plain)), []);
    });

    test("publications and slots that are asked for and are not there", async () => {
      const args = ["-P", "p", "-P", "My Pub", "-S", "missing"];
      const found = await diagnose(server, args);
      assert.deepEqual(faults(found), ["publication", "slot"]);
      await paste(fault(found, "publication"));
      await paste(fault(found, "slot"));
      // The table without a key is in it now; and others are not looked at.
      assert.deepEqual(faults(await diagnose(server, args)), []);
      await server.sql(`DROP PUBLICATION "My Pub"; SELECT pg_drop_replication_slot('missing')`);
    });

    test("a slot that is older than the publication: who asks for both is told, and nobody loses it", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('old', 'pgoutput')");
      await server.sql("INSERT INTO t VALUES (100), (101)");
      await server.sql("CREATE PUBLICATION late FOR TABLE t");
      const waiting = `SELECT count(*) FROM pg_logical_slot_peek_binary_changes('old', NULL, NULL,
        'proto_version', '1', 'publication_names', 'p')`;
      const waited = await server.psql(waiting);
      // Which slot is read for which publication nobody knows.
      for (const args of [[], ["-S", "old"], ["-P", "late"], ["-S", "old", "-P", "p"]]) {
        assert.deepEqual(faults(await diagnose(server, args)), [], args.join(" "));
      }
      const asked = ["-S", "old", "-P", "late"];
      const found = fault(await diagnose(server, asked), "slot_order");
      assert.equal(found.status, "warning");
      assert.match(
        found.message,
        /^publication "late" may be newer than the position of slot "old"/,
      );
      await paste(found);
      const still = fault(await diagnose(server, asked), "slot_order");
      assert.match(still.message, /; slot "old_2" exists too$/);
      assert.equal(still.fix, null);
      assert.equal(await server.psql(waiting), waited);
      await server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots");
      await server.sql("DROP PUBLICATION late");
    });

    test("commits that would wait for walctl", async () => {
      await setting("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 1 (a, walctl)'");
      const found = fault(await diagnose(server), "synchronous_standby_names");
      const [, name = ""] = /^export PGAPPNAME=(.*)$/.exec(found.fix ?? "") ?? [];
      assert.deepEqual(faults(await diagnose(server, [], { env: { PGAPPNAME: name } })), []);
      await setting("ALTER SYSTEM SET synchronous_standby_names = '*'");
      assert.match(
        fault(await diagnose(server), "synchronous_standby_names").message,
        /^\* matches every walsender/,
      );
      await setting("ALTER SYSTEM RESET synchronous_standby_names");
    });

    test("settings that are traps", async () => {
      await setting("ALTER SYSTEM SET wal_sender_timeout = 0");
      await setting("ALTER SYSTEM SET max_slot_wal_keep_size = -1");
      const found = await diagnose(server);
      assert.deepEqual(faults(found), ["wal_sender_timeout", "max_slot_wal_keep_size"]);
      assert.equal(found.exit, 0);
      await paste(fault(found, "wal_sender_timeout"));
      // A limit invalidates slots: nothing to be pasted unread.
      const keeps = fault(await diagnose(server), "max_slot_wal_keep_size");
      assert.match(keeps.message, /what was not read from it is lost$/);
      assert.equal(keeps.fix, null);
      await setting("ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'");
      assert.deepEqual(faults(await diagnose(server)), []);
    });

    test("A setting is changed where its value comes from.", async () => {
      await server.sql(`CREATE DATABASE "d's"`);
      await server.sql(`CREATE ROLE "r's" LOGIN REPLICATION`);
      const args = ["-U", "r's", "-d", "d's"];
      const places = [`ROLE "r's" IN DATABASE "d's"`, `ROLE "r's"`, `DATABASE "d's"`, "ROLE ALL"];
      for (const place of places) {
        await server.sql(`ALTER ${place} SET wal_sender_timeout = '2s'`);
        const found = fault(await diagnose(server, args), "wal_sender_timeout");
        assert.ok(
          found.message.endsWith(`; ALTER ${place} has set it, for new sessions`),
          found.message,
        );
        await paste(found);
        assert.ok(!faults(await diagnose(server, args)).includes("wal_sender_timeout"), place);
        await server.sql(`ALTER ${place} RESET wal_sender_timeout`);
      }
      const env = { PGOPTIONS: "-c wal_sender_timeout=2s" };
      const asked = fault(await diagnose(server, args, { env }), "wal_sender_timeout");
      assert.deepEqual([asked.fix, asked.message.endsWith("PGOPTIONS or options")], [null, true]);
      await server.sql(`DROP DATABASE "d's"`);
      if (version >= 17) {
        const file = join(server.host, "data", "postgresql.conf");
        const configuration = readFileSync(file, "utf8");
        await server.sql("ALTER SYSTEM SET wal_sender_timeout = '2s'");
        writeFileSync(file, `${configuration}\nallow_alter_system = off\n`);
        await setting("RESET ALL");
        const off = fault(await diagnose(server), "wal_sender_timeout");
        assert.equal(off.fix, null);
        assert.match(off.message, /; allow_alter_system is off: set wal_sender_timeout = '60s' in/);
        writeFileSync(file, configuration);
        await setting("RESET ALL");
        await setting("ALTER SYSTEM RESET wal_sender_timeout");
      }
    });

    test("a pooler in between", async () => {
      for (const refuses of [false, true]) {
        const pooler = await startSessionPooler(server, refuses);
        try {
          const found = await diagnose(server, ["-h", "127.0.0.1", "-p", String(pooler.port)], {
            env: { PGSSLMODE: "disable" },
          });
          assert.deepEqual(faults(found), ["pooler", "replication_connection"]);
          const { message, fix } = fault(found, "replication_connection");
          assert.match(message, /does not speak the replication protocol, as poolers do not/);
          const direct = await pasteCommand(fix ?? "", server.env);
          assert.ok(!/"status":"(fail|warning)"/.test(direct), direct);
        } finally {
          await pooler.close();
        }
      }
    });

    test("nobody there", async () => {
      const { checks, exit } = await diagnose(server, ["-h", "127.0.0.1", "-p", "1"]);
      assert.deepEqual([exit, checks.length, checks[0]?.check], [1, 1, "connection"]);
      const table = await walctl(["doctor", "-F", "table", "-h", "127.0.0.1", "-p", "1"], {
        server,
      });
      assert.match(table.stdout, /^1 check, 1 failed, 0 warnings$/m);
      assert.match(checks[0]?.message ?? "", /connection refused/);
    });
  });
}
