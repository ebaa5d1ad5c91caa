import type { Client } from "pg";
import type { PublicationState, PublishedTable } from "./publication-plan.ts";
import { replicaIdentityFullSql } from "./publication-sql.ts";
import { quoteIdentifier, quoteQualified, quoteTextArray } from "./sql.ts";
import { queryRows } from "./statement.ts";

/** Why the server rejects UPDATE and DELETE of a table, from every program, while it is published. */
export interface IdentityFault {
  readonly message: string;
  /** `mend` itself, or in words what to do. */
  readonly hint: string;
  /** SQL; undefined: it takes another column list or a key. */
  readonly mend: string | undefined;
}

interface MemberRow {
  readonly schema: string;
  readonly name: string;
  /** The table of the publication that it belongs to: itself, or the partitioned one above. */
  readonly root: number;
  readonly full: boolean;
  /** The columns of the replica identity; null: it has none. */
  readonly identity: readonly string[] | null;
}

/**
 * What makes the server reject writes (manual: Publication, Replica Identity; Row Filters; Column
 * Lists). Of a partitioned table the server asks each leaf partition for its own identity, whatever
 * the root has.
 */
export async function findIdentityFaults(
  client: Client,
  state: PublicationState,
): Promise<readonly IdentityFault[]> {
  const operations = state.publish.filter((name) => name === "update" || name === "delete");
  if (operations.length === 0) return [];
  const rejected = operations.map((name) => name.toUpperCase()).join(" and ");
  const tables = new Map(state.tables.map((table) => [table.oid, table]));
  const faults = new Map<string, IdentityFault>();
  for (const member of await readMembers(client, state)) {
    const fault = faultOf(member, tables.get(member.root), rejected);
    if (fault !== undefined) faults.set(fault.message, fault);
  }
  return [...faults.values()];
}

function faultOf(
  { schema, name, full, identity }: MemberRow,
  table: PublishedTable | undefined,
  rejected: string,
): IdentityFault | undefined {
  const subject = `table ${quoteQualified(schema, name)}`;
  const effect = `the server rejects ${rejected} of it from every program while it is published`;
  const columns = table?.columns;
  const mend = columns === undefined ? replicaIdentityFullSql(schema, name) : undefined;
  const fault = (message: string, advice: string): IdentityFault => ({
    message: `${message}: ${effect}`,
    hint: mend ?? advice,
    mend,
  });
  const key = "a primary key that is within the column list";
  if (full) {
    if (columns === undefined) return undefined;
    const advice = `Publish all columns, or give it ${key} and REPLICA IDENTITY DEFAULT.`;
    return fault(`${subject} has REPLICA IDENTITY FULL and a column list`, advice);
  }
  if (identity === null) return fault(`${subject} has no replica identity`, `Give it ${key}.`);
  const unlisted =
    columns === undefined ? [] : identity.filter((column) => !columns.includes(column));
  if (unlisted.length > 0) {
    const message = `the column list of ${subject} lacks ${listed(unlisted)} of its replica identity`;
    return fault(message, "Add what it lacks.");
  }
  const unidentified = (table?.filterColumns ?? []).filter((column) => !identity.includes(column));
  if (unidentified.length === 0) return undefined;
  const message = `WHERE of ${subject} looks at ${listed(unidentified)}, which its replica identity lacks`;
  return fault(message, "Filter by the columns of the key only.");
}

function listed(columns: readonly string[]): string {
  return columns.map(quoteIdentifier).join(", ");
}

/** Only those that may be at fault. */
async function readMembers(client: Client, state: PublicationState): Promise<readonly MemberRow[]> {
  const restricted = state.tables.filter(
    (table) => table.columns !== undefined || table.filter !== undefined,
  );
  return await queryRows<MemberRow>(
    client,
    `WITH root AS (
       SELECT c.oid, c.relkind FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p') AND (${rootCondition(state)})),
     member AS (
       SELECT oid, oid AS root FROM root
       UNION SELECT t.relid, root.oid FROM root, LATERAL pg_catalog.pg_partition_tree(root.oid) t
       WHERE root.relkind = 'p'),
     leaf AS (
       SELECT n.nspname::text AS schema, c.relname::text AS name, m.root, c.relreplident = 'f' AS "full",
         (SELECT array_agg(a.attname::text) FROM pg_catalog.pg_index i
          JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
          WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
            AND CASE c.relreplident WHEN 'd' THEN i.indisprimary
                WHEN 'i' THEN i.indisreplident ELSE false END) AS identity
       FROM member m JOIN pg_catalog.pg_class c ON c.oid = m.oid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind = 'r' AND c.relpersistence = 'p')
     SELECT * FROM leaf
     WHERE NOT ("full" OR identity IS NOT NULL) OR root = ANY (${oidArray(restricted)})
     ORDER BY schema, name`,
    "look for tables without a replica identity",
  );
}

/** FirstNormalObjectId: below it are the system's own tables, which are never published. */
const FIRST_NORMAL_OBJECT_ID = 16384;

function rootCondition({ allTables, tables, schemas }: PublicationState): string {
  if (allTables) return `c.oid >= ${FIRST_NORMAL_OBJECT_ID}`;
  return `c.oid = ANY (${oidArray(tables)}) OR n.nspname = ANY (${quoteTextArray(schemas)})`;
}

function oidArray(tables: readonly PublishedTable[]): string {
  return `ARRAY[${tables.map((table) => table.oid).join(", ")}]::oid[]`;
}
