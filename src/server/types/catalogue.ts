import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import type { Client } from "pg";
import { INVALID_LSN, type Lsn, parseLsn } from "../../lsn.ts";
import { type NamedColumn, areAltered } from "../../postgres/messages/altered-columns.ts";
import type { Relation } from "../../postgres/messages/messages.ts";
import {
  type CatalogueType,
  NONE_RULED,
  type RuledColumns,
} from "../../postgres/messages/type-registry.ts";
import { connectBeside } from "../connection/connect.ts";
import { CATALOGUE_POSITION, HORIZON, type Horizon, parseHorizon } from "../start/horizon.ts";
import { quoteLiteral, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

/** A type, with the means to tell whether its fields were the same at another time. */
export interface SeenType extends CatalogueType {
  /** Only for composite types: it changes with each ALTER. */
  readonly stamp: string | null;
  /**
   * For a composite type, since when it is unaltered. `always`: since it was created, or since before everything that
   * the slot has yet to send. `horizon`: since the horizon. Null: it may have been altered later.
   */
  readonly unaltered: "always" | "horizon" | null;
}

export interface CatalogueAnswer {
  readonly types: readonly SeenType[];
  /** The answer includes what committed before this position. */
  readonly before: Lsn;
  /** The answer does not include what committed after its position. */
  readonly horizon: Horizon;
}

/**
 * The properties that row_to_json uses (json.c, json_categorize_type), for the requested types and all types that they
 * consist of. A type with a cast to json by a function is printed with it; of these, only hstore's is known here. An
 * enum or citext is text, in binary form too.
 *
 * The first statement records the position before the second one takes its snapshot.
 */
const typesQuery = (oids: readonly number[], slot: string, horizon: Horizon): string => `
  SELECT pg_catalog.set_config('walctl.position', ${CATALOGUE_POSITION}, true);
  WITH RECURSIVE needed(oid) AS (
    SELECT unnest(ARRAY[${oids.join(", ")}]::oid[])
    UNION
    SELECT part.oid FROM needed
    JOIN pg_catalog.pg_type t ON t.oid = needed.oid
    CROSS JOIN LATERAL (
      SELECT t.typelem UNION ALL SELECT t.typbasetype UNION ALL
      SELECT a.atttypid FROM pg_catalog.pg_attribute a
      WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    ) part(oid)
    WHERE part.oid >= ${FIRST_NORMAL_OID}
  ), type AS (
    SELECT t.oid::int8 AS oid, t.typname AS name, CASE
      WHEN t.typtype = 'd' THEN json_build_object('kind', 'domain', 'base', t.typbasetype::int8)
      WHEN t.typtype = 'c' THEN json_build_object('kind', 'composite', 'fields', coalesce((
        SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8) ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped), '[]'))
      WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::regproc AND t.typelem <> 0
        THEN json_build_object('kind', 'array', 'element', t.typelem::int8, 'delimiter', t.typdelim)
      WHEN EXISTS (SELECT FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_proc p ON p.oid = c.castfunc
        WHERE c.castsource = t.oid AND c.casttarget = 'pg_catalog.json'::regtype
          AND p.proname = 'hstore_to_json')
        THEN json_build_object('kind', 'hstore')
      WHEN (SELECT p.prosrc FROM pg_catalog.pg_proc p WHERE p.oid = t.typsend) IN ('enum_send', 'textsend')
        THEN json_build_object('kind', 'scalar', 'name', 'text')
      END AS shape, attributes.stamp, attributes.unaltered
    FROM needed JOIN pg_catalog.pg_type t ON t.oid = needed.oid
    LEFT JOIN LATERAL (
      SELECT coalesce(string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.attisdropped, a.xmin), ','
          ORDER BY a.attnum), '') AS stamp,
        CASE WHEN count(DISTINCT concat_ws(':', a.xmin, a.cmin)) < 2 OR bool_and(age(a.xmin) > age(s.catalog_xmin))
          THEN 'always'
          WHEN bool_and(age(a.xmin) > age('${horizon.xid}'::xid)) THEN 'horizon' END AS unaltered
      FROM pg_catalog.pg_attribute a
      LEFT JOIN pg_catalog.pg_replication_slots s ON s.slot_name = ${quoteLiteral(slot)}
      WHERE a.attrelid = t.typrelid AND a.attnum > 0
    ) attributes ON t.typtype = 'c')
  SELECT coalesce((SELECT json_agg(type) FROM type), '[]') AS types,
    current_setting('walctl.position') AS before, ${HORIZON} AS horizon`;

/** How long an unused connection stays open. It can delay a smart shutdown by this long. */
const LINGER_MS = 500;

/** Queries the catalogue on a separate ordinary connection, which is open only while there are queries. */
export class TypeCatalogue {
  readonly #target: ConnectionTarget;
  #client: Promise<Client> | undefined;
  /** The last query: a client runs one at a time. */
  #last: Promise<unknown> = Promise.resolve();
  #asking = 0;
  #linger: NodeJS.Timeout | undefined;

  constructor(target: ConnectionTarget) {
    this.#target = target;
  }

  /**
   * @param slot the stream's slot
   * @param horizon an earlier horizon
   */
  async lookUp(oids: readonly number[], slot: string, horizon: Horizon): Promise<CatalogueAnswer> {
    const [row] = await this.#inTurn<{ types: SeenType[]; before: string; horizon: string }>(
      typesQuery(oids, slot, horizon),
    );
    return {
      types: row?.types ?? [],
      before: parseLsn(row?.before ?? "") ?? INVALID_LSN,
      horizon: parseHorizon(row?.horizon),
    };
  }

  /** See RuledColumns, for a relation of these publications. */
  async ruledColumns(
    { oid, schema, table, columns }: Relation,
    publications: readonly string[],
  ): Promise<RuledColumns> {
    const sent = columns.map(({ name }) => name);
    const names = [schema === "" ? "pg_catalog" : schema, table];
    const [row] = await this.#inTurn<RuledColumns & { readonly sent: readonly NamedColumn[] }>(`
      WITH given AS (
        SELECT ${quoteTextArray(sent)} AS sent,
          ${quoteTextArray(names)} AS names
      ), self AS (
        SELECT oid, relname, relnamespace, relkind, relreplident FROM pg_class
        WHERE oid = ${oid} OR oid IN (SELECT relid FROM pg_partition_ancestors(${oid}))
      ), column_ AS (
        SELECT attnum, attname::text AS name, atttypid, atttypmod, attgenerated, attidentity,
          attname::text <> ALL (sent) AS hidden
        FROM given, pg_attribute WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped
      ), published AS (
        -- to_jsonb, to_regclass: before PostgreSQL 15 there are neither row filters nor schemas.
        SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate
          AND to_jsonb(r) ->> 'prqual' IS NULL AS whole
        FROM pg_publication p
        LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid IN (SELECT oid FROM self)
        WHERE p.pubname = ANY (${quoteTextArray(publications)})
          -- A table that FOR ALL TABLES EXCEPT leaves out has a row too (PostgreSQL 19).
          AND to_jsonb(r) ->> 'prexcept' IS DISTINCT FROM 'true'
          AND (puballtables OR r.oid IS NOT NULL OR EXISTS (
            SELECT FROM pg_depend d JOIN pg_depend n USING (classid, objid)
            WHERE classid = to_regclass('pg_publication_namespace')
              AND d.refclassid = 'pg_publication'::regclass AND d.refobjid = p.oid
              AND n.refclassid = 'pg_namespace'::regclass
              AND n.refobjid IN (SELECT relnamespace FROM self)))
      )
      SELECT ARRAY(SELECT name FROM column_ WHERE attgenerated <> '') AS generated,
        ARRAY(SELECT name FROM column_ WHERE attidentity = 'a') AS always,
        coalesce((
          SELECT ARRAY(SELECT name FROM column_ WHERE attnum = ANY (indkey[0:indnkeyatts - 1]))
          FROM pg_index
          WHERE indrelid = ${oid} AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
            AND NOT EXISTS (
              SELECT FROM pg_attribute
              WHERE attrelid = ${oid} AND attnum = ANY (indkey[0:indnkeyatts - 1]) AND NOT attnotnull)
          ORDER BY indisprimary DESC, indnkeyatts, indexrelid LIMIT 1), '{}') AS "rowKey",
        EXISTS (
          SELECT FROM self JOIN pg_index ON indrelid = self.oid
          JOIN column_ ON attnum = ANY (indkey[0:indnkeyatts - 1])
          WHERE self.oid = ${oid} AND hidden
            AND CASE relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident END) AS keyless,
        coalesce(NOT (SELECT bool_and(whole) FROM published), true)
          OR EXISTS (SELECT FROM column_ WHERE hidden AND attgenerated = '')
          -- Through a partitioned table come the changes of its partitions, but no TRUNCATE of one.
          OR EXISTS (SELECT FROM self WHERE oid = ${oid} AND relkind = 'p') AS partial,
        (SELECT coalesce(json_agg(json_build_object('name', name, 'typeOid', atttypid::int8,
            'typeModifier', atttypmod) ORDER BY attnum), '[]') FROM column_ WHERE NOT hidden) AS sent,
        NOT EXISTS (
          SELECT FROM given, self JOIN pg_namespace n ON n.oid = relnamespace
          WHERE self.oid = ${oid} AND ARRAY[nspname::text, relname::text] = names) AS renamed,
        EXISTS (SELECT FROM pg_inherits JOIN self ON self.oid = inhparent
          WHERE inhparent = ${oid} AND relkind <> 'p') AS inherited,
        EXISTS (
          SELECT FROM pg_trigger
          WHERE tgrelid = ${oid} AND NOT tgisinternal AND tgenabled IN ('O', 'A')) AS triggers,
        EXISTS (
          SELECT FROM pg_constraint JOIN pg_inherits ON inhrelid = conrelid
          WHERE conrelid = ${oid} AND contype = 'f' AND confupdtype IN ('c', 'n', 'd')) AS moves`);
    if (row === undefined) return NONE_RULED;
    const { sent: columnsNow, ...ruled } = row;
    return { ...ruled, renamed: ruled.renamed || areAltered(columns, columnsNow) };
  }

  async #inTurn<Row extends object>(query: string): Promise<readonly Row[]> {
    this.#asking++;
    clearTimeout(this.#linger);
    const answer = this.#last.then(() => this.#ask<Row>(query));
    this.#last = answer.catch(() => {});
    try {
      return await answer;
    } finally {
      if (--this.#asking === 0) this.#linger = setTimeout(() => this.close(), LINGER_MS).unref();
    }
  }

  async #ask<Row extends object>(query: string): Promise<readonly Row[]> {
    try {
      this.#client ??= connectBeside(this.#target, "ordinary");
      return await queryRows<Row>(await this.#client, query, "look up types in the catalogue");
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    clearTimeout(this.#linger);
    const client = this.#client;
    this.#client = undefined;
    void client?.then((open) => open.end()).catch(() => {});
  }
}
