/** Names for completions and hints. */
import type { Client } from "pg";
import { quotePlainly, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

/** The tables that can be published, with their schemas, as SQL writes them. */
export async function listTables(client: Client): Promise<readonly string[]> {
  const rows = await queryRows<{ schema: string; name: string }>(
    client,
    `SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
    "list the tables",
  );
  return rows.map(({ schema, name }) => `${quotePlainly(schema)}.${quotePlainly(name)}`);
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** What these publications publish. */
export async function listPublished(
  client: Client,
  publications: readonly string[],
): Promise<readonly TableName[]> {
  return await queryRows<TableName>(
    client,
    `SELECT DISTINCT schemaname::text AS schema, tablename::text AS table
     FROM pg_catalog.pg_publication_tables
     WHERE pubname = ANY (${quoteTextArray(publications)}) ORDER BY 1, 2`,
    "list the published tables",
  );
}

export async function listDatabases(client: Client): Promise<readonly string[]> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname",
    "list the databases",
  );
  return rows.map(({ name }) => name);
}
