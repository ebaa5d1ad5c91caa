/** `walctl doctor`: every fault is found, and what it suggests mends it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunOptions, walctl } from "../support/cli.ts";
import { matchGolden } from "../support/golden.ts";
import { pasteCommand } from "../support/paste.ts";
import { startSessionPooler } from "../support/session-pooler.ts";
import { type TestServer, startServer } from "../support/server.ts";
import { WALCTL_COMMAND, openTerminal } from "../support/terminal.ts";

interface Check {
  readonly check: string;
  readonly status: "ok" | "warning" | "fail";
  readonly message: string;
  readonly fix: string | null;
}

interface Diagnosis {
  readonly checks: readonly Check[];
  readonly exit: number | null;
}

const ALWAYS = [
  ...["connection", "server_version", "wal_level", "max_replication_slots", "max_wal_senders"],
  ...["wal_sender_timeout", "max_slot_wal_keep_size", "synchronous_standby_names"],
  ...["role_replication", "role_create", "pooler", "replication_connection", "pg_hba"],
];

async function diagnose(
  server: TestServer,
  args: readonly string[] = [],
  options: Omit<RunOptions, "server"> = {},
): Promise<Diagnosis> {
  const { status, stdout, stderr } = await walctl(["doctor", ...args], { server, ...options });
  assert.equal(stderr, "");
  const lines = stdout.split("\n").filter((line) => line !== "");
  const checks = lines.map((line) => JSON.parse(line) as Check);
  for (const check of checks) {
    assert.equal(Object.keys(check).join(), "check,status,message,fix");
    if (check.status === "ok") assert.equal(check.fix, null);
  }
  const failed = checks.some((check) => check.status === "fail");
  assert.equal(status, failed ? 1 : 0);
  return { checks, exit: status };
}

/** The one of that name that is not as it should be. */
function fault({ checks }: Diagnosis, name: string): Check {
  const found = checks.filter(({ check, status }) => check === name && status !== "ok");
  assert.equal(found.length, 1, JSON.stringify(checks, null, 1));
  return found[0] as Check;
}

function faults({ checks }: Diagnosis): readonly string[] {
  return checks.filter(({ status }) => status !== "ok").map(({ check }) => check);
}

for (const version of [15, 18] as const) {
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
    async function mend({ fix }: Check): Promise<void> {
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
          ...{ columns, rows: 60, server },
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
      const table = await walctl(["doctor", "-F", "table"], { server });
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
      await mend(found);
      await server.sql("UPDATE nokey SET a = 1");
      assert.deepEqual(faults(await diagnose(server)), []);
      await server.sql("ALTER PUBLICATION p DROP TABLE nokey");
    });

    test("a role that may nothing, and then what it needs", async () => {
      const plain = ["-U", "plain"];
      const found = await diagnose(server, plain);
      const names = ["role_replication", "role_create", "replication_connection", "role_select"];
      assert.deepEqual(faults(found), names);
      for (const name of names) await mend(fault(found, name));
      assert.deepEqual(faults(await diagnose(server, plain)), []);
    });

    test("publications and slots that are asked for and are not there", async () => {
      const args = ["-P", "p", "-P", "My Pub", "-S", "missing"];
      const found = await diagnose(server, args);
      assert.deepEqual(faults(found), ["publication", "slot"]);
      await mend(fault(found, "publication"));
      await mend(fault(found, "slot"));
      // The table without a key is in it now; and others are not looked at.
      assert.deepEqual(faults(await diagnose(server, args)), []);
      await server.sql(`DROP PUBLICATION "My Pub"; SELECT pg_drop_replication_slot('missing')`);
    });

    test("a slot that is older than the publication", async () => {
      await server.sql("SELECT pg_create_logical_replication_slot('old', 'pgoutput')");
      await server.sql("CREATE PUBLICATION late FOR TABLE t");
      const found = fault(await diagnose(server), "slot_order");
      assert.equal(found.status, "warning");
      assert.match(found.message, /publication "late" was created or altered after .* slot "old"/);
      await mend(found);
      assert.deepEqual(faults(await diagnose(server)), []);
      await server.sql("SELECT pg_drop_replication_slot('old')");
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
      for (const name of faults(found)) await mend(fault(found, name));
      assert.deepEqual(faults(await diagnose(server)), []);
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
      assert.match(checks[0]?.message ?? "", /connection refused/);
    });
  });

  test(`doctor of a server that is not set up, PostgreSQL ${version}`, async () => {
    const settings = { wal_level: "replica", max_replication_slots: "1" };
    const server = await startServer({ version, settings });
    try {
      await server.sql("SELECT pg_create_physical_replication_slot('only')");
      const found = await diagnose(server);
      const names = ["wal_level", "max_replication_slots", "max_slot_wal_keep_size", "publication"];
      assert.deepEqual(faults(found), names);
      await server.sql("CREATE TABLE t (a int PRIMARY KEY)");
      for (const name of names) await pasteCommand(fault(found, name).fix ?? "", server.env);
      await server.restart();
      assert.deepEqual(faults(await diagnose(server)), []);
    } finally {
      await server.dispose();
    }
  });
}
