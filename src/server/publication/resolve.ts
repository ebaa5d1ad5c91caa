import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { plannedOptions } from "./diff.ts";
import type { CatalogueTable, PublicationPlan, PublicationState, PublishedTable } from "./plan.ts";
import { type NamedTable, type PublicationObjects, createPublicationSql } from "./sql.ts";
import { readPublication } from "./state.ts";
import type { Hints } from "../query/server-errors.ts";
import { printableIdentifier } from "../query/sql.ts";
import { execute, inTransaction, queryRows } from "../query/statement.ts";
import { type FoundTable, findTables, requireSchemas } from "./table-lookup.ts";
import { type ConnectionTarget, clientFlags, targetAt } from "../target/target.ts";
import { SqlState } from "../query/sqlstate.ts";

/** ALTER TABLE locks the table; sessions that queue behind it must not wait for ever. */
export const LOCK_TIMEOUT = "10s";

/** A plan whose tables have been looked up. */
export interface ResolvedPlan {
  readonly state: PublicationState;
  readonly objects: PublicationObjects;
}

/**
 * Looks up what the plan names, and how the server understands it.
 * @throws WalctlError when a table or schema does not exist, or a row filter is invalid
 */
export async function resolvePlan(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  plan: PublicationPlan,
): Promise<ResolvedPlan> {
  await requireSchemas(client, target, plan.schemas);
  const found = await findTables(client, target, plan.tables);
  const left = await findTables(client, target, plan.excluded, "--except");
  const objects = {
    allTables: plan.allTables,
    excluded: left.map(({ schema, name }) => ({ schema, name })),
    allSequences: plan.allSequences,
    tables: found.map(namedTable),
    schemas: [...new Set(plan.schemas)],
  };
  const scratch = await readScratchTables(client, target, version, objects.tables);
  const filterOf = new Map(scratch.map((table) => [table.oid, table]));
  const tables = new Map<number, PublishedTable>();
  for (const { spec, members } of found) {
    for (const { oid, schema, name } of members) {
      const { filter, filterColumns = [] } = filterOf.get(oid) ?? {};
      const table = { oid, schema, name, columns: spec.columns, filter, filterColumns };
      if (!tables.has(oid)) tables.set(oid, table);
    }
  }
  const excluded = new Map<number, CatalogueTable>();
  for (const table of left.flatMap(({ members }) => members)) excluded.set(table.oid, table);
  const { allTables, allSequences, schemas } = objects;
  const state = {
    allTables,
    excluded: [...excluded.values()],
    allSequences,
    schemas,
    tables: [...tables.values()],
    ...plannedOptions(plan),
  };
  return { objects, state };
}

/**
 * Only the server knows how it interprets row filters: this publishes their tables in a transaction that is rolled
 * back, and reads the result from the catalogue.
 */
async function readScratchTables(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  tables: readonly NamedTable[],
): Promise<readonly PublishedTable[]> {
  // Without column lists, so that the recorded columns are those of the filter.
  const filtered = tables
    .filter((table) => table.where !== undefined)
    .map((table) => ({ ...table, columns: undefined }));
  if (filtered.length === 0) return [];
  const name = `walctl_scratch_${randomBytes(8).toString("hex")}`;
  const objects = {
    allTables: false,
    excluded: [],
    allSequences: false,
    tables: filtered,
    schemas: [],
  };
  const doing = "check the row filters";
  await requirePrimary(client, target);
  return await inTransaction(client, "ROLLBACK", doing, async () => {
    await execute(client, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`, doing);
    const sql = createPublicationSql(name, objects, { viaPartitionRoot: true });
    await execute(client, sql, doing, publicationHints(target));
    return (await readPublication(client, name, version))?.tables ?? [];
  });
}

function namedTable({ schema, name, spec }: FoundTable): NamedTable {
  return { schema, name, columns: spec.columns, where: spec.where };
}

/** A standby is read-only: the publication has to be created on the primary. */
export async function requirePrimary(client: Client, target: ConnectionTarget): Promise<void> {
  const [row] = await queryRows<{ standby: boolean; host: string | null; port: number | null }>(
    client,
    `SELECT pg_catalog.pg_is_in_recovery() AS standby, r.sender_host AS host, r.sender_port AS port
     FROM (SELECT) AS one LEFT JOIN pg_catalog.pg_stat_wal_receiver r ON true`,
    "see whether the server is a standby",
  );
  if (row?.standby !== true) return;
  const primary =
    row.host === null || row.port === null
      ? ""
      : `, which it follows at ${clientFlags(targetAt(target, { host: row.host, hostaddr: undefined, port: row.port }))}`;
  throw new WalctlError("the server is a standby, and publications are made on the primary", {
    hint: `Connect to the primary${primary}; the standby has the publication as soon as it has replayed that.`,
  });
}

/** Hints for statements that create or alter a publication. */
export function publicationHints(target: ConnectionTarget): Hints {
  const database = printableIdentifier(target.database);
  return {
    [SqlState.insufficientPrivilege]: `All tables and whole schemas need a superuser; single tables their owner, who may also create in the database: GRANT CREATE ON DATABASE ${database} TO ${printableIdentifier(target.user)}`,
    [SqlState.lockNotAvailable]: "A transaction is using the table; try again when it has ended.",
    [SqlState.readOnlySqlTransaction]:
      "default_transaction_read_only is on; for this run: PGOPTIONS='-c default_transaction_read_only=off'.",
  };
}
