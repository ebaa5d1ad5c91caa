import assert from "node:assert/strict";
import type { Workload } from "../support/workload.ts";

/** Generated columns are published by PostgreSQL 18 alone, and only when asked; virtual ones never. */
export const generated: Workload = {
  name: "generated",
  setup: (version) => [
    `CREATE TABLE sums (id int PRIMARY KEY, a int, total numeric GENERATED ALWAYS AS (a * 1.10) STORED,
      upper text GENERATED ALWAYS AS (upper('x' || a::text)) STORED)`,
    "CREATE TABLE silent (id int PRIMARY KEY, a int, total int GENERATED ALWAYS AS (a * 2) STORED)",
    ...(version >= 18
      ? [
          "ALTER TABLE sums ADD virtual int GENERATED ALWAYS AS (a + 1) VIRTUAL",
          "CREATE TABLE picked (id int PRIMARY KEY, a int, total int GENERATED ALWAYS AS (a * 2) STORED)",
          "SELECT watch('picked')",
        ]
      : []),
    "SELECT watch('sums'), watch('silent')",
    `CREATE PUBLICATION matrix_generated FOR TABLE sums ${version >= 18 ? "WITH (publish_generated_columns = stored)" : ""}`,
    `CREATE PUBLICATION matrix_silent FOR TABLE silent ${version >= 18 ? ", picked (id, total)" : ""}`,
  ],
  steps: async (server) => {
    const tables = ["sums", "silent", ...(server.version >= 18 ? ["picked"] : [])];
    for (const table of tables) {
      await server.sql(`INSERT INTO ${table} (id, a) VALUES (1, 10), (2, NULL)`);
      await server.sql(`UPDATE ${table} SET a = 7`);
      await server.sql(`DELETE FROM ${table} WHERE id = 2`);
    }
  },
  rows: 10,
  check: ({ version, fates }) => {
    const columns = new Map(
      [...fates.relations.values()].map((relation) => [
        relation.table,
        relation.columns.map(({ name }) => name),
      ]),
    );
    const all = ["id", "a", "total", "upper"];
    assert.deepEqual(columns.get("generated.sums"), version >= 18 ? all : ["id", "a"]);
    assert.deepEqual(columns.get("generated.silent"), ["id", "a"]);
    if (version >= 18) assert.deepEqual(columns.get("generated.picked"), ["id", "total"]);
  },
};
