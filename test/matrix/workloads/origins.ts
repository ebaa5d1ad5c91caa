import assert from "node:assert/strict";
import type { Workload } from "../support/workload.ts";

/** Transactions that say they came from elsewhere. */
export const origins: Workload = {
  name: "origins",
  setup: [
    "CREATE TABLE t (id int PRIMARY KEY, filler text)",
    "SELECT watch('t')",
    "CREATE PUBLICATION matrix_origins FOR TABLE t",
  ],
  steps: async (server) => {
    await server.sql("INSERT INTO t VALUES (1, 'here')");
    await server.sql(`SELECT pg_replication_origin_create('Odd "origin" é')`);
    await server.sql(`SELECT pg_replication_origin_session_setup('Odd "origin" é')`);
    await server.sql(
      "BEGIN; SELECT pg_replication_origin_xact_setup('AB/CDEF0123', '2026-01-02 03:04:05.000006Z'); INSERT INTO t VALUES (2, 'elsewhere'); COMMIT",
    );
    await server.sql("UPDATE t SET filler = 'elsewhere, without a position'");
    await server.sql(
      "BEGIN; SELECT pg_replication_origin_xact_setup('AB/CDEF0200', '1999-12-31 23:59:59Z'); INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(100, 400) i; SAVEPOINT s; DELETE FROM t WHERE id < 3; ROLLBACK TO s; COMMIT",
    );
    await server.sql("SELECT pg_replication_origin_session_reset()");
    await server.sql("DELETE FROM t WHERE id = 1");
  },
  rows: 300,
  check: ({ transactions, lines }) => {
    assert.deepEqual(
      transactions.map(({ origin }) => origin),
      [undefined, 'Odd "origin" é', 'Odd "origin" é', 'Odd "origin" é', undefined],
    );
    const positions = lines
      .filter(({ kind }) => kind === "origin")
      .map((line) => line.text("origin_lsn"));
    assert.equal(positions[0], "AB/CDEF0123");
    assert.equal(transactions[1]?.commit.text("commit_time"), "2026-01-02T03:04:05.000006Z");
  },
};
