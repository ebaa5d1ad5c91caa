import assert from "node:assert/strict";
import type { Workload } from "../support/workload.ts";
import { truncatedTables } from "../support/fates.ts";

export const truncate: Workload = {
  name: "truncates",
  setup: [
    "CREATE TABLE parent (id serial PRIMARY KEY, note text)",
    "CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent)",
    "CREATE TABLE other (id serial PRIMARY KEY)",
    "CREATE TABLE unpublished (id int PRIMARY KEY REFERENCES other)",
    "CREATE TABLE split (id int PRIMARY KEY) PARTITION BY LIST (id)",
    "CREATE TABLE split_1 PARTITION OF split DEFAULT",
    "SELECT watch('parent'), watch('child'), watch('other'), watch('split_1')",
    "CREATE PUBLICATION matrix_truncates FOR TABLE parent, child, other, split",
  ],
  steps: [
    "INSERT INTO parent (note) VALUES ('a'), ('b'); INSERT INTO child (parent) VALUES (1), (2); INSERT INTO other DEFAULT VALUES; INSERT INTO split VALUES (1), (2)",
    "TRUNCATE child",
    "INSERT INTO child (parent) VALUES (1)",
    "TRUNCATE parent, other RESTART IDENTITY CASCADE",
    "INSERT INTO parent (note) VALUES ('again'); INSERT INTO other DEFAULT VALUES",
    "BEGIN; INSERT INTO child (parent) VALUES (1); TRUNCATE other CASCADE; SAVEPOINT s; TRUNCATE parent, child; ROLLBACK TO s; INSERT INTO other VALUES (9); COMMIT",
    "TRUNCATE split",
  ],
  rows: 12,
  check: ({ transactions }) => {
    const lines = transactions.flatMap(({ changes }) => changes.map(({ line }) => line));
    const told = lines
      .filter((line) => line.kind === "truncate")
      .map((line) => {
        const tables = truncatedTables(line).map((table) => table.replace("truncates.", ""));
        return [tables.toSorted().join(" "), line.value("cascade"), line.value("restart_identity")];
      });
    assert.deepEqual(told, [
      ["child", false, false],
      ["child other parent", true, true],
      ["other", true, false],
      ["split_1", false, false],
    ]);
  },
};
