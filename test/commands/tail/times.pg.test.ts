/** tail says where --since and --until can have no effect, or leave nothing to print. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { spawnWalctl, walctl } from "../../support/program/cli.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

describe("tail --since and --until", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
    await server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    await server.sql("INSERT INTO t VALUES (1)");
  });
  after(async () => await server.dispose());

  const said = async (...args: string[]): Promise<string> => {
    const { status, stderr } = await walctl(["tail", "-P", "p", ...args], { server });
    assert.equal(status, 0, stderr);
    return stderr;
  };

  test("without a slot: an earlier --until leaves nothing, an earlier --since has no effect", async () => {
    assert.match(
      await said("--until", "1h"),
      /warning: nothing can be printed: --until is \d{4}-.*, and without a slot tail starts now\nHINT: .*-S NAME/,
    );
    for (const [since, told] of [
      ["1h", true],
      ["now", false],
      ["+1h", false],
    ] as const) {
      const running = spawnWalctl(["tail", "-P", "p", "--since", since], { server });
      await running.waitForStderr("streaming from slot");
      const { stderr } = await running.stop();
      assert.equal(/warning: --since has no effect: without a slot/.test(stderr), told, stderr);
    }
  });

  test("with a slot: what it holds committed before or after", async () => {
    const none =
      /warning: no transaction committed in the time .*\nDETAIL: What was read committed from/;
    const future = await said("-S", "s", "-E", "now", "--since", "tomorrow");
    assert.match(future, /--since tomorrow is .*, in the future\n/);
    assert.match(future, none);
    assert.match(await said("-S", "s", "-E", "now", "--since", "+1h"), none);
    assert.match(
      await said("-S", "s", "--until", "40d"),
      /warning: no published change came that committed at or before --until\n/,
    );
    for (const times of [
      ["--since", "1h"],
      ["--until", "+1s"],
      ["--since", "1h", "--until", "now"],
    ])
      assert.doesNotMatch(await said("-S", "s", ...times, "-n", "1"), /warning/);
    for (const others of [[], ["-F", "sql", "--undo"]])
      assert.doesNotMatch(await said("-S", "s", "--until", "now", ...others), /warning/);
  });

  test("what FILE has already is not said to be missing", async () => {
    const [folder, insert] = [mkdtempSync(join(tmpdir(), "walctl-unmet-")), "INSERT INTO t VALUES"];
    try {
      const [inserted] = await server.sql<{ xid: string }>(
        `${insert} (2) RETURNING pg_current_xact_id() AS xid`,
      );
      await server.sql(`${insert} (3)`);
      for (const [index, asked] of [
        ["--xid", inserted?.xid ?? ""],
        ["--row", "t 2"],
      ].entries()) {
        const args = ["-S", "s", "-E", "now", "-o", join(folder, String(index)), ...asked];
        await said(...args);
        await server.sql(`${insert} (${index + 10})`);
        assert.doesNotMatch(await said(...args), /warning/);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
