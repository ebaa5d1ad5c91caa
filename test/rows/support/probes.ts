/** What a server says of its tables and types, to be compared with what its WAL says of them. */
import { NONE } from "../../../src/known.ts";
import assert from "node:assert/strict";
import type pg from "pg";
import type { CatalogHistory } from "../../../src/rows/catalog/history.ts";
import { positionOfText } from "./export.ts";

export interface Probe {
  /** Of the session's transaction; 0: none. */
  readonly xid: number;
  /** A change that it made now would have this position or a later one. */
  readonly lsn: number;
  readonly said: string;
  /** In a savepoint to which it was rolled back later. */
  rolledBack: boolean;
  readonly tables: readonly ProbedTable[];
  readonly enums: ReadonlyArray<{ readonly oid: number; readonly label: string }>;
  readonly types: ReadonlyArray<{ readonly oid: number; readonly shape: string }>;
}

interface ProbedTable {
  readonly oid: number;
  readonly relfilenode: number | null;
  readonly tablespace: number;
  readonly shape: string;
}

const TABLES = `
  SELECT json_agg(t) FROM (
    SELECT c.oid::int8, pg_relation_filenode(c.oid)::int8 AS relfilenode,
      CASE reltablespace WHEN 0 THEN dattablespace ELSE reltablespace END::int8 AS tablespace,
      concat_ws(' ', nspname, relname, relkind, relpersistence, relreplident, reltoastrelid, relrewrite, '|',
        (SELECT string_agg(concat_ws(' ', attnum, attname, atttypid, atttypmod, attlen, attalign, attisdropped, attgenerated <> '',
            atthasmissing, NOT attisdropped AND coalesce(relreplident = 'f' OR attnum = ANY ((
              SELECT (indkey::int2[])[0:indnkeyatts - 1] FROM pg_index WHERE indrelid = c.oid AND indimmediate AND indisvalid
                AND CASE relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident END
            )::int2[]), false)), ', ' ORDER BY attnum)
          FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)) AS shape
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace, pg_database d
    WHERE datname = current_database() AND relkind IN ('r', 't', 'm', 'p') AND (c.oid >= 16384 OR relname IN ('pg_class', 'pg_proc', 'pg_depend'))
      AND NOT relisshared) t`;
const ENUMS = "SELECT json_agg(e) FROM (SELECT oid::int8, enumlabel AS label FROM pg_enum) e";
const TYPES = `
  SELECT json_agg(t) FROM (
    SELECT t.oid::int8, concat_ws(' ', typname, typnamespace, typlen, typalign, typtype, typcategory, typelem, typdelim, typrelid, typbasetype,
      (SELECT rngsubtype::int8 FROM pg_range WHERE rngtypid = t.oid), (SELECT rngtypid::int8 FROM pg_range WHERE rngmultitypid = t.oid),
      (SELECT string_agg(concat_ws(' ', attnum, attname, atttypid, attlen, attalign, attisdropped), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0)) AS shape
    FROM pg_type t WHERE t.oid >= 16384) t`;

/** One statement, and so one snapshot. Nobody else may be at work. */
export async function probe(client: pg.Client, said: string): Promise<Probe> {
  const { rows } = await client.query<{
    xid: string | null;
    lsn: string;
    tables: ProbedTable[];
    enums: Probe["enums"] | null;
    types: Probe["types"] | null;
  }>(`SELECT pg_current_xact_id_if_assigned()::text AS xid, pg_current_wal_insert_lsn()::text AS lsn,
    (${TABLES}) AS tables, (${ENUMS}) AS enums, (${TYPES}) AS types`);
  const { xid, lsn, tables, enums, types } = rows[0]!;
  return {
    xid: Number(BigInt.asUintN(32, BigInt(xid ?? 0))),
    // A record may start at the insert position itself.
    lsn: positionOfText(lsn) - 1,
    said,
    rolledBack: false,
    tables,
    enums: enums ?? [],
    types: types ?? [],
  };
}

const ALIGNMENTS: Readonly<Record<number, string>> = { 1: "c", 2: "s", 4: "i", 8: "d" };
const bool = (value: boolean): string => (value ? "t" : "f");

/** The history has the same answers, or where `mayLack` none at all. Returns how many tables it knows. */
export function checkProbe(
  history: CatalogHistory,
  asked: Probe,
  owner: ReadonlySet<number>,
  mayLack = false,
): number {
  const { lsn, said } = asked;
  let known = 0;
  for (const { oid, relfilenode, tablespace, shape } of asked.tables) {
    const table =
      relfilenode === null
        ? history.relationByOid(oid, lsn, owner)
        : history.relationAt(tablespace, relfilenode, lsn, owner);
    if (table === undefined && mayLack) continue;
    known++;
    assert.ok(table, `${said}: ${shape} is not known; ${history.broken?.message}`);
    const attributes = table.attributes.map((attribute, index) =>
      [
        index + 1,
        attribute.name,
        attribute.typeOid,
        attribute.typmod,
        attribute.length,
        ALIGNMENTS[attribute.align],
        bool(attribute.dropped),
        bool(attribute.generated),
        bool(attribute.missing !== NONE),
        bool(attribute.key),
      ].join(" "),
    );
    const { schema, name, relkind, persistence, replicaIdentity, toastRelation, relrewrite } =
      table;
    const head = [schema, name, relkind, persistence, replicaIdentity, toastRelation, relrewrite];
    assert.equal([...head, "|", attributes.join(", ")].join(" "), shape, said);
    assert.equal(table.oid, oid, said);
    assert.deepEqual(history.relationByOid(oid, lsn, owner), table, `${said}: by oid`);
  }
  if (mayLack) return known;
  for (const { oid, label } of asked.enums) assert.equal(history.types.enumLabel(oid), label, said);
  for (const { oid, shape } of asked.types) {
    const type = history.types.type(oid);
    assert.ok(type, `${said}: ${shape}`);
    const { name, namespace, length, align, kind, category, element, delimiter, relation, base } =
      type;
    const fields = history.types
      .attributes(relation)
      .map((field, index) =>
        [
          index + 1,
          field.name,
          field.typeOid,
          field.length,
          ALIGNMENTS[field.align],
          bool(field.dropped),
        ].join(" "),
      );
    const parts = [
      name,
      namespace,
      length,
      ALIGNMENTS[align],
      kind,
      category,
      element,
      delimiter,
      relation,
      base,
      history.types.rangeSubtype(oid),
      history.types.rangeOfMultirange(oid),
      fields.length === 0 ? undefined : fields.join(", "),
    ];
    assert.equal(parts.filter((part) => part !== undefined).join(" "), shape, said);
  }
  return known;
}
