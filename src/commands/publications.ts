import { ExitCode, didYouMean } from "../errors.ts";
import { ReaderGone, sinkOf } from "../output/sink.ts";
import type { Check } from "../reports.ts";
import { inspectPublications } from "../server/doctor/inspect-stream.ts";
import { publicationFindings } from "../server/doctor/publication-findings.ts";
import { printableFilters } from "../server/publication/sql.ts";
import { suggestionText } from "../server/publication/suggestion.ts";
import { quoteIdentifier, quoteIdentifierList } from "../server/query/sql.ts";
import { readAdministration } from "../server/settings/administration.ts";
import { readServerVersion } from "../server/settings/preflight.ts";
import type { ConnectionFlags } from "../server/target/resolve.ts";
import { connectionTarget, withConnection } from "./connection.ts";
import type { CommandContext } from "../program/context.ts";
import { type OutputFlags, outputOptions } from "../program/options.ts";
import { Reporter, tellOfTable } from "../program/reporter.ts";

/** Shows the publications of the database, and what doctor finds wrong with them. */
export async function publications(
  names: readonly string[],
  flags: ConnectionFlags & OutputFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress("reading the publications");
  try {
    const { facts, checks, together } = await withConnection(
      target,
      "ordinary",
      context.stop,
      async (client) => {
        const administration = await readAdministration(client, target);
        const version = await readServerVersion(client);
        const found = await inspectPublications(client, target, version, names);
        const all = "command" in found ? [] : found;
        const judged = all.map((each) => publicationFindings([each], target, administration));
        const shared = publicationFindings(
          all.filter(({ state }) => state !== undefined),
          target,
          administration,
        );
        return { facts: all, checks: judged, together: faultsOf(shared) };
      },
    );
    const { publicationReport, renderPublications } =
      await import("../render/reports/publications.ts");
    reporter.clearProgress();
    const isTable = output.format === "table";
    const reports = facts.flatMap(({ name, state, tables }, at) =>
      state === undefined
        ? []
        : [
            publicationReport(
              name,
              isTable ? printableFilters(state) : state,
              tables,
              faultsOf(checks[at]),
            ),
          ],
    );
    const width = context.stdout.width() ?? 80;
    const text =
      reports.length === 0 && names.length > 0
        ? ""
        : renderPublications(reports, together, output.format, width, output);
    await sinkOf(context.stdout.stream).write(Buffer.from(text));
    tellOfTable(flags, output, reporter);
    const missing = facts.filter(({ state }) => state === undefined);
    for (const { name, existing, suggestion } of missing) {
      const hint =
        existing.length === 0
          ? suggestion && suggestionText(suggestion)
          : didYouMean(
              name,
              existing,
              `The database's publications: ${quoteIdentifierList(existing)}.`,
            );
      const where = `in database ${quoteIdentifier(target.database)}`;
      reporter.fault(`publication ${quoteIdentifier(name)} does not exist ${where}`, hint);
    }
    return missing.length > 0 ? ExitCode.failed : ExitCode.done;
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
  }
}

function faultsOf(checks: readonly Check[] | undefined): readonly Check[] {
  return (checks ?? []).filter(({ status }) => status !== "ok");
}
