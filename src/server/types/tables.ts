import type { Client } from "pg";
import type { Column, Relation, ReplicaIdentity } from "../../postgres/messages/messages.ts";
import { quoteTextArray } from "../query/sql.ts";
import { queryRows } from "../query/statement.ts";

interface TableRow {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly identity: string;
  readonly columns: readonly Column[];
}

/** pg_class.relreplident */
const IDENTITIES: Readonly<Record<string, ReplicaIdentity>> = {
  d: "default",
  n: "nothing",
  f: "full",
  i: "index",
};

/** The tables with these names in any schema, whatever the case of their letters, as Relation messages announce them. */
export async function readTables(
  client: Client,
  names: readonly string[],
): Promise<readonly Relation[]> {
  const rows = await queryRows<TableRow>(
    client,
    `SELECT c.oid, n.nspname::text AS schema, c.relname::text AS table, c.relreplident::text AS identity,
       (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'typeOid', a.atttypid::int8, 'typeModifier', a.atttypmod,
            'key', c.relreplident = 'f' OR EXISTS (
              SELECT FROM pg_catalog.pg_index i
              WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
                AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END)
          ) ORDER BY a.attnum), '[]')
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND lower(c.relname) = ANY (
       SELECT lower(name) FROM unnest(${quoteTextArray(names)}) name)
     ORDER BY 2, 3`,
    "look the tables up",
  );
  return rows.map(({ identity, ...row }) => ({
    ...row,
    replicaIdentity: IDENTITIES[identity] ?? "default",
    keyed: row.columns.some(({ key }) => key),
    announced: true,
  }));
}
