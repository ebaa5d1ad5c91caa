/** The WAL of a server, record by record. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { findFiles } from "../../../src/capture/wal/find.ts";
import { readLog } from "../../../src/capture/wal/log.ts";
import { planLog } from "../../../src/capture/wal/plan.ts";
import { PlannedSource } from "../../../src/capture/wal/sources.ts";
import type { WalVersion } from "../../../src/postgres/pages/versions.ts";
import type { WalRecord } from "../../../src/postgres/records/record.ts";
import type { TestServer } from "../../support/server/server.ts";

/** Calls `note` with every record that is written, until it returns false. */
export async function followLog(
  server: TestServer,
  note: (record: WalRecord, version: WalVersion) => boolean,
): Promise<void> {
  // What the last commit wrote may not be in the file yet.
  await server.sql("SELECT pg_switch_wal()");
  const { files, histories } = await findFiles([join(server.host, "data", "pg_wal")]);
  const source = new PlannedSource(planLog(files, { histories, timeline: undefined }), 0);
  const listener = {
    record: note,
    skipped: (): void => assert.fail("damaged WAL"),
    flush: (): undefined => undefined,
  };
  const stop = new AbortController().signal;
  const end = await readLog({ source, listener, keepGoing: false, stop });
  assert.notEqual(end.kind, "fault");
}
