import type { Client } from "pg";
import { WalctlError, nearestOf, usageError } from "../../errors.ts";
import { psqlCommand } from "../target/paste.ts";
import { quoteIdentifier, quoteLiteral, quoteQualified, quoteTextArray } from "../query/sql.ts";
import { isDenied } from "../query/denied.ts";
import { queryAlongOwnPath, queryRows } from "../query/statement.ts";
import type { CatalogueTable } from "./plan.ts";
import type { TableSpec } from "./table-spec.ts";
import { type ConnectionTarget, shellQuote } from "../target/target.ts";

/** A requested table, with its inheritance children, which are published or excluded with it. */
export interface FoundTable {
  readonly spec: TableSpec;
  readonly schema: string;
  readonly name: string;
  readonly members: readonly CatalogueTable[];
}

/** The option that names the table. */
type Naming = "-t" | "--except";

interface MemberRow {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  readonly named: boolean;
  /** The partitioned table at the top, as SQL names it; null: it is no partition. */
  readonly root: string | null;
}

/**
 * Looks the tables up as SQL would: a name without a schema along the search_path.
 * @throws WalctlError when a table does not exist, or is named twice
 */
export async function findTables(
  client: Client,
  target: ConnectionTarget,
  specs: readonly TableSpec[],
  by: Naming = "-t",
): Promise<readonly FoundTable[]> {
  const found: FoundTable[] = [];
  for (const spec of specs) {
    const table = await findTable(client, target, spec, by);
    if (found.some(({ schema, name }) => schema === table.schema && name === table.name)) {
      throw usageError(`table ${sqlName(spec)} is given twice`);
    }
    found.push(table);
  }
  return found;
}

/** @throws WalctlError when a schema does not exist */
export async function requireSchemas(
  client: Client,
  target: ConnectionTarget,
  schemas: readonly string[],
): Promise<void> {
  if (schemas.length === 0) return;
  const rows = await queryRows<{ name: string }>(
    client,
    `SELECT nspname::text AS name FROM pg_catalog.pg_namespace
     WHERE nspname = ANY (${quoteTextArray(schemas)})`,
    "look the schemas up",
  );
  const missing = schemas.find((schema) => !rows.some((row) => row.name === schema));
  if (missing === undefined) return;
  throw new WalctlError(`schema ${quoteIdentifier(missing)} does not exist`, {
    hint: `A name with capitals or other characters needs double quotes: --schema '"My Schema"'. The schemas: ${psqlCommand("\\dn", target)}`,
  });
}

async function findTable(
  client: Client,
  target: ConnectionTarget,
  spec: TableSpec,
  by: Naming,
): Promise<FoundTable> {
  const doing = `look table ${sqlName(spec)} up`;
  const [found] = await queryAlongOwnPath<{ oid: number | null }>(
    client,
    `SELECT pg_catalog.to_regclass(${quoteLiteral(sqlName(spec))})::pg_catalog.oid AS oid`,
    doing,
  ).catch(async (error: unknown) => {
    throw isDenied(error) ? await hiddenTable(client, target, spec, by) : error;
  });
  const oid = found?.oid;
  if (oid === undefined || oid === null) throw await noSuchTable(client, target, spec, by);
  // As in CREATE PUBLICATION: a partitioned table stands for its partitions, any other table includes its children.
  const rows = await queryRows<MemberRow>(
    client,
    `WITH RECURSIVE member (oid) AS (
       SELECT ${oid}::oid
       UNION
       SELECT i.inhrelid FROM member m JOIN pg_catalog.pg_inherits i ON i.inhparent = m.oid
       JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind = 'r')
     SELECT c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind AS kind,
            c.oid = ${oid} AS named,
            (SELECT pg_catalog.format('%I.%I', s.nspname, r.relname) FROM pg_catalog.pg_class r
             JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace
             WHERE c.relispartition AND r.oid = pg_catalog.pg_partition_root(c.oid)) AS root
     FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.oid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY named DESC, c.oid`,
    doing,
  );
  const [named, ...children] = rows;
  if (named === undefined) throw await noSuchTable(client, target, spec, by);
  if (named.kind !== "r" && named.kind !== "p") {
    throw new WalctlError(
      by === "-t"
        ? `${sqlName(spec)} is not a table, and only tables can be published`
        : `${sqlName(spec)} is not a table, and ${by} takes tables only`,
    );
  }
  if (by === "--except" && named.root !== null) {
    throw new WalctlError(
      `${sqlName(spec)} is a partition, and PostgreSQL excludes a partitioned table only as a whole`,
      { hint: `To exclude all of it: ${by} ${shellQuote(named.root)}` },
    );
  }
  const tables = [named, ...children.filter((child) => child.kind === "r")];
  return { spec, schema: named.schema, name: named.name, members: tables };
}

/** The error for a table of a schema whose names the role may not look up (no USAGE), but see in the catalogue. */
async function hiddenTable(
  client: Client,
  target: ConnectionTarget,
  spec: TableSpec,
  by: Naming,
): Promise<WalctlError> {
  const [table] = await queryRows<{ owner: string }>(
    client,
    `SELECT pg_catalog.pg_get_userbyid(c.relowner)::text AS owner
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ${quoteLiteral(spec.schema ?? "")} AND c.relname = ${quoteLiteral(spec.name)}`,
    "see whose table it is",
  );
  if (table === undefined) return await noSuchTable(client, target, spec, by);
  return new WalctlError(`the role may not use schema ${quoteIdentifier(spec.schema ?? "")}`, {
    hint: `The owner of table ${sqlName(spec)} may publish it: -U ${shellQuote(table.owner)}`,
  });
}

/** The most tables whose names are compared with one that does not exist. */
const COMPARED_MAX = 10_000;

async function noSuchTable(
  client: Client,
  target: ConnectionTarget,
  spec: TableSpec,
  by: Naming,
): Promise<WalctlError> {
  const tables = await queryRows<{ schema: string; name: string }>(
    client,
    `SELECT n.nspname::text AS schema, c.relname::text AS name
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^(pg_|information_schema$)'
     ORDER BY lower(c.relname) <> lower(${quoteLiteral(spec.name)}), 1, 2 LIMIT ${COMPARED_MAX}`,
    "look for tables of a similar name",
  );
  const same = tables.filter(({ name }) => name.toLowerCase() === spec.name.toLowerCase());
  const near =
    same.length > 0
      ? undefined
      : nearestOf(
          spec.name,
          tables.map(({ name }) => name),
        );
  const alike = same.length > 0 ? same : tables.filter(({ name }) => name === near);
  const options = alike
    .slice(0, 3)
    .map((row) => `${by} ${shellQuote(quoteQualified(row.schema, row.name))}`);
  return new WalctlError(`table ${sqlName(spec)} does not exist`, {
    hint:
      options.length > 0
        ? `Do you mean ${options.join(" or ")}?`
        : `The tables of this database: ${psqlCommand("\\dt *.*", target)}`,
  });
}

function sqlName({ schema, name }: TableSpec): string {
  return schema === undefined ? quoteIdentifier(name) : quoteQualified(schema, name);
}
