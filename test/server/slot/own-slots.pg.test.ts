/** Slots and columns that PostgreSQL 19 has: those of REPACK, and what it tells of spills and skipped synchronizations. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type pg from "pg";
import { walctl } from "../../support/program/cli.ts";
import { answerAs19, answering, changeView } from "../../support/server/as-19.ts";
import { type TestServer, startServer } from "../../support/server/server.ts";
import { diagnose } from "../doctor/diagnosis.ts";

interface SlotLine {
  readonly slot: string;
  readonly status: string;
  readonly slotsync_skip_reason: string | null;
  readonly faults: ReadonlyArray<{ readonly message: string }>;
}

describe("slots as PostgreSQL 19 has them", () => {
  let server: TestServer;
  let repack: pg.Client;

  before(async () => {
    server = await startServer({
      version: 18,
      settings: { logical_decoding_work_mem: "64kB", max_slot_wal_keep_size: "10GB" },
    });
    await server.sql("CREATE TABLE t (a int, b text)");
    await changeView(server, "pg_replication_slots", {
      plugin: "CASE WHEN slot_name ~ '^pg_repack_' THEN 'pgrepack'::name ELSE plugin END",
      slotsync_skip_reason: "CASE WHEN slot_name = 'spills' THEN 'wal_not_flushed' END",
    });
    await changeView(server, "pg_stat_replication_slots", {
      mem_exceeded_count: "CASE WHEN slot_name = 'unused' THEN 0 ELSE 3 END::int8",
    });
    await answerAs19(server);
    for (const slot of ["spills", "unused"])
      await server.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
    repack = await server.connect();
    await repack.query(
      "SELECT pg_create_logical_replication_slot('pg_repack_7', 'pgoutput', true)",
    );
    await server.sql("CREATE PUBLICATION p FOR TABLE t");
  });
  after(async () => {
    await repack.end();
    await server.dispose();
  });

  async function slots(): Promise<ReadonlyMap<string, SlotLine>> {
    const { stdout, stderr, status } = await walctl(["slots", "-F", "ndjson"], { server });
    assert.equal(status, 0, stderr);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as SlotLine);
    return new Map(lines.map((line) => [line.slot, line]));
  }

  test("What REPACK reads is no fault, and takes none of the places for slots.", async () => {
    assert.deepEqual((await slots()).get("pg_repack_7")?.faults, []);
    const places = async (
      answers: Readonly<Record<string, string>>,
    ): Promise<string | undefined> => {
      const { checks } = await diagnose(server, [], { env: answering(answers) });
      return checks.find(({ check }) => check === "max_replication_slots")?.message;
    };
    assert.equal(
      await places({ max_repack_replication_slots: "5" }),
      "2 of 10 slots are taken, and 1 of REPACK's own 5",
    );
  });

  test("A slot whose decoding spilled is told with how often; the reason of a standby is not a primary's.", async () => {
    assert.deepEqual((await slots()).get("spills")?.faults, []);
    await server.sql(
      "INSERT INTO t SELECT i, repeat('x', 100) FROM generate_series(1, 10000) AS i",
    );
    await server.sql(
      "SELECT count(*) FROM pg_logical_slot_peek_binary_changes('spills', NULL, NULL, 'proto_version', '1', 'publication_names', 'p')",
    );
    await server.sql("SELECT pg_stat_force_next_flush()");
    const all = await slots();
    const spills = all.get("spills");
    assert.equal(spills?.status, "warning");
    assert.equal(spills.slotsync_skip_reason, "wal_not_flushed");
    assert.equal(spills.faults.length, 1);
    assert.match(
      spills.faults[0]?.message ?? "",
      /^decoding has needed more than logical_decoding_work_mem 3 times, and has written \d+ kB of changes to disk; a larger value \(64kB unless/,
    );
    assert.deepEqual(all.get("unused")?.faults, []);
    assert.equal(all.get("unused")?.slotsync_skip_reason, null);
  });
});
