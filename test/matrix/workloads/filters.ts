import assert from "node:assert/strict";
import type { StreamLine } from "../support/stream-line.ts";
import type { Workload } from "../support/workload.ts";

/** Column lists and row filters; an update that crosses a filter's border is an insert or a delete to the subscriber. */
export const filters: Workload = {
  name: "filters",
  since: 15,
  setup: [
    "CREATE TABLE listed (id int PRIMARY KEY, secret text, shown numeric, also text[])",
    "CREATE TABLE filtered (id int PRIMARY KEY, n int, note text)",
    "ALTER TABLE filtered REPLICA IDENTITY FULL",
    "CREATE TABLE both_ways (id int PRIMARY KEY, secret text, shown text)",
    "SELECT watch('listed')",
    `CREATE PUBLICATION matrix_filters FOR TABLE listed (also, id, shown), filtered WHERE (n > 10),
      both_ways (id, shown) WHERE (id > 1)`,
  ],
  steps: [
    "INSERT INTO listed VALUES (1, 'secret', 1.10, '{a,NULL}'), (2, 'secret', NULL, NULL)",
    "UPDATE listed SET secret = 'other'",
    "UPDATE listed SET id = 3, shown = 2 WHERE id = 2",
    "DELETE FROM listed WHERE id = 1",
    "INSERT INTO filtered VALUES (1, 5, 'out'), (2, 15, 'in'), (3, NULL, 'unknown')",
    "UPDATE filtered SET n = 20 WHERE id = 1",
    "UPDATE filtered SET n = 0 WHERE id = 2",
    "UPDATE filtered SET note = 'still in' WHERE id = 1",
    "UPDATE filtered SET note = 'still out' WHERE id = 3",
    "INSERT INTO both_ways VALUES (1, 's', 'out'), (2, 's', 'in')",
    "UPDATE both_ways SET shown = 'x'",
    "DELETE FROM filtered WHERE id = 1",
    "DELETE FROM both_ways WHERE id = 1",
  ],
  where: { "filters.filtered": "n > 10", "filters.both_ways": "id > 1" },
  rows: 6,
  check: ({ transactions, fates }) => {
    const columns = new Map(
      [...fates.relations.values()].map((relation) => [
        relation.table,
        relation.columns.map(({ name }) => name),
      ]),
    );
    assert.deepEqual(columns.get("filters.listed"), ["id", "shown", "also"]);
    assert.deepEqual(columns.get("filters.both_ways"), ["id", "shown"]);
    const lines = transactions.flatMap(({ changes }) => changes.map(({ line }) => line));
    const story = (table: string): readonly string[] =>
      lines.filter((line) => line.table === table).map((line) => `${line.kind} ${idOf(line)}`);
    assert.deepEqual(story("filters.filtered"), [
      "insert 2",
      "insert 1",
      "delete 2",
      "update 1",
      "delete 1",
    ]);
    assert.deepEqual(story("filters.both_ways"), ["insert 2", "update 2"]);
  },
};

function idOf(line: StreamLine): string | undefined {
  return (line.row("new") ?? line.row("old") ?? line.row("key"))?.get("id");
}
