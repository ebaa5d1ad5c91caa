/** tail's memory does not grow with what it passes on. `npm run bench:memory` does it in full size. */
import assert from "node:assert/strict";
import { platform } from "node:os";
import { after, before, describe, test } from "node:test";
import { memoryOf } from "../../support/program/memory.ts";
import { MEMORY_TABLE, MEMORY_WORKLOADS } from "../../support/program/memory-workloads.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";

const SCALE = 0.02;
/** Of the README: without large rows. */
const PEAK_MB_MAX = 150;
/** A row of 1 MB is held in the chunk, the line and the pipe's buffers; garbage comes on top. */
const PEAK_LARGE_ROWS_MB_MAX = 250;

describe("memory", { skip: platform() !== "linux" }, () => {
  let server: TestServer;

  before(async () => {
    server = await startServer({ version: 18 });
    await server.sql(MEMORY_TABLE);
  });
  after(() => server.dispose());

  for (const workload of MEMORY_WORKLOADS) {
    const size = Math.ceil(workload.size * SCALE);
    test(`${size} ${workload.name}`, async (t) => {
      const peakMb = await memoryOf(server, workload, size);
      t.diagnostic(`${peakMb.toFixed(0)} MB`);
      const most = workload.name.includes("1 MB") ? PEAK_LARGE_ROWS_MB_MAX : PEAK_MB_MAX;
      assert.ok(peakMb > 20 && peakMb < most, `${peakMb} MB`);
    });
  }
});
