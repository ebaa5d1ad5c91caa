/** A slot that is two-phase sends prepared transactions at PREPARE, whether the stream asks for that or not. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { type TestContext, after, before, describe, test } from "node:test";
import { testedVersions } from "../../matrix/support/versions.ts";
import { insertedIds, parseLines } from "../../support/program/lines.ts";
import { FileTail, complaints } from "../../support/program/file-tail.ts";
import { toolPath } from "../../support/tools/tools.ts";
import { FaultProxy } from "../../support/server/proxy.ts";

const ROWS = 3000;
const ONLY = ["--only", "begin,commit,insert"];
const WARNING =
  /^walctl: warning: --only leaves out begin_prepare, so the file does not show where to continue$/;

for (const version of testedVersions().filter((each) => each >= 15)) {
  describe(`a two-phase slot without --two-phase on PostgreSQL ${version}`, () => {
    let tail: FileTail;
    before(async () => {
      tail = await FileTail.start(version);
    });
    after(() => tail.dispose());

    /** Kills the tail in the middle of a transaction that is sent at PREPARE; then the next one goes on. */
    const killInside = async (
      t: TestContext,
      slot: string,
      options: readonly string[],
    ): Promise<{ readonly first: string[]; readonly second: string[] }> => {
      await tail.server.sql("TRUNCATE load");
      await tail.server.sql(
        `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput', false, true)`,
      );
      const proxy = await FaultProxy.start(tail.server, { unix: true });
      t.after(() => proxy.close());
      const running = tail.follow(t, slot, options, proxy);
      await tail.server.sql("INSERT INTO load VALUES (0)");
      await tail.holds(slot, '"id":0,', running);
      proxy.holdAt(`row ${ROWS / 2} of`);
      const writer = await tail.server.connect();
      await writer.query(
        `BEGIN; INSERT INTO load SELECT i, 'row ' || i || ' of' FROM generate_series(1, ${ROWS}) i`,
      );
      await writer.query(`PREPARE TRANSACTION '${slot}'`);
      await writer.end();
      await tail.holds(slot, `"id":${ROWS / 4},`, running);
      const { stderr } = await running.stop("SIGKILL");
      const second = complaints(await tail.catchUp(slot, options));
      await tail.server.sql(`COMMIT PREPARED '${slot}'`);
      await tail.server.sql(`INSERT INTO load VALUES (${ROWS + 1})`);
      second.push(...complaints(await tail.catchUp(slot, options)));
      return { first: complaints(stderr), second };
    };
    const idsInSql = async (): Promise<number[]> => {
      const rows = await tail.server.sql<{ id: string }>("SELECT id FROM load ORDER BY id");
      return rows.map(({ id }) => Number(id));
    };
    const idsInFile = (slot: string): number[] => insertedIds(parseLines(tail.textOf(slot)));

    for (const ack of [["--ack"], []]) {
      const name = ack.length === 0 ? "without --ack" : "with --ack";
      const prefix = ack.length === 0 ? "read" : "acked";

      test(`a FILE without begin_prepare has each row once, or tail warns, ${name}`, async (t) => {
        const slot = `${prefix}_only`;
        const { first, second } = await killInside(t, slot, [...ONLY, ...ack]);
        const ids = idsInFile(slot);
        assert.deepEqual([...new Set(ids)], await idsInSql());
        if (ids.length === new Set(ids).size) assert.deepEqual([first, second], [[], []]);
        else for (const each of [first, second]) assert.match(each[0] ?? "", WARNING);
      });

      test(`a FILE with all lines has each row once, ${name}`, async (t) => {
        const slot = `${prefix}_all`;
        const { first, second } = await killInside(t, slot, ack);
        await tail.assertWhole(slot);
        assert.deepEqual([first, second], [[], []]);
      });
    }

    test(
      "a FILE that ends in a PREPARE is continued after the slot is no longer two-phase",
      { skip: version < 18 },
      async () => {
        const slot = "altered";
        await tail.server.sql("TRUNCATE load");
        await tail.server.sql(
          `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput', false, true)`,
        );
        const writer = await tail.server.connect();
        await writer.query("BEGIN; INSERT INTO load VALUES (1); PREPARE TRANSACTION 'altered'");
        await tail.catchUp(slot, []);
        const args = ["-X", "replication=database", "-c"];
        args.push(`ALTER_REPLICATION_SLOT ${slot} (TWO_PHASE false)`);
        execFileSync(toolPath("psql"), args, { env: { ...process.env, ...tail.server.env } });
        await writer.query("INSERT INTO load VALUES (2)");
        assert.deepEqual(complaints(await tail.catchUp(slot, [])), []);
        await writer.query("COMMIT PREPARED 'altered'");
        await writer.query("INSERT INTO load VALUES (3)");
        assert.deepEqual(complaints(await tail.catchUp(slot, [])), []);
        await writer.end();
        // The server sends the prepared one again, as docs/guarantees.md says.
        assert.deepEqual(idsInFile(slot), [1, 2, 1, 3]);
      },
    );
  });
}
