import { ExitCode } from "../errors.ts";
import { dropPublication as drop } from "../server/publication/drop.ts";
import { printableFilters } from "../server/publication/sql.ts";
import { printableSql } from "../server/query/sql.ts";
import { readServerVersion } from "../server/settings/preflight.ts";
import type { ConnectionFlags } from "../server/target/resolve.ts";
import { connectionTarget, withConnection } from "./connection.ts";
import { type CommandContext, print } from "../program/context.ts";
import { type OutputFlags, outputOptions } from "../program/options.ts";
import { Reporter } from "../program/reporter.ts";

interface DropPublicationFlags extends ConnectionFlags, OutputFlags {
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

const SLOTS_NAMED = 5;

/** Drops a publication, and prints what it published and how to have it back. */
export async function dropPublication(
  name: string,
  flags: DropPublicationFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const target = connectionTarget(flags, context);
  const { dryRun = false, force = false } = flags;
  const reporter = new Reporter(context, output);
  reporter.progress(`dropping publication "${name}"`);
  try {
    const dropped = await withConnection(target, "ordinary", context.stop, async (client) =>
      drop(client, target, await readServerVersion(client), name, { dryRun, force }),
    );
    const { publicationReport, renderDroppedPublication } =
      await import("../render/reports/publications.ts");
    reporter.clearProgress();
    const { sql, undo, state, idle } = dropped;
    if (idle.length > 0) reporter.notice(idleText(idle));
    const isTable = output.format === "table";
    const report = {
      publication: name,
      status: dryRun ? "would_drop" : "dropped",
      sql: isTable ? [printableSql(sql)] : [sql],
      undo: isTable ? undo.map(printableSql) : undo,
      tables: publicationReport(name, isTable ? printableFilters(state) : state).tables,
    };
    await print(context, renderDroppedPublication(report, output.format, output));
    return ExitCode.done;
  } finally {
    reporter.clearProgress();
  }
}

function idleText(slots: readonly string[]): string {
  const shown = slots.slice(0, SLOTS_NAMED).map((slot) => `"${slot}"`);
  const more = slots.length > SLOTS_NAMED ? `, … ${slots.length - SLOTS_NAMED} more` : "";
  return `which publications the readers of these slots use is not known while nobody reads them: ${shown.join(", ")}${more}`;
}
