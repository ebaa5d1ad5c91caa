/** PostgreSQL 19 logs for decoding at wal_level = replica too: an older server that answers as that one does. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type RunResult, walctl } from "../../support/program/cli.ts";
import { answerAs19, answering } from "../../support/server/as-19.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const FIRST_SLOT =
  /^walctl: wal_level is \w+: the first logical slot, also a temporary one, makes the whole cluster log as at logical; it falls back some time after the last one is gone$/m;

describe("a server whose effective_wal_level is not its wal_level", () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql("CREATE TABLE t (a int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
    await answerAs19(server);
  });
  after(() => server.dispose());

  async function run(
    args: readonly string[],
    answers: Readonly<Record<string, string>>,
  ): Promise<RunResult> {
    return await walctl(args, { server, env: answering(answers) });
  }
  const nineteen = (level: string, effective: string): Readonly<Record<string, string>> => ({
    server_version_num: "190000",
    wal_level: level,
    effective_wal_level: effective,
  });

  test("create-slot takes replica, and says what the first slot does to the cluster, and only the first", async () => {
    const first = await run(["create-slot", "first"], nineteen("replica", "replica"));
    assert.equal(first.status, 0, first.stderr);
    assert.match(first.stderr, FIRST_SLOT);
    assert.match(first.stdout, /^\{"slot":"first","status":"created",.*\}\n$/);
    const again = await run(["create-slot", "first"], nineteen("replica", "replica"));
    assert.equal(again.status, 0, again.stderr);
    assert.doesNotMatch(again.stderr, FIRST_SLOT);
    const second = await run(["create-slot", "second"], nineteen("replica", "logical"));
    assert.equal(second.status, 0, second.stderr);
    assert.doesNotMatch(second.stderr, FIRST_SLOT);
  });

  test("create-slot refuses minimal", async () => {
    const { status, stderr } = await run(["create-slot", "s"], nineteen("minimal", "minimal"));
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^walctl: error: wal_level is "minimal", and logical decoding needs "replica" or "logical"\nHINT: .* wal_level = 'replica'/m,
    );
  });

  test("tail says it of its temporary slot too, and of no slot that was there", async () => {
    const effective = { effective_wal_level: "replica" };
    const tail = ["tail", "-P", "p", "-E", "now"];
    const temporary = await run(tail, effective);
    assert.equal(temporary.status, 0, temporary.stderr);
    assert.match(temporary.stderr, FIRST_SLOT);
    await server.sql("SELECT pg_create_logical_replication_slot('there', 'pgoutput')");
    const existing = await run([...tail, "-S", "there"], effective);
    assert.equal(existing.status, 0, existing.stderr);
    assert.doesNotMatch(existing.stderr, FIRST_SLOT);
  });

  test("The name of the slot that the server keeps for itself is refused, where it does so.", async () => {
    const name = "pg_conflict_detection";
    const replica = nineteen("replica", "replica");
    for (const args of [
      ["create-slot", name],
      ["tail", "-S", name, "-P", "p"],
    ]) {
      const { status, stderr } = await run(args, replica);
      assert.equal(status, 2, stderr);
      assert.match(
        stderr,
        /is a name that PostgreSQL keeps for itself\nHINT: .*retain_dead_tuples/,
      );
    }
    await server.sql(`SELECT pg_create_physical_replication_slot('${name}')`);
    const moved = await run(["advance-slot", name, "now"], replica);
    assert.match(
      moved.stderr,
      /error: slot "pg_conflict_detection" belongs to the server itself\n/,
    );
    const kept = await run(["drop-slot", name, "--force"], replica);
    assert.equal(kept.status, 1);
    assert.match(kept.stderr, /error: slot "pg_conflict_detection" belongs to the server itself\n/);
    const dropped = await run(["drop-slot", name, "--force"], {});
    assert.equal(dropped.status, 0, dropped.stderr);
    const created = await run(["create-slot", name], {});
    assert.equal(created.status, 0, created.stderr);
  });

  test("A version that walctl does not know is a warning, and no more.", async () => {
    const twenty = { server_version_num: "200001" };
    for (const args of [
      ["slots", "-F", "ndjson"],
      ["tail", "-P", "p", "-E", "now"],
    ]) {
      const { status, stderr } = await run(args, twenty);
      assert.equal(status, 0, stderr);
      assert.equal(
        stderr.match(/^walctl: warning: PostgreSQL 20\.1; walctl is tested up to 19$/gm)?.length,
        1,
      );
      assert.doesNotMatch((await run(args, {})).stderr, /tested up to/);
    }
  });
});
