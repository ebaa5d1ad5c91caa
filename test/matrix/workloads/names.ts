import type { Workload } from "../support/workload.ts";

const COLUMNS = [
  "2",
  "1",
  "__proto__",
  "constructor",
  'a"b',
  "back\\slash",
  "tab\tline\n",
  "é😀",
  " ",
  "select",
  "toString",
  "\u007f\u0085",
  "x".repeat(63),
];

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const TABLE = quote(`Ta "b",\\e\n.é`);

/** Identifiers that need quotes, and those that mean something to JavaScript. */
export const names: Workload = {
  name: 'Sche "ma".',
  setup: [
    `CREATE TABLE ${TABLE} (${COLUMNS.map((name, index) => `${quote(name)} ${index % 2 === 0 ? "int" : "text"}`).join(", ")}, PRIMARY KEY ("2", "__proto__"))`,
    `CREATE TABLE "__proto__" ("constructor" int PRIMARY KEY, "__proto__" text)`,
    `SELECT watch('${TABLE}'), watch('"__proto__"')`,
    `CREATE PUBLICATION "matrix ""odd"", \\é" FOR TABLE ${TABLE}, "__proto__"`,
  ],
  steps: [
    `INSERT INTO ${TABLE} SELECT ${COLUMNS.map((_, index) => (index % 2 === 0 ? "i" : "'v' || i")).join(", ")} FROM generate_series(1, 3) i`,
    `UPDATE ${TABLE} SET "2" = 20, "constructor" = NULL WHERE "2" = 2`,
    `UPDATE ${TABLE} SET "__proto__" = 30 WHERE "2" = 3`,
    `DELETE FROM ${TABLE} WHERE "2" = 1`,
    `INSERT INTO "__proto__" VALUES (1, 'x'); UPDATE "__proto__" SET "constructor" = 2`,
  ],
  rows: 8,
};
