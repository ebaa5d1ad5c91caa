/** What a session that is told to stop says of an output that fails at that very moment. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import { ReaderGone } from "../../../src/output/sink.ts";
import { ReplicationSession } from "../../../src/server/stream/session.ts";
import { resolveTarget } from "../../../src/server/target/resolve.ts";
import type { StreamConsumer } from "../../../src/server/start/consumer.ts";
import { LOAD_TABLE } from "../../support/server/load.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

/** The consumer's failure, and where: in the write during which the signal comes, or in the sync after it. */
async function runUntilStopped(
  server: TestServer,
  slot: string,
  failing: "flush" | "sync",
  failure: () => Error,
): Promise<string> {
  const stop = new AbortController();
  let rows = 0;
  const consumer: StreamConsumer = {
    frame: undefined,
    note: undefined,
    message: () => {},
    announce: () => {},
    change: () => {
      rows++;
      return true;
    },
    prepare: () => undefined,
    prepareStreamed: () => undefined,
    flush: () => {
      if (rows === 0 || stop.signal.aborted) return undefined;
      stop.abort();
      return failing === "flush" ? Promise.reject(failure()) : undefined;
    },
    sync: (position) =>
      failing === "sync" && stop.signal.aborted ? Promise.reject(failure()) : position,
  };
  await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  await server.sql("INSERT INTO load SELECT coalesce(max(id), 0) + 1, 'x' FROM load");
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
      stop: stop.signal,
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
    received: () => undefined,
    started: () => {},
    takeOver: () => ({ mark: undefined, unfinished: [] }),
    endpos: undefined,
    limit: undefined,
    statusIntervalMs: 1000,
    reconnect: true,
    waitForSlot: false,
    stop: stop.signal,
    news: { warn: () => {}, notice: () => {}, streaming: () => {} },
  });
  return await session.run();
}

describe("a session that is stopped", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(`${LOAD_TABLE}; CREATE PUBLICATION p FOR TABLE load`);
  });
  after(() => server.dispose());

  for (const failing of ["flush", "sync"] as const) {
    for (const failure of [
      () => new WalctlError('could not write "out": no space left on the device'),
      () => new ReaderGone(),
      () => new TypeError("a bug"),
    ]) {
      test(`does not hide that its ${failing} failed: ${failure().name}`, async () => {
        const slot = `${failing}_${failure().name.toLowerCase()}`;
        await assert.rejects(runUntilStopped(server, slot, failing, failure), failure());
      });
    }
  }
});
