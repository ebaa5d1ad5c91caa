/** A message that waits for the catalogue's answer while the connection is lost. */
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import { FileTail } from "../../support/program/file-tail.ts";

for (const version of newestOrBoth()) {
  describe(`a message that waits for the catalogue, on PostgreSQL ${version}`, () => {
    let tail: FileTail;
    let next = 1;
    before(async () => {
      tail = await FileTail.start(version);
      await tail.server.sql(
        "CREATE TYPE pair AS (a int, b text); ALTER TABLE load ADD COLUMN p pair DEFAULT (1, 'b')",
      );
    });
    after(async () => await tail.dispose());

    const insert = async (count: number): Promise<void> => {
      const from = next;
      next += count;
      await tail.server.sql(
        `INSERT INTO load SELECT i, repeat('x', 60) FROM generate_series(${from}, ${next - 1}) i`,
      );
    };

    for (const [what, streaming, rows] of [
      ["the beginning of a transaction", "off", 1],
      ["a streamed row", "on", 400],
    ] as const) {
      test(`${what} that waited for it comes again`, async (t) => {
        const slot = `held_${streaming}`;
        const from = next;
        await tail.server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
        const running = tail.follow(t, slot, ["--streaming", streaming]);
        await insert(rows);
        await tail.holds(slot, `"id":${next - 1},`, running);
        await sleep(500);
        const locker = await tail.server.connect();
        t.after(async () => await locker.end());
        const isBlocked = async (): Promise<boolean> =>
          (await locker.query("SELECT FROM pg_locks WHERE NOT granted")).rowCount !== 0;
        await locker.query("BEGIN; LOCK pg_catalog.pg_type IN ACCESS EXCLUSIVE MODE");
        await insert(rows);
        for (const deadline = Date.now() + 20_000; !(await isBlocked()); await sleep(20)) {
          if (Date.now() > deadline) throw new Error("nothing waits for the catalogue");
        }
        await locker.query(
          `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '${slot}'`,
        );
        await running.waitForStderr(/lost the connection/);
        await locker.query("COMMIT");
        await insert(1);
        await tail.holds(slot, `"id":${next - 1},`, running);
        await running.stop();
        await tail.assertWhole(slot, from);
      });
    }
  });
}
