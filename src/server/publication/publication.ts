/*
 * Publications: the request (table-spec, plan), the catalogue (lookup, state), the difference (diff), and the SQL.
 * Law: an existing publication changes only with --sync.
 * Way in: setUpPublication() and the PublicationOutcome that it returns.
 */

import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { psqlCommand, walctlCommand } from "../target/paste.ts";
import { isDenied } from "../query/denied.ts";
import { rightsHint } from "./rights.ts";
import { planFlags } from "./plan-flags.ts";
import type { ServerVersion } from "../settings/preflight.ts";
import { comparePublications, creationSql } from "./diff.ts";
import { type PublicationPlan, type PublicationState, checkPlan } from "./plan.ts";
import { LOCK_TIMEOUT, publicationHints, requirePrimary, resolvePlan } from "./resolve.ts";
import { readPublication } from "./state.ts";
import { type IdentityFault, findIdentityFaults } from "./replica-identity.ts";
import { quoteIdentifier } from "../query/sql.ts";
import { execute, inTransaction } from "../query/statement.ts";
import type { ConnectionTarget } from "../target/target.ts";

export type PublicationStatus =
  | "created"
  | "unchanged"
  | "altered"
  | "different"
  | "would_create"
  | "would_alter";

export interface PublicationOutcome {
  readonly status: PublicationStatus;
  /** The SQL that was run in one transaction, or with --dry-run would be. */
  readonly sql: readonly string[];
  /** How an existing publication differed from the request, in words. */
  readonly differences: readonly string[];
  /** The request would publish less of something. */
  readonly takesAway: boolean;
  readonly warnings: readonly IdentityFault[];
}

export interface PublicationSteps {
  /** Alter an existing publication that differs. */
  readonly sync: boolean;
  readonly dryRun: boolean;
  /** Set REPLICA IDENTITY FULL on tables whose updates would be rejected. */
  readonly replicaIdentityFull: boolean;
  /** Continue even if the server then rejects writes. */
  readonly force: boolean;
}

