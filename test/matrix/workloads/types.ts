import type { Workload } from "../support/workload.ts";
import { BINARY_TYPES, TEXT_ONLY, type TypeValues } from "./type-values.ts";

const ALL_TYPES = [...BINARY_TYPES, ...TEXT_ONLY];

/** What streams go without, to save time or because the server cannot. */
export const NO_TYPES = { publications: /^matrix_types/, tables: /^types\./ };
export const NO_TEXT_ONLY = {
  publications: /^matrix_types_text_only$/,
  tables: new RegExp(`^types\\.of_(${TEXT_ONLY.map(({ type }) => type).join("|")})$`),
};

/** A name for what is made of the type: `numeric(12,4)` → `numeric_12_4_`. */
function typeName(type: string): string {
  return type.replaceAll(/\W/g, "_");
}

/**
 * Of every type a table that holds it alone, in arrays (with bounds of their own, nested, with NULLs and
 * empty), in domains over domains and over arrays, in composites and composites of these, and arrays of all.
 */
function tableOf({ type }: TypeValues): string {
  const t = typeName(type);
  return `
    CREATE DOMAIN dom_${t} AS ${type};
    CREATE DOMAIN dom2_${t} AS dom_${t};
    CREATE DOMAIN doma_${t} AS ${type}[];
    CREATE TYPE comp_${t} AS (a ${type}, "b ""c" ${type}[], d dom2_${t});
    CREATE TYPE nest_${t} AS (x comp_${t}, y comp_${t}[], z doma_${t});
    CREATE DOMAIN domc_${t} AS comp_${t};
    CREATE TABLE ${tableName(type)} (
      id int PRIMARY KEY, v ${type}, a ${type}[], n ${type}[], d dom2_${t}, da dom2_${t}[], ad doma_${t},
      c comp_${t}, ca comp_${t}[], dc domc_${t}, nc nest_${t});
    ALTER TABLE ${tableName(type)} REPLICA IDENTITY FULL;
    SELECT watch('${tableName(type)}')`;
}

function tableName(type: string): string {
  return `of_${typeName(type)}`;
}

function tableNames(all: readonly TypeValues[]): string {
  return all.map(({ type }) => tableName(type)).join(", ");
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function stepsOf({ type, values }: TypeValues): string {
  const t = typeName(type);
  const table = tableName(type);
  const rows = values.map((value, index) => `(${index}, ${literal(value)}::${type})`);
  const comp = `ROW(v, ARRAY[NULL, v], v)::comp_${t}`;
  return `
    INSERT INTO ${table} SELECT i, v, ARRAY[v, NULL, v], ARRAY[ARRAY[v, v], ARRAY[NULL, v]], v, ARRAY[v, v]::dom2_${t}[],
      ARRAY[v], ${comp}, ARRAY[${comp}, NULL, ROW(NULL, '{}', NULL)::comp_${t}], ${comp},
      ROW(${comp}, ARRAY[${comp}], ARRAY[ARRAY[v]])::nest_${t}
      FROM (VALUES ${rows.join(", ")}) value(i, v);
    INSERT INTO ${table} (id) VALUES (-1);
    INSERT INTO ${table} VALUES (-2, NULL, '{}', '{}', NULL, '{}', '{}', ROW(NULL, NULL, NULL), '{}', ROW(NULL, '{}', NULL), ROW(NULL, '{}', NULL));
    UPDATE ${table} SET n = NULL WHERE id > 0;
    UPDATE ${table} SET n[0] = v, ca[-1] = c WHERE id > 0;
    UPDATE ${table} SET v = (SELECT v FROM ${table} WHERE id = 0) WHERE id = 1;
    DELETE FROM ${table} WHERE id = 0`;
}

export const types: Workload = {
  name: "types",
  setup: [
    ...["hstore", "citext", "cube", "ltree", "seg", "isn", "intarray"].map(
      (extension) => `CREATE EXTENSION ${extension} SCHEMA public`,
    ),
    ...ALL_TYPES.map(tableOf),
    `CREATE PUBLICATION matrix_types FOR TABLE ${tableNames(BINARY_TYPES)}`,
    `CREATE PUBLICATION matrix_types_text_only FOR TABLE ${tableNames(TEXT_ONLY)}`,
  ],
  steps: ALL_TYPES.map(stepsOf),
  rows: 900,
};
