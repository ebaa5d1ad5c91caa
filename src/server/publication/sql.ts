import type { PublicationOptions, PublicationState } from "./plan.ts";
import { printableSql, quoteIdentifier, quoteLiteral, quoteQualified } from "../query/sql.ts";

/** A table as FOR TABLE and SET TABLE take it. */
export interface NamedTable {
  readonly schema: string;
  readonly name: string;
  /** Without its inheritance children, which SQL would add. */
  readonly only?: boolean;
  readonly columns: readonly string[] | undefined;
  /** Checked by table-spec.ts: it cannot leave its parentheses. */
  readonly where: string | undefined;
}

/** A table as EXCEPT takes it. */
type ExceptedTable = Pick<NamedTable, "schema" | "name" | "only">;

/** The FOR clause. */
export interface PublicationObjects {
  readonly allTables: boolean;
  /** Of all tables. */
  readonly excluded: readonly ExceptedTable[];
  /** Undefined: false. */
  readonly allSequences: boolean | undefined;
  readonly tables: readonly NamedTable[];
  readonly schemas: readonly string[];
}

/** The options that differ from the server's defaults. */
export type OptionChanges = Partial<PublicationOptions>;

export function createPublicationSql(
  name: string,
  objects: PublicationObjects,
  options: OptionChanges,
): string {
  const what = objectsSql(objects);
  // Without tables yet.
  const given = what === "" ? "" : ` FOR ${what}`;
  const parameters = optionsSql(options);
  const having = parameters === "" ? "" : ` WITH (${parameters})`;
  return `CREATE PUBLICATION ${quoteIdentifier(name)}${given}${having}`;
}

/** For a table on the terminal, from which somebody may paste a filter. */
export function printableFilters(state: PublicationState): PublicationState {
  const tables = state.tables.map((table) => {
    return { ...table, filter: table.filter && printableSql(table.filter) };
  });
  return { ...state, tables };
}

/** Replaces the lists of tables and of schemas, or of a publication for all of something what that is (PostgreSQL 19). */
export function setObjectsSql(name: string, objects: PublicationObjects): string {
  return `ALTER PUBLICATION ${quoteIdentifier(name)} SET ${objectsSql(objects)}`;
}

export function setOptionsSql(name: string, options: OptionChanges): string {
  return `ALTER PUBLICATION ${quoteIdentifier(name)} SET (${optionsSql(options)})`;
}

export function dropPublicationSql(name: string): string {
  return `DROP PUBLICATION ${quoteIdentifier(name)}`;
}

export function commentSql(name: string, comment: string): string {
  return `COMMENT ON PUBLICATION ${quoteIdentifier(name)} IS ${quoteLiteral(comment)}`;
}

export function ownerSql(name: string, owner: string): string {
  return `ALTER PUBLICATION ${quoteIdentifier(name)} OWNER TO ${quoteIdentifier(owner)}`;
}

export function replicaIdentityFullSql(schema: string, table: string): string {
  return `ALTER TABLE ${quoteQualified(schema, table)} REPLICA IDENTITY FULL`;
}

export function replicaIdentityDefaultSql(schema: string, table: string): string {
  return `ALTER TABLE ${quoteQualified(schema, table)} REPLICA IDENTITY DEFAULT`;
}

function objectsSql(objects: PublicationObjects): string {
  const { allTables, excluded, allSequences, tables, schemas } = objects;
  const clauses: string[] = [];
  if (allTables) clauses.push(`ALL TABLES${exceptSql(excluded)}`);
  if (allSequences === true) clauses.push("ALL SEQUENCES");
  if (tables.length > 0) clauses.push(`TABLE ${tables.map(tableSql).join(", ")}`);
  if (schemas.length > 0) {
    clauses.push(`TABLES IN SCHEMA ${schemas.map(quoteIdentifier).join(", ")}`);
  }
  return clauses.join(", ");
}

function exceptSql(tables: readonly ExceptedTable[]): string {
  return tables.length === 0 ? "" : ` EXCEPT (TABLE ${tables.map(nameSql).join(", ")})`;
}

function nameSql({ schema, name, only }: ExceptedTable): string {
  return `${only === true ? "ONLY " : ""}${quoteQualified(schema, name)}`;
}

function tableSql(table: NamedTable): string {
  const { columns, where } = table;
  const list = columns === undefined ? "" : ` (${columns.map(quoteIdentifier).join(", ")})`;
  const filter = where === undefined ? "" : ` WHERE (${where})`;
  return `${nameSql(table)}${list}${filter}`;
}

function optionsSql({ publish, viaPartitionRoot, generatedColumns }: OptionChanges): string {
  const parameters: string[] = [];
  if (publish !== undefined) parameters.push(`publish = ${quoteLiteral(publish.join(", "))}`);
  if (viaPartitionRoot !== undefined) {
    parameters.push(`publish_via_partition_root = ${viaPartitionRoot}`);
  }
  if (generatedColumns !== undefined) {
    parameters.push(`publish_generated_columns = ${generatedColumns}`);
  }
  return parameters.join(", ");
}