/** Creates the publication, or alters it to match the request, on an ordinary connection or a walsender's. */
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
      ? {
          texts: [],
          takesAway: false,
          sql: [creationSql(plan.name, asked.objects, asked.state)],
        }
      : comparePublications(plan.name, actual, asked.state, asked.objects);
  const differs = difference.texts.length > 0 && !steps.sync;
  const find = (state: PublicationState): Promise<readonly IdentityFault[]> =>
    findIdentityFaults(client, version, plan.name, state);
  const faults = await find(differs && actual !== undefined ? actual : asked.state);
  const fixes = faults.flatMap((fault) =>
    steps.replicaIdentityFull && fault.full !== undefined ? [fault.full] : [],
  );
  // The identity comes first, so that the server never rejects other programs' writes.
  const sql = [...fixes, ...difference.sql];
  const status = statusOf(actual !== undefined, sql.length > 0, differs, steps.dryRun);
  const fixed = steps.replicaIdentityFull && status !== "different";
  const left = faults.filter((fault) => !fixed || fault.full === undefined);
  const changes = difference.sql.length > 0 && !differs;
  const before = changes && !steps.force && actual !== undefined ? await find(actual) : [];
  const harmed =
    changes && !steps.force
      ? left.filter((fault) => !before.some((known) => covers(known, fault)))
      : [];
  const work = { client, target, version, plan, steps, exists: actual !== undefined };
  // What the role may not do needs no remedy.
  if (changes && (harmed.length > 0 || steps.dryRun)) await run(work, difference.sql, "ROLLBACK");
  if (harmed.length > 0) throw harmfulPublication(target, plan, harmed, steps);
  if (status === "created" || status === "altered") await run(work, sql, "COMMIT");
  return {
    status,
    sql,
    differences: difference.texts,
    takesAway: difference.takesAway,
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

interface Work {
  readonly client: Client;
  readonly target: ConnectionTarget;
  readonly version: ServerVersion;
  readonly plan: PublicationPlan;
  readonly steps: PublicationSteps;
  /** The publication does. */
  readonly exists: boolean;
}

/** @param end ROLLBACK: only to hear whether the server would do it */
async function run(work: Work, sql: readonly string[], end: "COMMIT" | "ROLLBACK"): Promise<void> {
  const { client, target, version, plan, steps, exists } = work;
  await requirePrimary(client, target);
  const doing = `${exists ? "alter" : "create"} publication ${quoteIdentifier(plan.name)}`;
  try {
    await inTransaction(client, end, doing, async () => {
      await execute(client, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`, doing);
      // One by one, so that a statement hidden in another one is an error.
      for (const statement of sql)
        await execute(client, statement, doing, publicationHints(target));
    });
  } catch (error) {
    if (!(error instanceof WalctlError) || !isDenied(error)) throw error;
    const hint = await rightsHint(client, target, version, plan, setupWords(plan, steps), exists);
    throw new WalctlError(error.message, { detail: error.detail, hint, cause: error });
  }
}

/** The command that asks for the same. */
function setupWords(plan: PublicationPlan, steps: PublicationSteps): readonly string[] {
  return [
    "setup-publication",
    plan.name,
    ...planFlags(plan),
    ...(steps.sync ? ["--sync"] : []),
    ...(steps.replicaIdentityFull ? ["--replica-identity", "full"] : []),
    ...(steps.force ? ["--force"] : []),
    ...(steps.dryRun ? ["--dry-run"] : []),
  ];
}

/** Whether the server already rejects what it would reject because of `fault`. */
function covers(known: IdentityFault, fault: IdentityFault): boolean {
  return (
    known.table === fault.table && fault.rejected.every((name) => known.rejected.includes(name))
  );
}

/** The most tables that an error names. */
const NAMED_MAX = 20;

function harmfulPublication(
  target: ConnectionTarget,
  plan: PublicationPlan,
  faults: readonly IdentityFault[],
  steps: PublicationSteps,
): WalctlError {
  const [first, ...others] = faults;
  const rejected = first?.rejected.join(" and ") ?? "";
  const publication = `publication ${quoteIdentifier(plan.name)}`;
  const full = walctlCommand(setupWords(plan, { ...steps, replicaIdentityFull: true }), target);
  const later =
    plan.allTables || plan.schemas.length > 0
      ? " Tables that are made later need a replica identity too."
      : "";
  const fixable = faults.every((fault) => fault.full !== undefined);
  const whole = `To let the whole row identify itself: ${full}`;
  if (first !== undefined && others.length === 0) {
    const { cause, fix, hint } = first;
    const better =
      fix === undefined || fix === first.full
        ? undefined
        : `To let its primary key identify its rows: ${psqlCommand(fix, target)}`;
    return new WalctlError(
      `${cause}: ${publication} would make the server reject ${rejected} of it, from every program`,
      { hint: `${better ?? (fixable ? whole : hint)}${later}` },
    );
  }
  const fixes = faults
    .slice(0, NAMED_MAX)
    .map(({ cause, hint }) => `${cause} (${hint.replace(/\.$/, "")})`);
  const more = faults.length > NAMED_MAX ? `; and ${faults.length - NAMED_MAX} more` : "";
  return new WalctlError(
    `${publication} would make the server reject ${rejected} of ${faults.length} tables, from every program`,
    {
      detail: `What each table lacks, and what gives it that: ${fixes.join("; ")}${more}.${later}`,
      hint: fixable ? whole : "Give the tables what they lack, or leave them out.",
    },
  );
}

/** The error for an existing publication that differs: it is not changed without --sync. */
export function differentPublication(
  target: ConnectionTarget,
  plan: PublicationPlan,
  steps: PublicationSteps,
  { differences, takesAway }: Pick<PublicationOutcome, "differences" | "takesAway">,
): WalctlError {
  const name = quoteIdentifier(plan.name);
  const other = { ...plan, name: `${plan.name}_2` };
  const beside = walctlCommand(setupWords(other, steps), target);
  const sync = walctlCommand(setupWords(plan, { ...steps, sync: true }), target);
  return new WalctlError(`publication ${name} differs from what is asked for`, {
    detail: `The differences: ${differences.join("; ")}.`,
    hint: takesAway
      ? `setup-publication with --sync alters it, and whoever reads ${name} no longer gets what that takes away. To leave it as it is, another one: ${beside}`
      : `To add what it lacks: ${sync}`,
  });
}
