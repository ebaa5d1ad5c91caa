import assert from "node:assert/strict";
import type { Workload } from "../support/workload.ts";

/** 8,000 bytes that compression makes no smaller than a page's share, from a seed. */
const BIG = (seed: string): string =>
  `(SELECT string_agg(md5(${seed} || i::text), '') FROM generate_series(1, 250) i)`;

/** Values stored out of line: not changed, changed, moved to another column, in a key. */
export const toast: Workload = {
  name: "toast",
  setup: [
    "CREATE TABLE by_key (id int PRIMARY KEY, a text, b text, j jsonb, n int)",
    "CREATE TABLE by_row (id int PRIMARY KEY, a text, b text, j jsonb, n int)",
    "ALTER TABLE by_row REPLICA IDENTITY FULL",
    "CREATE TABLE big_key (id text PRIMARY KEY, n int, other text)",
    "ALTER TABLE big_key ALTER id SET STORAGE EXTERNAL",
    "SELECT watch('by_key'), watch('by_row'), watch('big_key')",
    "CREATE PUBLICATION matrix_toast FOR TABLE by_key, by_row, big_key",
  ],
  steps: [
    ...["by_key", "by_row"].flatMap((table) => [
      `INSERT INTO ${table} SELECT i, ${BIG("i")}, ${BIG("'b' || i")}, jsonb_build_object('k', ${BIG("'j'")}, 'n', 1.10), 0 FROM generate_series(1, 4) i`,
      `UPDATE ${table} SET n = 1`,
      `UPDATE ${table} SET a = ${BIG("'new'")} WHERE id = 1`,
      `UPDATE ${table} SET a = b, b = a WHERE id = 2`,
      `UPDATE ${table} SET a = NULL, b = 'short' WHERE id = 3`,
      `UPDATE ${table} SET id = 40 WHERE id = 4`,
      `UPDATE ${table} SET id = 30, j = NULL WHERE id = 3`,
      `DELETE FROM ${table} WHERE id IN (1, 40)`,
    ]),
    `INSERT INTO big_key SELECT substr(${BIG("'key'")}, 1, 2600), 0, ${BIG("'other'")}`,
    "UPDATE big_key SET n = 1",
    "UPDATE big_key SET id = 'short'",
    "DELETE FROM big_key",
  ],
  rows: 30,
  check: ({ transactions }) => {
    const lines = transactions.flatMap(({ changes }) => changes.map(({ line }) => line));
    const left = new Set(
      lines.filter(({ unchanged }) => unchanged.length > 0).map(({ table }) => table),
    );
    assert.deepEqual([...left].toSorted(), ["toast.big_key", "toast.by_key", "toast.by_row"]);
  },
};
