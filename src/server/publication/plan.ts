import { usageError } from "../../errors.ts";
import { type ServerVersion, requireVersion } from "../settings/preflight.ts";
import { printableIdentifier } from "../query/sql.ts";
import type { TableSpec } from "./table-spec.ts";

export const OPERATIONS = ["insert", "update", "delete", "truncate"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** The requested publication, as CREATE PUBLICATION with these clauses would create it. */
export interface PublicationPlan {
  readonly name: string;
  readonly tables: readonly TableSpec[];
  readonly schemas: readonly string[];
  readonly allTables: boolean;
  /** With all tables: those to leave out. */
  readonly excluded: readonly TableSpec[];
  readonly allSequences: boolean;
  /** Undefined: the server's default, all of them. */
  readonly publish: readonly Operation[] | undefined;
  readonly viaPartitionRoot: boolean;
  /** Undefined: the server's default, none. */
  readonly generatedColumns: GeneratedColumns | undefined;
}

export type GeneratedColumns = "none" | "stored";

/** pg_publication's columns that ALTER PUBLICATION … SET (…) changes. */
export interface PublicationOptions {
  readonly publish: readonly Operation[];
  readonly viaPartitionRoot: boolean;
  /** Before PostgreSQL 18 always none. */
  readonly generatedColumns: GeneratedColumns;
}

/** A publication as the catalogue has it, or will have it. */
export interface PublicationState extends PublicationOptions {
  readonly allTables: boolean;
  /** Of all tables; a partitioned table stands for its partitions. */
  readonly excluded: readonly CatalogueTable[];
  /** Undefined: not known to servers before PostgreSQL 19, as exclusions are not. */
  readonly allSequences: boolean | undefined;
  readonly tables: readonly PublishedTable[];
  readonly schemas: readonly string[];
}

export const NO_SEQUENCES = "pgoutput sends no changes of sequences";

/** For subscriptions, which copy the sequences' values by SQL. Tables cannot be added to it. */
export function hasSequencesOnly({ allTables, allSequences }: PublicationState): boolean {
  return allSequences === true && !allTables;
}

export interface CatalogueTable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

export interface PublishedTable extends CatalogueTable {
  /** In the table's order; undefined: all columns. */
  readonly columns: readonly string[] | undefined;
  /** As the server prints it; undefined: all rows. */
  readonly filter: string | undefined;
  /** The columns that the filter uses, as far as the catalogue distinguishes them from the column list. */
  readonly filterColumns: readonly string[];
}

/**
 * Checks, before anything is sent, that the plan does not contradict itself and that the server is new enough.
 * @throws WalctlError, a usage error
 */
export function checkPlan(plan: PublicationPlan, version: ServerVersion): void {
  const { tables, schemas, allTables, excluded, allSequences } = plan;
  requireLength("publication", plan.name);
  for (const { schema, name, columns } of [...tables, ...excluded]) {
    requireLength("schema", schema ?? "");
    requireLength("table", name);
    for (const column of columns ?? []) requireLength("column", column);
  }
  const columnList = tables.some((table) => table.columns !== undefined);
  if (allTables && (tables.length > 0 || schemas.length > 0)) {
    throw usageError("--all-tables leaves nothing for --table or --schema to add");
  }
  if (allSequences && (tables.length > 0 || schemas.length > 0)) {
    throw usageError(
      "--all-sequences goes with --all-tables or alone, not with --table or --schema",
      "For single tables, another publication.",
    );
  }
  if (columnList && schemas.length > 0) {
    throw usageError("a publication with --schema cannot have column lists");
  }
  if (columnList) requireVersion("a column list in --table", 15, version);
  if (tables.some((table) => table.where !== undefined)) {
    requireVersion("WHERE in --table", 15, version);
  }
  if (schemas.length > 0) requireVersion("--schema", 15, version);
  if (excluded.length > 0) requireVersion("--except", 19, version);
  if (allSequences) requireVersion("--all-sequences", 19, version);
  if (plan.generatedColumns !== undefined) requireVersion("--generated-columns", 18, version);
}

/** NAMEDATALEN - 1, in bytes of UTF-8. The server would cut a longer name, and the publication be another one. */
const NAME_BYTES_MAX = 63;

function requireLength(what: string, name: string): void {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes <= NAME_BYTES_MAX) return;
  throw usageError(
    `the name of ${what} ${printableIdentifier(name)} has ${bytes} bytes, and PostgreSQL's names have ${NAME_BYTES_MAX} at most`,
  );
}
