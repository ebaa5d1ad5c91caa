/** `tail -o FILE`, rotated: each file can be decoded by itself, into every format. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type TestContext, after, before, describe, test } from "node:test";
import { testedVersions } from "../../matrix/support/versions.ts";
import { walctl } from "../../support/program/cli.ts";
import { FileTail, complaints } from "../../support/program/file-tail.ts";
import { walctlInside } from "../../support/program/inside.ts";
import { parseLines } from "../../support/program/lines.ts";
import { until } from "../../support/tools/until.ts";

const FORMATS = [["sql"], ["sql", "--undo"], ["wal2json"], ["debezium"], ["table"]].map(
  (format) => ["-F", ...format],
);

for (const version of testedVersions()) {
  describe(`a rotated FILE of PostgreSQL ${version}`, () => {
    let tail: FileTail;
    before(async () => {
      tail = await FileTail.start(version);
      await tail.server.sql(`
        CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN amount AS numeric(9,2);
        CREATE TABLE typed (id int PRIMARY KEY, mood mood, amount amount);
        ALTER TABLE typed REPLICA IDENTITY FULL;
        ALTER PUBLICATION p ADD TABLE typed`);
    });
    after(() => tail.dispose());

    const createSlot = (slot: string): Promise<unknown> =>
      tail.server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);

    /** Starts a tail, has one transaction in the first file and `sql` in the second. Returns both paths. */
    const rotated = async (
      t: TestContext,
      slot: string,
      sql: string,
      options: readonly string[] = [],
      rotate: "SIGHUP" | "SIGKILL" = "SIGHUP",
    ): Promise<readonly [string, string]> => {
      await tail.server.sql("TRUNCATE typed");
      await createSlot(slot);
      const file = tail.fileOf(slot);
      const running = tail.follow(t, slot, ["--ack", ...options]);
      await tail.server.sql("INSERT INTO typed VALUES (1, 'sad', 1.50)");
      await tail.holds(slot, '"kind":"commit"', running);
      renameSync(file, `${file}.1`);
      if (rotate === "SIGHUP") {
        running.signal("SIGHUP");
        await until(() => existsSync(file));
      } else await running.stop("SIGKILL");
      await tail.server.sql(sql);
      if (rotate === "SIGHUP") {
        await tail.holds(slot, /"(?:stream_)?commit"/, running);
        await running.stop("SIGTERM");
      } else assert.deepEqual(complaints(await tail.catchUp(slot, ["--ack", ...options])), []);
      return [`${file}.1`, file];
    };

    const decode = async (...args: readonly string[]): Promise<string> => {
      const { status, stdout, stderr } = await walctlInside(["decode-file", ...args]);
      assert.equal(status, 0, stderr);
      return stdout;
    };

    const WORK =
      "BEGIN; UPDATE typed SET mood = 'ok', amount = 2.25 WHERE id = 1; INSERT INTO typed VALUES (2, 'ok', 3); COMMIT";

    for (const [index, [rotate, options]] of (
      [
        ["SIGHUP", []],
        ["SIGHUP", ["--no-empty"]],
        ["SIGKILL", []],
      ] as const
    ).entries()) {
      test(`says in itself what its rows are: ${rotate} ${options.join(" ")}`, async (t) => {
        const slot = `alone_${index}`;
        const [first, second] = await rotated(t, slot, WORK, options, rotate);
        const kinds = parseLines(readFileSync(second, "utf8")).map(({ kind }) => kind);
        assert.equal(kinds.filter((kind) => kind === "relation").length, 1, kinds.join(" "));
        assert.ok(kinds.indexOf("relation") < kinds.indexOf("update"));
        for (const format of FORMATS) {
          await decode(...format, first);
          assert.match(await decode(...format, second), /2\.25/);
        }
        // The same two lines as at the beginning of a connection, but for the transaction that they came in.
        const describing = (path: string): string[] =>
          (readFileSync(path, "utf8").match(/^\{"kind":"(?:relation|type)".*$/gm) ?? []).map(
            (line) => line.replace(/"xid":\d+/, ""),
          );
        assert.deepEqual(new Set(describing(second)), new Set(describing(first)));
        const undo = await decode("-F", "sql", "--undo", second);
        await tail.server.psql(undo);
        const rows = await tail.server.sql("SELECT id, mood::text, amount::text FROM typed");
        assert.deepEqual(rows, [{ id: 1, mood: "sad", amount: "1.50" }]);
      });
    }

    test("describes a table that is only truncated, and one in the blocks of a streamed transaction", async (t) => {
      const [, truncated] = await rotated(t, "truncated", "TRUNCATE typed");
      assert.match(await decode("-F", "sql", truncated), /TRUNCATE/);
      const many = "INSERT INTO typed SELECT i, 'ok', 1 FROM generate_series(100, 5100) i";
      const [, streamed] = await rotated(t, "streamed", many, ["--streaming", "on"]);
      const lines = parseLines(readFileSync(streamed, "utf8"));
      assert.equal(
        lines.findIndex(({ kind }) => kind === "stream_start"),
        0,
      );
      const first = (wanted: string): number => lines.findIndex(({ kind }) => kind === wanted);
      assert.ok(first("relation") > 0 && first("relation") < first("insert"));
    });

    test("leaves out descriptions where --only does", async (t) => {
      const [, second] = await rotated(t, "filtered", WORK, [
        "--only",
        "begin,insert,update,commit",
      ]);
      assert.doesNotMatch(readFileSync(second, "utf8"), /"relation"|"type"/);
    });
  });
}

test("files that describe nothing are decoded with the files before them, if they follow these", async () => {
  const tail = await FileTail.start(18);
  try {
    await tail.server.sql("SELECT pg_create_logical_replication_slot('s', 'pgoutput')");
    for (const id of [1, 2]) await tail.server.sql(`INSERT INTO load VALUES (${id})`);
    const args = ["tail", "-S", "s", "-P", "p", "-E", "now"];
    const { stdout } = await walctl(args, { server: tail.server });
    const at = stdout.indexOf('{"kind":"begin"', 1);
    const [one, two, renamed] = ["one", "two", "renamed"].map((name) => tail.fileOf(name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(one, stdout.slice(0, at));
    writeFileSync(two, stdout.slice(at));
    writeFileSync(renamed, stdout.slice(at).replace('"filler"', '"other"'));
    const sql = async (...files: readonly string[]): Promise<[number | null, string]> => {
      const { status, stdout: text } = await walctlInside(["decode-file", "-F", "sql", ...files]);
      return [status, text];
    };
    const [status, text] = await sql(one, two);
    assert.equal(status, 0);
    assert.equal(text.match(/^INSERT INTO/gm)?.length, 2);
    // Out of order, by itself, and where the columns are others.
    for (const files of [[two, one], [two], [one, renamed]])
      assert.notEqual((await sql(...files))[0], 0);
    const lines = await walctlInside(["decode-file", "-F", "ndjson", one, two]);
    assert.equal(lines.stdout.match(/"kind":"relation"/g)?.length, 2);
  } finally {
    await tail.dispose();
  }
});
