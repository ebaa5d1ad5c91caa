import type { Workload } from "../support/workload.ts";

/** Tables that change between transactions and in the middle of one. Every row is touched after a change of its table. */
export const ddl: Workload = {
  name: "ddl",
  setup: [
    "CREATE TABLE t (id int PRIMARY KEY, a int, b text)",
    "SELECT watch('t')",
    "CREATE PUBLICATION matrix_ddl FOR TABLE t",
  ],
  steps: [
    "INSERT INTO t VALUES (1, 1, 'one'), (2, 2, 'two')",
    "ALTER TABLE t ADD c numeric DEFAULT 1.10",
    "UPDATE t SET a = a + 1",
    "ALTER TABLE t DROP COLUMN a",
    "UPDATE t SET c = 2.20",
    'ALTER TABLE t RENAME b TO "B b"',
    "INSERT INTO t VALUES (3, 'three', 3)",
    "UPDATE t SET c = c + 1",
    "ALTER TABLE t ALTER c TYPE text USING c::text || '!'",
    'UPDATE t SET "B b" = "B b" || \'.\'',
    "ALTER TABLE t ALTER c TYPE varchar(20)",
    "UPDATE t SET c = 'v'",
    `BEGIN; INSERT INTO t VALUES (4, 'four', 'x'); ALTER TABLE t ADD d timestamptz DEFAULT '2026-11-24 10:57:43.1+00';
      UPDATE t SET c = 'y'; ALTER TABLE t DROP COLUMN c; UPDATE t SET "B b" = 'z'; ALTER TABLE t ADD c int[] DEFAULT '{1,NULL}';
      INSERT INTO t (id) VALUES (5); UPDATE t SET d = NULL WHERE id = 1; UPDATE t SET id = id + 100; COMMIT`,
    "ALTER TABLE t RENAME TO renamed",
    "UPDATE renamed SET c = NULL WHERE id = 105",
    "BEGIN; ALTER TABLE renamed RENAME TO t; UPDATE t SET c = '{7}' WHERE id = 105; ALTER TABLE t RENAME TO again; UPDATE again SET d = NULL; COMMIT",
    // Rolled back, with the relation that was announced in it.
    "BEGIN; ALTER TABLE again ADD nope int; UPDATE again SET nope = 1; ROLLBACK",
    "UPDATE again SET c = '{8}' WHERE id = 101",
    "BEGIN; UPDATE again SET c = '{9}'; SAVEPOINT s; ALTER TABLE again ADD nope int; UPDATE again SET nope = 1; ROLLBACK TO s; UPDATE again SET c = '{10}'; COMMIT",
    // Written anew, which is no change.
    "VACUUM FULL again",
    "CLUSTER again USING t_pkey",
    "UPDATE again SET c = '{11}'",
    "CREATE TABLE made (id serial PRIMARY KEY, v int); SELECT watch('made'); ALTER PUBLICATION matrix_ddl ADD TABLE made; INSERT INTO made (v) VALUES (1)",
    "INSERT INTO made (v) VALUES (2)",
    "ALTER PUBLICATION matrix_ddl DROP TABLE made",
    "ALTER PUBLICATION matrix_ddl ADD TABLE made",
    "UPDATE made SET v = v * 2",
  ],
  rows: 50,
};
