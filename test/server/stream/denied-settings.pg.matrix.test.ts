/** tail streams where an administrator has revoked pg_settings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { startServer } from "../../support/server/server.ts";

for (const version of newestOrBoth()) {
  test(`tail streams for a role that may not read pg_settings, PostgreSQL ${version}`, async () => {
    const server = await startServer({ version, settings: { wal_sender_timeout: "90s" } });
    try {
      await server.sql(`CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t;
        CREATE ROLE streams LOGIN REPLICATION; REVOKE ALL ON pg_settings FROM PUBLIC`);
      await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
      await server.sql("INSERT INTO t VALUES (1)");
      const args = ["tail", "-U", "streams", "-S", "s", "-P", "p", "-E", "now", "--ack"];
      const { status, stdout, stderr } = await walctl(args, { server });
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /warning/);
      assert.deepEqual(insertedIds(parseLines(stdout)), [1]);
      const own = await walctl(["tail", "-U", "streams", "-E", "now"], { server });
      assert.equal(own.status, 0, own.stderr);
    } finally {
      await server.dispose();
    }
  });
}
