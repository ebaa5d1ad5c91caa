import type { Client } from "pg";
import type { PublicationState } from "./publication-plan.ts";
import { replicaIdentityFullSql } from "./publication-sql.ts";
import { quoteQualified, quoteTextArray } from "./sql.ts";
import { queryRows } from "./statement.ts";

/** A table whose rows nothing identifies, so that the server rejects UPDATE and DELETE of it once it is published. */
export interface IdentityFault {
  readonly schema: string;
  readonly name: string;
}

/**
 * The tables of a publication that want a replica identity (manual: Publication). Of a partitioned
 * table the server asks each leaf partition for its own, whatever the root has.
 */
export async function findIdentityFaults(
  client: Client,
  state: PublicationState,
): Promise<readonly IdentityFault[]> {
  if (rejectedOperations(state).length === 0) return [];
  return await queryRows<{ schema: string; name: string }>(
    client,
    `WITH root AS (
       SELECT c.oid, c.relkind FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p') AND (${rootCondition(state)})),
     member AS (
       SELECT oid FROM root
       UNION SELECT t.relid FROM root, LATERAL pg_catalog.pg_partition_tree(root.oid) t
       WHERE root.relkind = 'p')
     SELECT n.nspname::text AS schema, c.relname::text AS name
     FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.oid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND c.relreplident <> 'f'
       AND (c.relreplident = 'n' OR NOT EXISTS (
         SELECT FROM pg_catalog.pg_index i
         WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
           AND CASE c.relreplident WHEN 'd' THEN i.indisprimary ELSE i.indisreplident END))
     ORDER BY 1, 2`,
    "look for tables without a replica identity",
  );
}

/** What other programs now cannot do, and what lets them do it again. */
export function identityWarning(fault: IdentityFault, state: PublicationState): string {
  const table = quoteQualified(fault.schema, fault.name);
  const operations = rejectedOperations(state).join(" and ").toUpperCase();
  return `table ${table} has no replica identity: the server rejects ${operations} of it from every program while it is published. ${replicaIdentityFullSql(fault.schema, fault.name)} mends it`;
}

function rejectedOperations(state: PublicationState): readonly string[] {
  return state.publish.filter((operation) => operation === "update" || operation === "delete");
}

/** FirstNormalObjectId: below it are the system's own tables, which are never published. */
const FIRST_NORMAL_OBJECT_ID = 16384;

function rootCondition({ allTables, tables, schemas }: PublicationState): string {
  if (allTables) return `c.oid >= ${FIRST_NORMAL_OBJECT_ID}`;
  const oids = tables.map((table) => table.oid).join(", ");
  return `c.oid = ANY (ARRAY[${oids}]::oid[]) OR n.nspname = ANY (${quoteTextArray(schemas)})`;
}
