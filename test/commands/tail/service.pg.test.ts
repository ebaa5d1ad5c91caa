/** What tail says in the log of a service: one line each, with the time. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("tail as a service", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql("CREATE TABLE t (id int); CREATE PUBLICATION p FOR TABLE t");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
  });
  after(() => server.dispose());

  const args = ["tail", "-S", "s", "-P", "p", "--ack"];

  test("says when it streams, is connected again and has stopped, each with its time", async () => {
    const running = spawnWalctl(args, { server });
    try {
      await running.waitForStderr("streaming from slot");
      await server.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots");
      await running.waitForStderr("connected again");
      await server.sql("INSERT INTO t VALUES (1)");
      await running.waitFor((line) => line.includes('"kind":"commit"'));
      running.signal("SIGTERM");
      await running.exit();
    } finally {
      running.child.kill("SIGKILL");
    }
    const lines = running.stderr.split("\n").filter((line) => /^walctl: \d/.test(line));
    assert.match(
      running.stderr,
      /^walctl: warning: lost the connection .*\n(?:(?:DETAIL|HINT): .*\n)*TIME: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/m,
    );
    const TIME = String.raw`walctl: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    for (const [index, text] of [
      `streaming from slot "s" at [0-9A-F]+/[0-9A-F]+`,
      String.raw`connected again after \d+(\.\d)? s, streaming from slot "s" at [0-9A-F/]+`,
      "stopped: printed up to [0-9A-F/]+, acknowledged up to [0-9A-F/]+",
    ].entries()) {
      assert.match(lines[index] ?? "", new RegExp(`^${TIME} ${text}$`));
    }
    assert.equal(lines.length, 3, running.stderr);
  });

  test("says the error that ends it, with its time, before how far it came", async () => {
    await server.sql("SELECT pg_create_logical_replication_slot('gone', 'pgoutput')");
    const running = spawnWalctl(["tail", "-S", "gone", "-P", "p", "--no-loop"], { server });
    await running.waitForStderr(
      /streaming from slot "gone" at [0-9A-F/]+; without --ack the slot retains all WAL from there on\n/,
    );
    await server.sql("INSERT INTO t VALUES (3)");
    await running.waitFor((line) => line.includes('"kind":"commit"'));
    await server.sql(
      "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'gone'",
    );
    const { status, stderr } = await running.exit();
    assert.equal(status, 1);
    assert.match(
      stderr,
      /\nwalctl: error: .*\n(?:(?:DETAIL|HINT): .*\n)*TIME: \d{4}-.*Z\nwalctl: \d{4}-\S+ stopped: printed up to .*\n$/,
    );
    await server.sql("SELECT pg_drop_replication_slot('gone')");
  });

  test("goes on after SIGHUP without a FILE, and says that it has none to open again", async () => {
    const running = spawnWalctl(args, { server });
    try {
      await running.waitForStderr("streaming from slot");
      running.signal("SIGHUP");
      await running.waitForStderr(/^walctl: \d{4}-\S+ SIGHUP has no effect: only a FILE/m);
      await server.sql("INSERT INTO t VALUES (4)");
      await running.waitFor((line) => line.includes('"kind":"commit"'));
      running.signal("SIGTERM");
      assert.equal((await running.exit()).status, 0);
    } finally {
      running.child.kill("SIGKILL");
    }
  });

  test("says at the end how to drop the publication that --bootstrap created", async () => {
    await server.sql("CREATE TABLE u (id int PRIMARY KEY)");
    const running = spawnWalctl(["tail", "--bootstrap", "-t", "u"], { server });
    await running.waitForStderr("streaming from slot");
    running.signal("SIGINT");
    await running.exit();
    assert.match(running.stderr, /^walctl: created publication "walctl"$/m);
    const [, command = ""] =
      /"walctl" stays\. To drop it: walctl (drop-publication walctl .*)\n/.exec(running.stderr) ??
      [];
    assert.equal((await walctl(command.split(" "), { server })).status, 0);
  });

  test("says nothing of it with --quiet, nor where an end was asked for", async () => {
    const { stderr } = await walctl([...args, "-E", "now"], { server });
    assert.doesNotMatch(stderr, /streaming|stopped/);
    const quiet = spawnWalctl([...args, "-q"], { server });
    await server.sql("INSERT INTO t VALUES (2)");
    await quiet.waitFor((line) => line.includes('"kind":"commit"'));
    quiet.signal("SIGTERM");
    await quiet.exit();
    assert.equal(quiet.stderr, "");
  });
});
