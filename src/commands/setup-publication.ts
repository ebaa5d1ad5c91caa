import { ExitCode, nearMiss, usageError } from "../errors.ts";
import { printableSql, quoteIdentifier } from "../server/query/sql.ts";
import { findWalLevelFault, readVersionAndLevels } from "../server/settings/preflight.ts";
import { differentPublication, setUpPublication } from "../server/publication/publication.ts";
import { listPublications } from "../server/publication/state.ts";
import type { ConnectionFlags } from "../server/target/resolve.ts";
import { connectionTarget, withConnection } from "./connection.ts";
import { type CommandContext, print } from "../program/context.ts";
import { type OutputFlags, outputOptions } from "../program/options.ts";
import { type PublicationFlags, publicationPlan } from "./publication-flags.ts";
import { Reporter } from "../program/reporter.ts";

interface SetupPublicationFlags extends ConnectionFlags, OutputFlags, PublicationFlags {
  readonly sync?: boolean;
  readonly replicaIdentity?: "full";
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

/** Creates a publication, or alters it to match the flags. */
export async function setupPublication(
  name: string,
  flags: SetupPublicationFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const plan = publicationPlan(name, flags);
  if (plan === undefined) {
    throw usageError(
      `no tables were given for publication "${name}"`,
      "Give -t 'schema.table' (may be repeated), --schema NAME or --all-tables.",
    );
  }
  const steps = {
    sync: flags.sync ?? false,
    dryRun: flags.dryRun ?? false,
    replicaIdentityFull: flags.replicaIdentity === "full",
    force: flags.force ?? false,
  };
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress(`setting up publication "${name}"`);
  try {
    return await withConnection(target, "ordinary", context.stop, async (client) => {
      const { version, levels } = await readVersionAndLevels(client);
      const outcome = await setUpPublication(client, target, version, plan, steps);
      const fault = await findWalLevelFault(client, target, version, levels);
      const isNew = outcome.status === "created" || outcome.status === "would_create";
      const meant = isNew ? nearMiss(name, await listPublications(client)) : undefined;
      const { renderPublication } = await import("../render/reports/setup.ts");
      reporter.clearProgress();
      const warnings = [...outcome.warnings, ...(fault === undefined ? [] : [fault])];
      for (const warning of warnings) reporter.warn(warning);
      if (meant !== undefined) {
        reporter.notice(`publication ${quoteIdentifier(meant)} exists too. Did you mean that?`);
      }
      const { status } = outcome;
      const sql = output.format === "table" ? outcome.sql.map(printableSql) : outcome.sql;
      const report = { publication: name, status, sql, warnings: warnings.map(warningText) };
      await print(context, renderPublication(report, output.format, output));
      if (status === "different") throw differentPublication(target, plan, steps, outcome);
      return ExitCode.done;
    });
  } finally {
    reporter.clearProgress();
  }
}

function warningText({ message, hint }: { message: string; hint: string | undefined }): string {
  return hint === undefined ? message : `${message}; ${hint}`;
}
