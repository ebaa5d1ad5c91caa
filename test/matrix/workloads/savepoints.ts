import assert from "node:assert/strict";
import type { TestServer } from "../../support/server/server.ts";
import type { Workload } from "../support/workload.ts";

const FILL = (from: number, to: number): string =>
  `INSERT INTO t SELECT i, repeat(md5(i::text), 10) FROM generate_series(${from}, ${to}) i`;

/** Transactions too large for the server's memory: rolled back in part, in nested parts, and as a whole. */
export const savepoints: Workload = {
  name: "savepoints",
  setup: [
    "CREATE TABLE t (id int PRIMARY KEY, filler text)",
    "SELECT watch('t')",
    "CREATE PUBLICATION matrix_savepoints FOR TABLE t",
  ],
  steps: async (server) => {
    await server.sql(
      `BEGIN; ${FILL(1, 200)}; SAVEPOINT a; ${FILL(201, 500)}; ROLLBACK TO a; ${FILL(501, 650)};
        SAVEPOINT b; ${FILL(651, 800)}; SAVEPOINT c; ${FILL(801, 950)}; RELEASE c; ROLLBACK TO b;
        SAVEPOINT d; UPDATE t SET filler = 'kept' WHERE id < 100; SAVEPOINT e; DELETE FROM t WHERE id BETWEEN 150 AND 190;
        ROLLBACK TO e; RELEASE d; ${FILL(651, 750)}; COMMIT`,
    );
    await server.sql(`BEGIN; ${FILL(5000, 5700)}; ROLLBACK`);
    // Nothing is left of it but what came before the savepoint.
    await server.sql(
      `BEGIN; INSERT INTO t VALUES (9000, 'only'); SAVEPOINT a; ${FILL(5000, 5300)}; ROLLBACK TO a; COMMIT`,
    );
    await server.sql(
      `DO $$ BEGIN FOR i IN 10000..10250 LOOP
        BEGIN INSERT INTO t VALUES (i, repeat('x', 300)); IF i % 3 = 0 THEN RAISE 'no'; END IF; EXCEPTION WHEN raise_exception THEN NULL; END;
      END LOOP; END $$`,
    );
    await interleave(server);
    await server.sql("DELETE FROM t WHERE id < 1000");
  },
  rows: 1500,
  check: ({ transactions }) => assert.ok(transactions.length >= 6),
};

/** Two large transactions at a time, of which the first to begin is the last to end. */
async function interleave(server: TestServer): Promise<void> {
  const other = await server.connect();
  try {
    await other.query("SET search_path = savepoints, public; BEGIN");
    for (let round = 0; round < 4; round++) {
      const from = 20_000 + round * 1000;
      await other.query(`SAVEPOINT s; ${FILL(from, from + 200)}`);
      await server.sql(
        `BEGIN; ${FILL(from + 400, from + 600)}; SAVEPOINT s; ${FILL(from + 601, from + 660)}; ROLLBACK TO s; COMMIT`,
      );
      if (round % 2 === 1) await other.query("ROLLBACK TO s");
    }
    await other.query("COMMIT");
  } finally {
    await other.end();
  }
}
