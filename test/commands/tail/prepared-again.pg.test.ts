/** After a restart of the stream the server may stream a prepared transaction again, of which only the second phase is to come. */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { newestOrBoth } from "../../matrix/support/versions.ts";
import type { RunningWalctl } from "../../support/program/cli.ts";
import { FileTail } from "../../support/program/file-tail.ts";
import { FaultProxy } from "../../support/server/proxy.ts";

/** Less than logical_decoding_work_mem each, and more together: to make room the server streams the larger one. */
const PREPARED_ROWS = 220;
const LATER_ROWS = 150;

for (const version of newestOrBoth()) {
  describe(`a prepared transaction that the server keeps, on PostgreSQL ${version}`, () => {
    let tail: FileTail;
    let proxy: FaultProxy;
    let next = 1;
    before(async () => {
      tail = await FileTail.start(version);
      proxy = await FaultProxy.start(tail.server, { unix: true });
    });
    after(async () => {
      await proxy.close();
      await tail.dispose();
    });

    const rows = (count: number): string => {
      const from = next;
      next += count;
      return `INSERT INTO load SELECT i, repeat('x', 60) FROM generate_series(${from}, ${next - 1}) i`;
    };
    const preparedAgain = async (
      t: TestContext,
      slot: string,
      earlier: readonly string[],
      restart: (running: RunningWalctl) => Promise<RunningWalctl>,
      end = "COMMIT",
    ): Promise<void> => {
      const from = next;
      await tail.server.sql(
        `SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput', false, true)`,
      );
      const first = tail.follow(t, slot, earlier, proxy);
      await tail.server.sql(`BEGIN; ${rows(PREPARED_ROWS)}; PREPARE TRANSACTION '${slot}'`);
      await tail.server.sql(rows(1));
      await tail.holds(slot, `"id":${next - 1},`, first);
      const second = await restart(first);
      await tail.server.sql(rows(LATER_ROWS));
      await tail.holds(slot, `"id":${next - 1},`, second);
      await tail.server.sql(`${end} PREPARED '${slot}'`);
      await tail.server.sql(rows(1));
      await tail.holds(slot, `"id":${next - 1},`, second);
      await second.stop();
      await tail.assertWhole(slot, from);
    };

    const options = ["--two-phase", "--streaming", "on"];
    for (const end of ["COMMIT", "ROLLBACK"]) {
      test(`its rows come once after a lost connection, before ${end} PREPARED`, async (t) => {
        await preparedAgain(
          t,
          `cut_${end.toLowerCase()}`,
          options,
          async (running) => {
            proxy.cut();
            await running.waitForStderr(/lost the connection/);
            await sleep(1000);
            return running;
          },
          end,
        );
      });
    }

    test("COMMIT PREPARED is no fault where a process does not know of PREPARE", async (t) => {
      await tail.server.sql(
        "SELECT pg_create_logical_replication_slot('unknown', 'pgoutput', false, true)",
      );
      // A FILE that does not show where to go on.
      const only = [...options, "--only", "begin,commit,insert"];
      const prepared = next;
      await tail.server.sql(`BEGIN; ${rows(PREPARED_ROWS)}; PREPARE TRANSACTION 'unknown'`);
      await tail.server.sql(rows(1));
      await tail.catchUp("unknown", only);
      const running = tail.follow(t, "unknown", only, proxy);
      await tail.server.sql(rows(LATER_ROWS));
      await tail.holds("unknown", `"id":${next - 1},`, running);
      const again = tail.textOf("unknown").split(`"id":${prepared},`).length - 1;
      assert.equal(again, 2, "the server has not streamed it again");
      proxy.cut();
      await running.waitForStderr(/connected again/);
      await tail.server.sql("COMMIT PREPARED 'unknown'");
      await tail.server.sql(rows(1));
      await tail.holds("unknown", `"id":${next - 1},`, running);
    });

    for (const earlier of [options, ["--two-phase"]]) {
      for (const ack of [[], ["--ack"]]) {
        const words = [...earlier, ...ack].join(" ");
        test(`FILE has its rows once after a kill of ${words}`, async (t) => {
          const slot = `killed${words.replaceAll(/\W+/g, "_")}`;
          await preparedAgain(t, slot, [...earlier, ...ack], async (running) => {
            await running.stop("SIGKILL");
            return tail.follow(t, slot, [...options, ...ack, "--wait"]);
          });
        });
      }
    }
  });
}
