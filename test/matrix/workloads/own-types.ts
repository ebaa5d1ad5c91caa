import type { Workload } from "../support/workload.ts";

/** Types that people make: enums and attributes with odd names, ranges, rows of tables, and those that come later. */
export const ownTypes: Workload = {
  name: "own_types",
  setup: [
    `CREATE TYPE odd AS ENUM ('', ' ', 'NULL', '"', '\\', 'a,b', '{x}', '(y)', 'é', E'line\\nbreak', 't', '1')`,
    "CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = span_multi)",
    "CREATE TYPE text_range AS RANGE (subtype = text)",
    `CREATE TYPE "Odd ""type""" AS ("1" int, "__proto__" text, "a""b" numeric(5,2), "constructor" odd[], " " jsonb)`,
    "CREATE TYPE empty_type AS ()",
    "CREATE TABLE plain (a int, gone text, b text)",
    "ALTER TABLE plain DROP COLUMN gone",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0)",
    "CREATE DOMAIN odds AS odd[]",
    `CREATE TABLE things (id int PRIMARY KEY, o odd, oa odd[], od odds, ods odds[],
      r span, ra span[], tr text_range, m span_multi, c "Odd ""type""", ca "Odd ""type"""[],
      e empty_type, ea empty_type[], p plain, pa plain[], po positive)`,
    "SELECT watch('things')",
    "CREATE PUBLICATION matrix_own_types FOR TABLE things",
  ],
  steps: [
    `INSERT INTO things (id, o, oa, od, ods) SELECT row_number() OVER (), o, ARRAY[o, NULL, o], ARRAY[o], ARRAY[ARRAY[o, NULL]::odds]
      FROM unnest(enum_range(NULL::odd)) o`,
    `INSERT INTO things (id, r, ra, tr, m) VALUES (101, '[1.5,2.5)', ARRAY['empty'::span, '(,)'], '["a,b","c\\"d"]', '{[1,2),[3,4)}')`,
    `INSERT INTO things (id, c, ca) VALUES (102, ROW(1, 'x "y", (z)', 1.10, '{" ","\\"",NULL}', '{"k": [1, 1.10]}'), NULL),
      (103, ROW(NULL, '', NULL, '{}', 'null'), ARRAY[ROW(1, '\\', 2, NULL, '"a\\"b"')::"Odd ""type""", NULL])`,
    `INSERT INTO things (id, e, ea, p, pa) VALUES (104, ROW(), ARRAY[ROW()::empty_type], ROW(1, 'b'), ARRAY[ROW(NULL, '')::plain]), (105, NULL, '{}', ROW(NULL, NULL), NULL)`,
    // Types that nobody knew when the stream began, in a table that joins the publication.
    `CREATE TYPE late AS ENUM ('soon', 'never'); CREATE DOMAIN late_d AS late; CREATE TYPE late_c AS (l late_d, n int);
      CREATE TABLE late_table (id int PRIMARY KEY, l late, d late_d[], c late_c, ca late_c[]);
      SELECT watch('late_table'); ALTER PUBLICATION matrix_own_types ADD TABLE late_table`,
    `INSERT INTO late_table VALUES (1, 'soon', '{never,NULL}', ROW('soon', 1), ARRAY[ROW('never', NULL)::late_c])`,
    "ALTER TYPE late ADD VALUE 'at last'",
    "UPDATE late_table SET l = 'at last'",
    "BEGIN; CREATE DOMAIN inner_d AS numeric; ALTER TABLE late_table ADD x inner_d; UPDATE late_table SET x = 1.10; COMMIT",
  ],
  rows: 19,
};
