import assert from "node:assert/strict";
import type { Workload } from "../support/workload.ts";

/** The second partition has its columns in another order, and one that was dropped. */
const TREE = (root: string): readonly string[] => [
  `CREATE TABLE ${root} (id int, part int, note text, PRIMARY KEY (id, part)) PARTITION BY RANGE (part)`,
  `CREATE TABLE ${root}_1 PARTITION OF ${root} FOR VALUES FROM (0) TO (10)`,
  `CREATE TABLE ${root}_2 (note text, gone int, part int NOT NULL, id int NOT NULL)`,
  `ALTER TABLE ${root}_2 DROP COLUMN gone`,
  `ALTER TABLE ${root} ATTACH PARTITION ${root}_2 FOR VALUES FROM (10) TO (20)`,
  `CREATE TABLE ${root}_3 PARTITION OF ${root} DEFAULT PARTITION BY LIST (id)`,
  `CREATE TABLE ${root}_3_x PARTITION OF ${root}_3 DEFAULT`,
];

const WORK = (root: string): readonly string[] => [
  `INSERT INTO ${root} VALUES (1, 1, 'low'), (2, 12, 'high'), (3, 99, NULL)`,
  `UPDATE ${root} SET note = 'new'`,
  `UPDATE ${root} SET part = 15 WHERE id = 1`,
  `UPDATE ${root} SET id = 20 WHERE id = 2`,
  `DELETE FROM ${root} WHERE id = 3`,
  `INSERT INTO ${root}_2 (id, part, note) VALUES (30, 13, 'direct')`,
];

export const partitions: Workload = {
  name: "partitions",
  setup: [
    ...TREE("leaves"),
    ...TREE("root"),
    ...["_1", "_2", "_3_x"].flatMap((leaf) => [
      `SELECT watch('leaves${leaf}')`,
      `SELECT watch('root${leaf}', 'root')`,
    ]),
    "CREATE PUBLICATION matrix_leaves FOR TABLE leaves",
    "CREATE PUBLICATION matrix_root FOR TABLE root WITH (publish_via_partition_root)",
  ],
  steps: [
    ...WORK("leaves"),
    ...WORK("root"),
    // A partition that is made and filled in the middle of the stream.
    `CREATE TABLE leaves_4 PARTITION OF leaves FOR VALUES FROM (20) TO (30);
      SELECT watch('leaves_4'); INSERT INTO leaves VALUES (4, 21, 'later')`,
    "TRUNCATE leaves_3_x",
  ],
  // Of what is published as its root the server announces the leaves too, but tells nothing of them.
  where: {
    "partitions.root_1": "false",
    "partitions.root_2": "false",
    "partitions.root_3_x": "false",
  },
  rows: 18,
  check: ({ transactions }) => {
    const lines = transactions.flatMap(({ changes }) => changes.map(({ line }) => line));
    const names = new Set(
      lines.filter(({ kind }) => kind !== "truncate").map(({ table }) => table),
    );
    const leaves = ["_1", "_2", "_3_x", "_4"].map((leaf) => `partitions.leaves${leaf}`);
    assert.deepEqual([...names].toSorted(), [...leaves, "partitions.root"].toSorted());
  },
};
