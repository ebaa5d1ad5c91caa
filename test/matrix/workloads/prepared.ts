import type { Workload } from "../support/workload.ts";

const FILL = (from: number, to: number): string =>
  `INSERT INTO t SELECT i, repeat(md5(i::text), 10) FROM generate_series(${from}, ${to}) i`;

/** Two-phase commit: committed and rolled back, small and streamed, with what happens in between. */
export const prepared: Workload = {
  name: "prepared",
  setup: [
    "CREATE TABLE t (id int PRIMARY KEY, filler text)",
    "SELECT watch('t')",
    "CREATE PUBLICATION matrix_prepared FOR TABLE t",
  ],
  steps: [
    `BEGIN; INSERT INTO t VALUES (1, 'p'); SAVEPOINT s; INSERT INTO t VALUES (2, 'void'); ROLLBACK TO s; PREPARE TRANSACTION 'Odd "gid" é'`,
    "INSERT INTO t VALUES (3, 'between')",
    `COMMIT PREPARED 'Odd "gid" é'`,
    "BEGIN; INSERT INTO t VALUES (4, 'void'); PREPARE TRANSACTION 'void'",
    "ROLLBACK PREPARED 'void'",
    `BEGIN; ${FILL(100, 300)}; SAVEPOINT s; ${FILL(700, 900)}; ROLLBACK TO s; ${FILL(601, 650)}; PREPARE TRANSACTION 'large'`,
    "UPDATE t SET filler = 'between' WHERE id = 1",
    "COMMIT PREPARED 'large'",
    `BEGIN; ${FILL(5000, 5400)}; PREPARE TRANSACTION 'large void'`,
    "ROLLBACK PREPARED 'large void'",
    "DELETE FROM t WHERE id > 600",
  ],
  rows: 300,
};
