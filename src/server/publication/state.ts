import type { Client } from "pg";
import {
  type CatalogueTable,
  OPERATIONS,
  type PublicationState,
  type PublishedTable,
} from "./plan.ts";
import { type ServerVersion, majorOf } from "../settings/preflight.ts";
import { quoteIdentifier, quoteLiteral } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

interface PublicationRow {
  readonly oid: number;
  readonly all_tables: boolean;
  readonly insert: boolean;
  readonly update: boolean;
  readonly delete: boolean;
  readonly truncate: boolean;
  readonly via_root: boolean;
  readonly generated_columns: string | null;
  readonly all_sequences: boolean | null;
}

interface TableRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** PostgreSQL 19: the row is of a table that is not published. */
  readonly excluded: boolean;
  readonly columns: readonly string[] | null;
  readonly filter: string | null;
  /** The columns that the column list or the filter uses. */
  readonly depends_on: readonly string[] | null;
}

/** The publication as the catalogue has it; undefined: it does not exist. */
export async function readPublication(
  client: Client,
  name: string,
  version: ServerVersion,
): Promise<PublicationState | undefined> {
  const doing = `read publication ${quoteIdentifier(name)}`;
  // Columns that older servers lack are read through JSON, where they are just missing.
  const [row] = await queryRows<PublicationRow>(
    client,
    `SELECT oid, puballtables AS all_tables, pubinsert AS insert, pubupdate AS update,
            pubdelete AS delete, pubtruncate AS truncate, pubviaroot AS via_root,
            to_jsonb(p) ->> 'pubgencols' AS generated_columns,
            (to_jsonb(p) ->> 'puballsequences')::bool AS all_sequences
     FROM pg_catalog.pg_publication p WHERE pubname::text = ${quoteLiteral(name)}`,
    doing,
  );
  if (row === undefined) return undefined;
  return {
    allTables: row.all_tables,
    allSequences: row.all_sequences ?? undefined,
    ...(await readTables(client, row.oid, version, doing)),
    schemas: await readSchemas(client, row.oid, version, doing),
    publish: OPERATIONS.filter((operation) => row[operation]),
    viaPartitionRoot: row.via_root,
    generatedColumns: row.generated_columns === "s" ? "stored" : "none",
  };
}

/** The names of the publications in this database. */
export async function listPublications(client: Client): Promise<readonly string[]> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT pubname::text AS name FROM pg_catalog.pg_publication ORDER BY pubname",
    "list the publications",
  );
  return rows.map((row) => row.name);
}

interface SurveyedPublication {
  readonly name: string;
  /** No change of a table comes until it is altered. */
  readonly empty: boolean;
  /** It is for all sequences and no tables: tables cannot be added to it. */
  readonly sequences: boolean;
}

export async function surveyPublications(
  client: Client,
  version: ServerVersion,
): Promise<readonly SurveyedPublication[]> {
  const schemas =
    majorOf(version) < 15
      ? ""
      : "AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = p.oid)";
  return await queryRows<SurveyedPublication & Record<string, unknown>>(
    client,
    `SELECT p.pubname::text AS name,
       NOT p.puballtables AND coalesce((to_jsonb(p) ->> 'puballsequences')::bool, false) AS sequences,
       NOT (p.pubinsert OR p.pubupdate OR p.pubdelete OR p.pubtruncate)
       OR (NOT p.puballtables AND NOT EXISTS (
         SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid) ${schemas}) AS empty
     FROM pg_catalog.pg_publication p ORDER BY p.pubname`,
    "list the publications",
  );
}

async function readTables(
  client: Client,
  publicationOid: number,
  version: ServerVersion,
  doing: string,
): Promise<Pick<PublicationState, "tables" | "excluded">> {
  const parts =
    majorOf(version) >= 15
      ? `(SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
          WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) AS columns,
         pg_catalog.pg_get_expr(r.prqual, r.prrelid) AS filter,
         (SELECT array_agg(DISTINCT a.attname::text) FROM pg_catalog.pg_depend d
          JOIN pg_catalog.pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = d.refobjsubid
          WHERE d.classid = 'pg_catalog.pg_publication_rel'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = r.prrelid
            AND d.refobjsubid > 0) AS depends_on`
      : "NULL::text[] AS columns, NULL::text AS filter, NULL::text[] AS depends_on";
  const rows = await queryRows<TableRow>(
    client,
    `SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, coalesce((to_jsonb(r) ->> 'prexcept')::bool, false) AS excluded, ${parts}
     FROM pg_catalog.pg_publication_rel r
     JOIN pg_catalog.pg_class c ON c.oid = r.prrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE r.prpubid = ${publicationOid} ORDER BY n.nspname, c.relname`,
    doing,
  );
  return {
    tables: rows.filter((row) => !row.excluded).map(publishedTable),
    excluded: rows.filter((row) => row.excluded).map(catalogueTable),
  };
}

function catalogueTable({ oid, schema, name }: TableRow): CatalogueTable {
  return { oid, schema, name };
}

function publishedTable(row: TableRow): PublishedTable {
  const { columns, filter, depends_on: dependsOn } = row;
  return {
    ...catalogueTable(row),
    columns: columns ?? undefined,
    filter: filter ?? undefined,
    filterColumns: (dependsOn ?? []).filter((column) => columns?.includes(column) !== true),
  };
}

async function readSchemas(
  client: Client,
  publicationOid: number,
  version: ServerVersion,
  doing: string,
): Promise<readonly string[]> {
  if (majorOf(version) < 15) return [];
  const rows = await queryRows<{ name: string }>(
    client,
    `SELECT n.nspname::text AS name
     FROM pg_catalog.pg_publication_namespace p JOIN pg_catalog.pg_namespace n ON n.oid = p.pnnspid
     WHERE p.pnpubid = ${publicationOid} ORDER BY n.nspname`,
    doing,
  );
  return rows.map((row) => row.name);
}
