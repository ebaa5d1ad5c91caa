/** Reports for roles to which the server does not answer every question. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { type Check, diagnose, faults } from "./diagnosis.ts";

/** As on servers that have the setting, which only members of pg_read_all_settings may read. */
const PLUGINS_SETTING = `SET allow_system_table_mods = on;
  ALTER FUNCTION pg_catalog.current_setting(text, boolean) RENAME TO own_setting;
  CREATE FUNCTION pg_catalog.current_setting(text, boolean) RETURNS text LANGUAGE plpgsql STABLE AS $$
  BEGIN
    IF $1 <> 'output_plugin_libraries' THEN RETURN pg_catalog.own_setting($1, $2); END IF;
    IF pg_catalog.pg_has_role('pg_read_all_settings', 'USAGE') THEN RETURN 'pgoutput, test_decoding'; END IF;
    RAISE insufficient_privilege USING MESSAGE = 'permission denied to examine "output_plugin_libraries"';
  END $$;
  RESET allow_system_table_mods`;

for (const version of newestOrBoth()) {
  describe(`roles that may not ask everything, PostgreSQL ${version}`, () => {
    let server: TestServer;

    before(async () => {
      const settings = { max_slot_wal_keep_size: "10GB", log_min_duration_statement: "0" };
      server = await startServer({ version, settings });
      await server.sql(`CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t;
        CREATE ROLE plain LOGIN; CREATE ROLE streams LOGIN REPLICATION;
        GRANT SELECT ON t TO streams; GRANT CREATE ON DATABASE postgres TO streams`);
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    });
    after(() => server.dispose());

    const messageOf = (checks: readonly Check[], name: string): string =>
      checks.find(({ check }) => check === name)?.message ?? "";

    test("A setting that only superusers may read is not known to other roles, and ends no report.", async () => {
      await server.sql(PLUGINS_SETTING);
      const name = "output_plugin_libraries";
      const known = await diagnose(server);
      assert.equal(messageOf(known.checks, name), "pgoutput, test_decoding");
      const statusOf = (checks: readonly Check[], check: string): string | undefined =>
        checks.find((each) => each.check === check)?.status;
      assert.equal(statusOf(known.checks, name), "ok");
      for (const user of ["streams", "plain"]) {
        const { checks } = await diagnose(server, ["-U", user]);
        for (const check of [name, "pg_hba"]) assert.equal(statusOf(checks, check), "unknown");
        assert.match(messageOf(checks, name), /^not known to this role: only members of/);
        assert.match(messageOf(checks, "pg_hba"), /^not known to this role: /);
        const names = new Set(checks.map(({ check }) => check));
        for (const { check } of known.checks) assert.ok(names.has(check), check);
      }
      const streams = await diagnose(server, ["-U", "streams"]);
      assert.deepEqual(faults(streams), []);
      // Neither ok nor failed: not in the totals, nor in the exit status, nor in the metrics.
      const table = await walctl(["doctor", "-F", "table", "-U", "streams"], { server });
      assert.equal(table.status, 0);
      assert.match(table.stdout, /^unknown +pg_hba: not known to this role: /m);
      assert.ok(
        table.stdout.endsWith(
          `\n${streams.checks.length} checks, 0 failed, 0 warnings, 2 not known\n`,
        ),
        table.stdout,
      );
      const metrics = await walctl(["doctor", "-F", "openmetrics", "-U", "streams"], { server });
      assert.match(metrics.stdout, /\{check="pg_hba",status="ok"\} 0\n/);
      assert.match(metrics.stdout, /\{check="pg_hba",status="unknown"\} 1\n/);
    });

    test("Whatever else an administrator denies, doctor answers all other questions.", async () => {
      const start = server.log().length;
      const { checks: all } = await diagnose(server, ["-U", "streams"]);
      const asked = new Set(
        server
          .log()
          .slice(start)
          .match(/pg_\w+/g),
      );
      const objects = await server.sql<{ name: string; object: string }>(
        `SELECT relname AS name, 'TABLE ' || oid::regclass AS object FROM pg_class
         WHERE relkind IN ('r', 'v') AND has_table_privilege('streams', oid, 'SELECT')
         UNION ALL SELECT proname, 'FUNCTION ' || oid::regprocedure FROM pg_proc
         WHERE proname IN ('pg_is_in_recovery', 'pg_backend_pid', 'pg_has_role')`,
      );
      const names = [...asked].filter((name) => objects.some((each) => each.name === name));
      assert.ok(names.length > 15, names.join());
      for (const name of names) {
        const these = objects.filter((each) => each.name === name).map(({ object }) => object);
        for (const object of these) await server.sql(`REVOKE ALL ON ${object} FROM PUBLIC`);
        const { checks } = await diagnose(server, ["-U", "streams"]);
        const unknown = checks.filter(
          ({ status, message }) =>
            status === "unknown" && message.startsWith("not known to this role: could"),
        );
        assert.ok(
          checks.length + 2 * unknown.length >= all.length,
          `${name}: ${JSON.stringify(checks)}`,
        );
        for (const { check, message } of checks) {
          assert.ok(
            unknown.some((one) => one.check === check) ||
              all.some((one) => one.check === check && one.message === message),
            `${name}: ${message}`,
          );
        }
        if (name === "pg_stat_activity") {
          const { stdout, stderr } = await walctl(["slots", "-U", "streams"], { server });
          assert.match(stdout, /"slot":"s".*"application":null/, stderr);
        }
        for (const object of these)
          await server.sql(
            `GRANT ${object.startsWith("F") ? "EXECUTE" : "SELECT"} ON ${object} TO PUBLIC`,
          );
      }
    });
  });
}
