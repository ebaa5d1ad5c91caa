import assert from "node:assert/strict";
import type { StreamLine } from "../support/stream-line.ts";
import type { Workload } from "../support/workload.ts";

export const messages: Workload = {
  name: "messages",
  setup: [
    "CREATE TABLE t (id int PRIMARY KEY, filler text)",
    "SELECT watch('t')",
    "CREATE PUBLICATION matrix_messages FOR TABLE t",
  ],
  steps: [
    "SELECT pg_logical_emit_message(false, 'matrix loose', 'text \"é\"' || E'\\n')",
    "SELECT pg_logical_emit_message(true, 'matrix alone', '')",
    "SELECT pg_logical_emit_message(false, '', '\\x00ff80'::bytea)",
    `BEGIN; INSERT INTO t VALUES (1, ''); SELECT pg_logical_emit_message(true, 'matrix "inside"', '\\xfffe0a0d00'::bytea);
      SELECT pg_logical_emit_message(false, 'matrix at once', 'x'); INSERT INTO t VALUES (2, ''); COMMIT`,
    // The one that belongs to nothing comes although this is rolled back.
    `BEGIN; SELECT pg_logical_emit_message(false, 'matrix survives', 'y'); SELECT pg_logical_emit_message(true, 'matrix dies', 'y'); ROLLBACK`,
    `BEGIN; INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(100, 400) i; SELECT pg_logical_emit_message(true, 'matrix streamed', repeat('z', 100000));
      SAVEPOINT s; SELECT pg_logical_emit_message(true, 'matrix void', 'n'); INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(500, 900) i; ROLLBACK TO s;
      SELECT pg_logical_emit_message(false, 'matrix in between', 'n'); COMMIT`,
  ],
  rows: 300,
  check: ({ fates }) => {
    const prefix = (line: StreamLine): string => line.text("prefix");
    assert.deepEqual(fates.loose.map(prefix), [
      "matrix loose",
      "",
      "matrix at once",
      "matrix survives",
      "matrix in between",
    ]);
    const changes = fates.committed.flatMap((transaction) => transaction.changes);
    const inside = changes.map(({ line }) => line).filter(({ kind }) => kind === "message");
    assert.deepEqual(inside.map(prefix), ["matrix alone", 'matrix "inside"', "matrix streamed"]);
    assert.equal(fates.loose[0]?.value("content"), 'text "é"\n');
    assert.equal(
      fates.loose[1]?.value("content_base64"),
      Buffer.from([0, 0xff, 0x80]).toString("base64"),
    );
    assert.equal(inside[0]?.value("content"), "");
    assert.equal(
      inside[1]?.value("content_base64"),
      Buffer.from([0xff, 0xfe, 10, 13, 0]).toString("base64"),
    );
  },
};
