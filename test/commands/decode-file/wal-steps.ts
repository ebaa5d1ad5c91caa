/** What the server of the test of rows out of WAL does, and the lines that are printed of it. */
import assert from "node:assert/strict";
import type { RunResult } from "../../support/program/cli.ts";

export interface Line {
  readonly kind: string;
  readonly lsn: string | null;
  readonly xid: number;
  readonly commit_lsn?: string | null;
  readonly commit_time?: string | null;
  readonly [key: string]: unknown;
}

/** In order; each is one transaction, or a few that belong together. */
export const STEPS = [
  "INSERT INTO t SELECT i, 'row ' || i, (SELECT string_agg(md5((i * j)::text), '') FROM generate_series(1, 200) j) FROM generate_series(1, 5) i",
  "UPDATE t SET a = 'changed' WHERE id = 1",
  "UPDATE t SET id = 10 WHERE id = 2",
  "DELETE FROM t WHERE id = 3",
  "INSERT INTO t VALUES (1, 'again', NULL), (20, 'new', NULL) ON CONFLICT (id) DO UPDATE SET a = excluded.a",
  "BEGIN; INSERT INTO t VALUES (30, 'kept', NULL); SAVEPOINT s; INSERT INTO t VALUES (31, 'lost', NULL); ROLLBACK TO s; INSERT INTO t VALUES (32, 'kept', NULL); COMMIT",
  "BEGIN; INSERT INTO t VALUES (40, 'never', NULL); ROLLBACK",
  "BEGIN; INSERT INTO t VALUES (50, 'prepared', NULL); PREPARE TRANSACTION 'p'",
  "INSERT INTO bare VALUES (1), (2)",
  "COMMIT PREPARED 'p'",
  "ALTER TABLE t ADD COLUMN extra int DEFAULT 7, DROP COLUMN a",
  "UPDATE t SET extra = 8 WHERE id = 1",
  // What the rewrite copies is not what the update's unchanged value is sent from.
  "BEGIN; ALTER TABLE t ALTER extra TYPE bigint; UPDATE t SET extra = 9 WHERE id = 4; COMMIT",
  "CREATE TABLE other (id int PRIMARY KEY, mood mood DEFAULT 'glad'); INSERT INTO other VALUES (1)",
  // Every row gets another value, and the table's announcement is the same.
  "ALTER TABLE other ALTER mood TYPE mood USING 'sad'",
  "UPDATE other SET mood = mood",
  "VACUUM FULL t",
  "SELECT pg_logical_emit_message(true, 'app', 'with'), pg_logical_emit_message(false, 'app', 'without'), pg_logical_emit_message(true, 'long', repeat('long', 400000))",
  "TRUNCATE t, other",
  "DROP TABLE other",
  "SELECT pg_replication_origin_create('elsewhere'), pg_replication_origin_session_setup('elsewhere')",
  "INSERT INTO t VALUES (60, NULL, 1)",
  "SELECT pg_replication_origin_session_reset()",
  // The first row is in one segment, the second in the next one.
  "BEGIN; INSERT INTO t VALUES (70, NULL, 1); SELECT pg_switch_wal(); INSERT INTO t VALUES (71, NULL, 1); COMMIT",
];

export function assertDone({ status, stderr }: RunResult): void {
  assert.equal(`${status} ${stderr}`, "0 ");
}

export function linesOf({ stdout, status, stderr }: RunResult): readonly Line[] {
  assert.equal(status, 0, stderr);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}
