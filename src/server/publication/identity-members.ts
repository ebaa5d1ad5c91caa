/** Reads the tables of an existing or planned publication, with what the server checks when they are written to. */
import type { Client } from "pg";
import { type ServerVersion, majorOf } from "../settings/preflight.ts";
import type { CatalogueTable, PublicationState } from "./plan.ts";
import { quoteLiteral, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

export interface MemberRow {
  /** The publication's table that it belongs to: itself, or a partitioned table above it. */
  readonly root: number;
  /** Its depth below the root. */
  readonly level: number;
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly full: boolean;
  /** pg_class.relreplident */
  readonly setting: "d" | "n" | "i" | "f";
  /** It has a primary key, which REPLICA IDENTITY DEFAULT takes. */
  readonly has_key: boolean;
  /** The columns of the replica identity; null if it has none. */
  readonly identity: readonly string[] | null;
  /** Generated columns, if they matter (PostgreSQL 18). */
  readonly stored: readonly string[];
  readonly virtual: boolean;
  /** With REPLICA IDENTITY FULL the server would reject writes because of another publication. */
  readonly not_full: boolean;
}

/** Reads only the tables that may be at fault. */
export async function readMembers(
  client: Client,
  version: ServerVersion,
  publication: string,
  state: PublicationState,
): Promise<readonly MemberRow[]> {
  const restricted = state.tables.filter(
    (table) => table.columns !== undefined || table.filter !== undefined,
  );
  const { generated, columnListed, ungenerated } = partsOf(version);
  return await queryRows<MemberRow & Record<string, unknown>>(
    client,
    `WITH root AS (
       SELECT c.oid, c.relkind FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p') AND (${rootCondition(state)})),
     member AS (
       SELECT oid, oid AS root, 0 AS level FROM root
       UNION SELECT t.relid, root.oid, t.level
       FROM root, LATERAL pg_catalog.pg_partition_tree(root.oid) t WHERE root.relkind = 'p'),
     other AS (
       SELECT * FROM pg_catalog.pg_publication p
       WHERE (p.pubupdate OR p.pubdelete) AND p.pubname <> ${quoteLiteral(publication)}),
     leaf AS (
       SELECT m.root, m.level, c.oid, n.nspname::text AS schema, c.relname::text AS name,
         c.relreplident = 'f' AS "full", c.relreplident::text AS setting,
         EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
           AND i.indisvalid AND i.indimmediate) AS has_key,
         (SELECT pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
          WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
            AND CASE c.relreplident WHEN 'd' THEN i.indisprimary
                WHEN 'i' THEN i.indisreplident ELSE false END) AS identity,
         ARRAY(${generated("s")}) AS stored, EXISTS (${generated("v")}) AS virtual,
         EXISTS (${columnListed}) OR EXISTS (${ungenerated}) AS not_full
       FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND c.relpersistence = 'p'${exclusion(state)})
     SELECT * FROM leaf
     WHERE NOT ("full" OR identity IS NOT NULL) OR root = ANY (${oidArray(restricted)})
       OR virtual OR stored <> '{}'
     ORDER BY schema, name`,
    "look for tables without a replica identity",
  );
}

/** The version-dependent parts of that query: `other` stands for other publications, `c` for a table of this one. */
function partsOf(version: ServerVersion): {
  readonly generated: (kind: "s" | "v") => string;
  readonly columnListed: string;
  readonly ungenerated: string;
} {
  const major = majorOf(version);
  const nothing = "SELECT WHERE false";
  const generated = (kind: "s" | "v"): string =>
    `SELECT a.attname::text FROM pg_catalog.pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '${kind}'`;
  return {
    generated: (kind) => (major >= 18 ? generated(kind) : `SELECT ''::text WHERE false`),
    columnListed:
      major >= 15
        ? `SELECT FROM other JOIN pg_catalog.pg_publication_rel r ON r.prpubid = other.oid
           WHERE r.prattrs IS NOT NULL AND (r.prrelid = c.oid OR r.prrelid IN (
             SELECT a.relid FROM pg_catalog.pg_partition_ancestors(c.oid) a))`
        : nothing,
    // Whatever tables that publication has now: it may publish others later.
    ungenerated:
      major >= 18
        ? `SELECT FROM other WHERE other.pubgencols <> 's' AND EXISTS (${generated("s")})`
        : nothing,
  };
}

/** FirstNormalObjectId: system tables are below it, and never published. */
const FIRST_NORMAL_OBJECT_ID = 16384;

function rootCondition({ allTables, tables, schemas }: PublicationState): string {
  const some = `c.oid = ANY (${oidArray(tables)}) OR n.nspname = ANY (${quoteTextArray(schemas)})`;
  return `c.oid >= ${FIRST_NORMAL_OBJECT_ID} AND (${allTables ? "true" : some})`;
}

/** Of all tables: whatever publish_via_partition_root is, a partitioned table's partitions are excluded with it. */
function exclusion({ excluded }: PublicationState): string {
  if (excluded.length === 0) return "";
  const oids = oidArray(excluded);
  return ` AND c.oid <> ALL (${oids})
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_ancestors(c.oid) a WHERE a.relid = ANY (${oids}))`;
}

function oidArray(tables: readonly CatalogueTable[]): string {
  return `ARRAY[${tables.map((table) => table.oid).join(", ")}]::oid[]`;
}
