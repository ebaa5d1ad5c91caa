/** Times that a user gives: Node.js makes 1 ms of a timer of 25 days, which is a storm of questions. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { spawnWalctl } from "../support/program/cli.ts";
import { walctlInside } from "../support/program/inside.ts";
import { type TestServer, startServer } from "../support/server/server.ts";
import { until } from "../support/tools/until.ts";

let server: TestServer;

before(async () => {
  const settings = { log_connections: "on", wal_sender_timeout: "2147483647" };
  server = await startServer({ version: 15, settings });
  await server.sql("CREATE TABLE t (id int PRIMARY KEY)");
  await server.sql("CREATE PUBLICATION p FOR TABLE t");
  await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
});
after(() => server.dispose());

const OPTIONS: ReadonlyArray<readonly [option: string, args: readonly string[]]> = [
  ["--watch", ["slots"]],
  ["--status-interval", ["tail", "-S", "s", "-P", "p"]],
  ["--lock-timeout", ["create-slot", "x"]],
];
const REFUSED = ["3000000", "2147483.7", "-1", "NaN", "Infinity", "1e3", "5s", "", "9".repeat(400)];

describe("a number of seconds", () => {
  for (const [option, args] of OPTIONS) {
    it(`${option} refuses what no timer can wait for`, async () => {
      for (const seconds of REFUSED) {
        const { status, stderr } = await walctlInside([...args, `${option}=${seconds}`], {
          server,
        });
        assert.equal(status, 2, `${seconds}: ${stderr}`);
        assert.match(
          stderr,
          seconds === ""
            ? new RegExp(`the value of ${option} is empty\n`)
            : /takes a number of seconds from 0(\.1)? to 2147483, not /,
        );
      }
    });
  }

  it("as many as a timer can wait for are waited for", async () => {
    const connections = (): number => server.log().split("connection authorized").length;
    const watching = spawnWalctl(["slots", "--watch", "2147483"], { server });
    const tailing = spawnWalctl(["tail", "-S", "s", "-P", "p", "-s", "2147483"], { server });
    try {
      await watching.nextLine();
      const sql = "SELECT reply_time::text FROM pg_stat_replication WHERE state = 'streaming'";
      await until(async () => (await server.sql(sql)).length > 0, 50);
      await sleep(500);
      const atFirst = [connections(), await server.sql(sql)];
      await sleep(1500);
      assert.deepEqual(
        [connections(), await server.sql(sql)],
        atFirst,
        "nobody asks, nobody tells",
      );
      for (const running of [watching, tailing]) {
        assert.deepEqual(await running.stop(), { status: 0, signal: null, stderr: running.stderr });
        assert.doesNotMatch(running.stderr, /Timeout/);
      }
    } finally {
      await watching.dispose();
      await tailing.dispose();
    }
  });
});
