/**
 * A transaction that was streamed because of its size, and of which nothing is published in the end. After a restart
 * of the stream the server neither streams it (ReorderBufferCanStartStreaming) nor, from version 15 on, sends it.
 */
import assert from "node:assert/strict";
import { type TestContext, after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { testedVersions } from "../../matrix/support/versions.ts";
import type { RunningWalctl } from "../../support/program/cli.ts";
import { FileTail, complaints } from "../../support/program/file-tail.ts";

const ROWS = "i AS id, repeat('x', 100) AS filler FROM generate_series(1, 5000) i";

interface Unpublished {
  readonly name: string;
  /** Its statements, each followed by "; ". */
  readonly sql: string;
}

/** Lets the stream break off. The tail that goes on may be another one, with the same FILE. */
type Break = (running: RunningWalctl, again: () => RunningWalctl) => Promise<RunningWalctl>;

const TRANSACTIONS: readonly Unpublished[] = [
  { name: "unpublished", sql: `INSERT INTO other SELECT ${ROWS}` },
  {
    name: "savepoint",
    sql: `BEGIN; SAVEPOINT s; INSERT INTO load SELECT 1000000 + id, filler FROM (SELECT ${ROWS}) r; ROLLBACK TO s; INSERT INTO other VALUES (0, 'end'); COMMIT`,
  },
  { name: "filtered", sql: `INSERT INTO filtered SELECT ${ROWS}` },
];

for (const version of testedVersions()) {
  describe(`streamed transactions that are not repeated on PostgreSQL ${version}`, () => {
    let tail: FileTail;
    let nextId = 1;
    before(async () => {
      tail = await FileTail.start(version);
      await tail.server.sql("CREATE TABLE other (id int, filler text)");
      if (version < 15) return;
      await tail.server.sql(
        "CREATE TABLE filtered (id int, filler text); ALTER PUBLICATION p ADD TABLE filtered WHERE (id < 0)",
      );
    });
    after(() => tail.dispose());

    const insert = async (): Promise<number> => {
      await tail.server.sql(`INSERT INTO load VALUES (${nextId})`);
      return nextId++;
    };
    const breaks: Readonly<Record<string, Break>> = {
      "the server crashes": async (running) => {
        running.signal("SIGSTOP");
        await tail.server.restart("immediate");
        running.signal("SIGCONT");
        return running;
      },
      "the connection is lost": async (running) => {
        await tail.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
        return running;
      },
      "walctl is killed": async (running, again) => {
        await running.stop("SIGKILL");
        return again();
      },
      "walctl is killed and the server crashes": async (running, again) => {
        await running.stop("SIGKILL");
        await tail.server.restart("immediate");
        return again();
      },
    };

    let scenes = 0;
    const scene = async (
      t: TestContext,
      { sql }: Unpublished,
      options: readonly string[],
      breakOff: Break,
    ): Promise<void> => {
      const slot = `s${++scenes}`;
      const from = nextId;
      await tail.server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
      const follow = (): RunningWalctl => tail.follow(t, slot, [...options, "--wait"]);
      let running = follow();
      await tail.holds(slot, `"id":${await insert()},`, running);
      for (const statement of sql.split("; ")) await tail.server.sql(statement);
      await tail.holds(slot, '"kind":"stream_commit"', running);
      // Until it is acknowledged.
      await sleep(300);
      running = await breakOff(running, follow);
      await tail.holds(slot, `"id":${await insert()},`, running);
      const { status, stderr } = await running.stop();
      // The next process too.
      await insert();
      const next = await tail.catchUp(slot, options);
      await tail.server.sql(`SELECT pg_drop_replication_slot('${slot}')`);
      await tail.assertWhole(slot, from);
      const unexpected = [...complaints(stderr), ...complaints(next)].filter(
        (each) => !/warning: lost the connection to the server/.test(each),
      );
      assert.deepEqual([status, unexpected], [0, []]);
    };

    for (const transaction of TRANSACTIONS) {
      if (transaction.name === "filtered" && version < 15) continue;
      for (const ack of [["--ack"], []]) {
        for (const [what, breakOff] of Object.entries(breaks)) {
          test(`${what} behind one (${transaction.name}, ${ack[0] ?? "no --ack"}): the stream goes on`, async (t) => {
            await scene(t, transaction, ["--streaming", "on", ...ack], breakOff);
          });
        }
      }
    }
  });
}
