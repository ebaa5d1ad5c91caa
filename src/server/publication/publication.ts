/*
 * Publications: the request (table-spec, plan), the catalogue (lookup, state), the difference (diff), and the SQL.
 * Law: an existing publication changes only with --sync.
 * Way in: setUpPublication() and the PublicationOutcome that it returns.
 */

import type { Client } from "pg";
import { WalctlError } from "../../errors.ts";
import { walctlCommand } from "../target/paste.ts";
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
    steps.replicaIdentityFull && fault.fix !== undefined ? [fault.fix] : [],
  );
  // The identity comes first, so that the server never rejects other programs' writes.
  const sql = [...fixes, ...difference.sql];
  const status = statusOf(actual !== undefined, sql.length > 0, differs, steps.dryRun);
  const fixed = steps.replicaIdentityFull && status !== "different";
  const left = faults.filter((fault) => !fixed || fault.fix === undefined);
  if (difference.sql.length > 0 && !differs && !steps.force && left.length > 0) {
    const before = actual === undefined ? [] : await find(actual);
    const harmed = left.filter((fault) => !before.some((known) => covers(known, fault)));
    if (harmed.length > 0) throw harmfulPublication(target, plan, harmed, steps);
  }
  if (status === "created" || status === "altered") {
    await requirePrimary(client, target);
    const verb = status === "created" ? "create" : "alter";
    await run(client, target, `${verb} publication ${quoteIdentifier(plan.name)}`, sql);
  }
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

async function run(
  client: Client,
  target: ConnectionTarget,
  doing: string,
  sql: readonly string[],
): Promise<void> {
  await inTransaction(client, "COMMIT", doing, async () => {
    await execute(client, `SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`, doing);
    // One by one, so that a statement hidden in another one is an error.
    for (const statement of sql) await execute(client, statement, doing, publicationHints(target));
  });
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
  { sync, dryRun }: PublicationSteps,
): WalctlError {
  const rejected = faults[0]?.rejected.join(" and ") ?? "";
  const tables = faults.length === 1 ? "a table" : `${faults.length} tables`;
  const fixes = faults
    .slice(0, NAMED_MAX)
    .map(({ cause, hint }) => `${cause} (${hint.replace(/\.$/, "")})`);
  const more = faults.length > NAMED_MAX ? `; and ${faults.length - NAMED_MAX} more` : "";
  const words = ["setup-publication", plan.name, ...planFlags(plan)];
  const full = walctlCommand(
    [
      ...[...words, ...(sync ? ["--sync"] : []), ...(dryRun ? ["--dry-run"] : [])],
      ...["--replica-identity", "full"],
    ],
    target,
  );
  const later =
    plan.allTables || plan.schemas.length > 0 ? " Tables that are made later need a key too." : "";
  const others = `setup-publication takes --publish insert,truncate, which leaves out what would be rejected, and --force: with that the server rejects ${rejected} from then on`;
  const fixable = faults.every(({ fix }) => fix !== undefined);
  return new WalctlError(
    `publication ${quoteIdentifier(plan.name)} would make the server reject ${rejected} of ${tables}, from every program`,
    {
      detail: `What each table lacks, and what gives it that: ${fixes.join("; ")}${more}.`,
      hint: fixable
        ? `A primary key is the best remedy.${later} ${others}. To let the whole row identify itself: ${full}`
        : `Give the tables what they lack.${later} ${others}.`,
    },
  );
}

/** The error for an existing publication that differs: it is not changed without --sync. */
export function differentPublication(
  target: ConnectionTarget,
  plan: PublicationPlan,
  { differences, takesAway }: Pick<PublicationOutcome, "differences" | "takesAway">,
): WalctlError {
  const flags = planFlags(plan);
  const name = quoteIdentifier(plan.name);
  const beside = walctlCommand(["setup-publication", `${plan.name}_2`, ...flags], target);
  const sync = walctlCommand(["setup-publication", plan.name, ...flags, "--sync"], target);
  return new WalctlError(`publication ${name} differs from what is asked for`, {
    detail: `The differences: ${differences.join("; ")}.`,
    hint: takesAway
      ? `--sync alters it, and whoever reads ${name} no longer gets what that takes away. To leave it as it is, another one: ${beside}`
      : `To add what it lacks: ${sync}`,
  });
}
