import type { Client } from "pg";
import { WalctlError } from "../errors.ts";
import { walctlCommand } from "./paste.ts";
import { planFlags } from "./plan-flags.ts";
import type { ServerVersion } from "./preflight.ts";
import { comparePublications, creationSql } from "./publication-diff.ts";
import { type PublicationPlan, checkPlan } from "./publication-plan.ts";
import { LOCK_TIMEOUT, publicationHints, resolvePlan } from "./publication-resolve.ts";
import { readPublication } from "./publication-state.ts";
import { type IdentityFault, findIdentityFaults } from "./replica-identity.ts";
import { quoteIdentifier } from "./sql.ts";
import { execute, inTransaction } from "./statement.ts";
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
