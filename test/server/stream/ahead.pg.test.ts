/** What is passed on while a write is pending: some of it, and none of it counts before its own write is done. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { INVALID_LSN, type Lsn, parseLsn } from "../../../src/lsn.ts";
import type { StreamConsumer } from "../../../src/server/start/consumer.ts";
import { ReplicationSession } from "../../../src/server/stream/session.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const ROWS = 20_000;
const ROW_BYTES = 1000;
/** As WalStream has it. */
const AHEAD_BYTES = 64 * 1024;
/** What one read of the socket may hold, and what is rendered ahead. */
const PASSED_MAX = 640 * 1024;

async function position(server: TestServer): Promise<Lsn> {
  const sql = "SELECT pg_current_wal_insert_lsn()::text AS lsn";
  return parseLsn((await server.sql<{ lsn: string }>(sql))[0]?.lsn ?? "") ?? INVALID_LSN;
}

describe("a write that takes long", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
  });
  after(() => server.dispose());

  for (const ahead of [true, false]) {
    test(`lets ${ahead ? "some of what follows" : "nothing"} be passed on`, async () => {
      const slot = ahead ? "some" : "none";
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
      // A keepalive may come before the first row, with the position where the slot begins.
      const start = await position(server);
      // Transactions of a row each, so that ends come while the write is pending.
      await server.sql(`DO $$ BEGIN FOR i IN 1..${ROWS} LOOP
        INSERT INTO load SELECT coalesce(max(id), 0) + 1, repeat('x', ${ROW_BYTES}) FROM load; COMMIT;
        END LOOP; END $$`);
      const end = await position(server);
      let finishWrite!: () => void;
      const writing = new Promise<void>((resolve) => (finishWrite = resolve));
      let rows = 0;
      let waiting = 0;
      let isPending = false;
      const consumer: StreamConsumer = {
        frame: undefined,
        note: undefined,
        message: () => {},
        announce: () => {},
        prepare: () => undefined,
        prepareStreamed: () => undefined,
        sync: (lsn) => lsn,
        change: () => {
          rows++;
          waiting += ROW_BYTES;
          return true;
        },
        get ahead() {
          return ahead ? waiting : undefined;
        },
        flush: () => {
          assert.ok(!isPending, "one write at a time");
          const isFirst = rows > 0 && rows * ROW_BYTES === waiting;
          waiting = 0;
          if (!isFirst) return undefined;
          isPending = true;
          return writing.then(() => void (isPending = false));
        },
      };
      const session = new ReplicationSession({
        target: resolveTarget({}, server.env),
        bootstrap: {
          publications: ["p"],
          slot,
          twoPhase: false,
          messages: false,
          createMissing: false,
          plan: undefined,
          lockTimeoutMs: 0,
          stop: new AbortController().signal,
          onWaiting: () => {},
          onNotice: () => {},
          onWarning: () => {},
        },
        pgoutput: {
          publications: ["p"],
          streaming: "off",
          twoPhase: false,
          origin: "any",
          messages: false,
          binary: false,
        },
        consumer,
        acknowledge: true,
        startpos: undefined,
        allowGap: false,
        endpos: end,
        received: () => undefined,
        started: () => {},
        limit: undefined,
        takeOver: () => ({ mark: undefined, unfinished: [] }),
        statusIntervalMs: 1000,
        reconnect: false,
        waitForSlot: false,
        stop: new AbortController().signal,
        news: { warn: () => {}, notice: () => {}, streaming: () => {} },
      });
      const ended = session.run();
      const isFull = (): boolean => isPending && (!ahead || waiting >= AHEAD_BYTES);
      while (!isFull()) await setImmediate();
      for (let quiet = 0, last = 0; quiet < 2000; quiet = rows === last ? quiet + 1 : 0) {
        last = rows;
        await setImmediate();
      }
      if (!ahead) assert.equal(waiting, 0);
      assert.ok(rows * ROW_BYTES < PASSED_MAX, `${rows} rows are passed on`);
      assert.ok(session.status.written <= start, "nothing is written");
      finishWrite();
      assert.equal(await ended, "endpos");
      assert.equal(rows, ROWS);
      assert.equal(session.status.unacknowledged, 0);
    });
  }
});
