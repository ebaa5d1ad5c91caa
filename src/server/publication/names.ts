/** Names for completions and hints. */
import type { Client } from "pg";
import { quotePlainly, quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

/** The tables that can be published, with their schemas. @param sql as SQL writes them, else without quotes */
export async function listTables(client: Client, sql: boolean): Promise<readonly string[]> {
  const rows = await queryRows<{ schema: string; name: string }>(
    client,
    `SELECT n.nspname::text AS schema, c.relname::text AS name FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
       AND n.nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`,
    "list the tables",
  );
  const word = sql ? quotePlainly : (name: string): string => name;
  return rows.map(({ schema, name }) => `${word(schema)}.${word(name)}`);
}

/** `schema.table` of what these publications publish. */
export async function listPublished(
  client: Client,
  publications: readonly string[],
): Promise<readonly string[]> {
  const rows = await queryRows<{ name: string }>(
    client,
    `SELECT DISTINCT schemaname || '.' || tablename AS name FROM pg_catalog.pg_publication_tables
     WHERE pubname = ANY (${quoteTextArray(publications)}) ORDER BY 1`,
    "list the published tables",
  );
  return rows.map(({ name }) => name);
}

export async function listDatabases(client: Client): Promise<readonly string[]> {
  const rows = await queryRows<{ name: string }>(
    client,
    "SELECT datname::text AS name FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname",
    "list the databases",
  );
  return rows.map(({ name }) => name);
}
