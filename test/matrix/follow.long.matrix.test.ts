/** inspect --follow prints what the finished files hold, while the server is killed, restarted and promoted. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { spawnWalctl, walctl } from "../support/program/cli.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { newestOrNamed } from "./support/versions.ts";

const ROUNDS = 3;

for (const version of newestOrNamed()) {
  describe(`inspect --follow on PostgreSQL ${version}`, () => {
    it("misses nothing, and takes nothing back", async () => {
      const server = await startServer({
        version,
        settings: { wal_keep_size: "2GB", max_wal_size: "1GB", full_page_writes: "on" },
        initdbArguments: ["--wal-segsize=1"],
      });
      const folder = join(server.host, "data", "pg_wal");
      await server.sql("CREATE TABLE items (id int, name text)");
      const running = spawnWalctl(["inspect", "-f", "-q", "--timeline", "latest", folder]);
      try {
        for (let round = 0; round < ROUNDS; round++) {
          await whileWriting(server, async () => await server.kill());
          await server.start();
          await whileWriting(server, async () => await server.stop("immediate"));
          await server.start();
          await server.sql("SELECT pg_switch_wal()");
          await server.restart();
          if (round !== 1) continue;
          await server.stop();
          writeFileSync(join(server.host, "data", "standby.signal"), "");
          await server.start();
          await server.sql("SELECT pg_promote()");
        }
        await server.sql("SELECT pg_logical_emit_message(false, 'last', 'one')");
        const lines = await running.waitFor((line) => line.includes('"prefix":"last"'));
        const { status, stderr } = await running.stop("SIGTERM");
        assert.equal(`${status} ${stderr}`, "0 ");
        const finished = await walctl(["inspect", "-q", "--timeline", "latest", folder]);
        assert.equal(finished.status, 0, finished.stderr);
        const expected = finished.stdout.split("\n").slice(0, lines.length);
        assert.ok(lines.length > 10_000, `${lines.length} lines`);
        const first = lines.findIndex((line, index) => line !== expected[index]);
        assert.equal(lines[first], expected[first], `line ${first + 1}`);
        console.log(`PostgreSQL ${version}: ${lines.length} records`);
      } finally {
        await running.dispose();
        await server.dispose();
      }
    });
  });
}

/** Sessions write until it is over: the server ends in the middle of records. */
async function whileWriting(server: TestServer, end: () => Promise<void>): Promise<void> {
  const clients = await Promise.all([server.connect(), server.connect()]);
  const writing = clients.map(async (client) => {
    client.on("error", () => {});
    for (let count = 0; ; count++) {
      await client.query(
        `INSERT INTO items SELECT i, repeat('x', i % 3000) FROM generate_series(1, 1500) i`,
      );
      if (count === 2) void end();
    }
  });
  await Promise.allSettled(writing);
  await end();
  await Promise.allSettled(clients.map((client) => client.end()));
}
