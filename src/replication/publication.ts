import { randomBytes } from "node:crypto";
import type { Client } from "pg";
import { WalctlError } from "../errors.ts";
import { walctlCommand } from "./paste.ts";
import { planFlags } from "./plan-flags.ts";
import { comparePublications, creationSql, plannedOptions } from "./publication-diff.ts";
import {
  type PublicationPlan,
  type PublicationState,
  type PublishedTable,
  checkPlan,
} from "./publication-plan.ts";
import {
  type NamedTable,
  type PublicationObjects,
  createPublicationSql,
} from "./publication-sql.ts";
import { readPublication } from "./publication-state.ts";
import type { ServerVersion } from "./preflight.ts";
import { type IdentityFault, findIdentityFaults } from "./replica-identity.ts";
import type { Hints } from "./server-errors.ts";
import { quoteIdentifier } from "./sql.ts";
import { execute, inTransaction } from "./statement.ts";
import { type FoundTable, findTables, requireSchemas } from "./table-lookup.ts";
import type { ConnectionTarget } from "./target.ts";

export type PublicationStatus =
  | "created"
  | "unchanged"
  | "altered"
  | "different"
  | "would_create"
  | "would_alter";

export interface PublicationOutcome {
  readonly status: PublicationStatus;
  /** What was run, in one transaction; or would be. */
  readonly sql: readonly string[];
  /** In words; empty but for a publication that was there and is not as asked. */
  readonly differences: readonly string[];
  readonly warnings: readonly IdentityFault[];
}

export interface PublicationSteps {
  /** Alter one that differs. */
  readonly sync: boolean;
  readonly dryRun: boolean;
  /** Give REPLICA IDENTITY FULL to tables whose updates would be rejected. */
  readonly replicaIdentityFull: boolean;
}

/** ALTER TABLE needs the table for itself; whoever queues behind it must not wait for ever. */
const LOCK_TIMEOUT = "10s";

/**
 * Creates the publication, or brings it to the asked state.
 * On an ordinary connection or a walsender's.
 */
export async function setUpPublication(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  plan: PublicationPlan,
  steps: PublicationSteps,
): Promise<PublicationOutcome> {
  checkPlan(plan, version);
  const actual = await readPublication(client, plan.name, version);
  const asked = await resolvePlan(client, target, version, plan);
  const difference =
    actual === undefined
      ? { texts: [], sql: [creationSql(plan.name, asked.objects, asked.state)] }
      : comparePublications(plan.name, actual, asked.state, asked.objects);
  const differs = difference.texts.length > 0 && !steps.sync;
  const state = differs && actual !== undefined ? actual : asked.state;
  const faults = await findIdentityFaults(client, state);
  const mending = faults.flatMap((fault) =>
    steps.replicaIdentityFull && fault.mend !== undefined ? [fault.mend] : [],
  );
  // The identity first: no moment in which the server rejects other programs' writes.
  const sql = [...mending, ...difference.sql];
  const status = statusOf(actual !== undefined, sql.length > 0, differs, steps.dryRun);
  if (status === "created" || status === "altered") {
    const verb = status === "created" ? "create" : "alter";
    await run(client, target, `${verb} publication ${quoteIdentifier(plan.name)}`, sql);
  }
  const mended = steps.replicaIdentityFull && status !== "different";
  const left = faults.filter((fault) => !mended || fault.mend === undefined);
  return {
    status,
    sql,
    differences: difference.texts,
    warnings: left,
  };
}

function statusOf(
  exists: boolean,
  changes: boolean,
  differs: boolean,
  dryRun: boolean,
): PublicationStatus {
  if (!exists) return dryRun ? "would_create" : "created";
  if (differs) return "different";
  if (!changes) return "unchanged";
  return dryRun ? "would_alter" : "altered";
}

async function run(
  client: Client,
  target: ConnectionTarget,
  doing: string,
  sql: readonly string[],
): Promise<void> {
  await inTransaction(client, "COMMIT", doing, async () => {
    await execute(client, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`, doing);
    // One by one: a statement that hides another is then an error.
    for (const statement of sql) await execute(client, statement, doing, publicationHints(target));
  });
}

function publicationHints(target: ConnectionTarget): Hints {
  const database = quoteIdentifier(target.database);
  return {
    "42501": `All tables and whole schemas need a superuser; single tables their owner, who may also create in the database: GRANT CREATE ON DATABASE ${database} TO ${quoteIdentifier(target.user)}`,
    "55P03": "A transaction is using the table; try again when it has ended.",
  };
}

/** A publication that is there and not as asked: nothing is changed unasked. */
export function differentPublication(
  target: ConnectionTarget,
  plan: PublicationPlan,
  differences: readonly string[],
): WalctlError {
  const words = ["setup-publication", plan.name, ...planFlags(plan), "--sync"];
  return new WalctlError(
    `publication ${quoteIdentifier(plan.name)} differs from what is asked for`,
    {
      detail: `The differences: ${differences.join("; ")}.`,
      hint: `To alter it: ${walctlCommand(words, target)}`,
    },
  );
}

interface ResolvedPlan {
  readonly state: PublicationState;
  readonly objects: PublicationObjects;
}

async function resolvePlan(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  plan: PublicationPlan,
): Promise<ResolvedPlan> {
  await requireSchemas(client, target, plan.schemas);
  const found = await findTables(client, target, plan.tables);
  const objects = {
    allTables: plan.allTables,
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
  const { allTables, schemas } = objects;
  return {
    objects,
    state: { allTables, schemas, tables: [...tables.values()], ...plannedOptions(plan) },
  };
}

/**
 * What the server makes of row filters can only be known from the server: the tables with one are
 * published in a transaction that is rolled back, and read from the catalogue.
 */
async function readScratchTables(
  client: Client,
  target: ConnectionTarget,
  version: ServerVersion,
  tables: readonly NamedTable[],
): Promise<readonly PublishedTable[]> {
  // Without their column lists, so that the columns on record are those of the filter.
  const filtered = tables
    .filter((table) => table.where !== undefined)
    .map((table) => ({ ...table, columns: undefined }));
  if (filtered.length === 0) return [];
  const name = `walctl_scratch_${randomBytes(8).toString("hex")}`;
  const objects = { allTables: false, tables: filtered, schemas: [] };
  const doing = "check the row filters";
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
