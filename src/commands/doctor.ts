import { ExitCode } from "../errors.ts";
import { ReaderGone, sinkOf } from "../output/sink.ts";
import type { CheckReport } from "../render/reports/checks.ts";
import { examine } from "../server/doctor/doctor.ts";
import type { ConnectionFlags } from "../server/target/resolve.ts";
import { connectionTarget } from "./connection.ts";
import type { CommandContext } from "./context.ts";
import { type OutputFlags, type OutputOptions, outputOptions } from "./options.ts";
import { Reporter } from "./reporter.ts";

interface DoctorFlags extends ConnectionFlags, OutputFlags {
  readonly publication?: readonly string[];
  readonly slot?: readonly string[];
}

/** Checks all that logical replication needs. Exit status 1 when something fails. */
export async function doctor(flags: DoctorFlags, context: CommandContext): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const target = connectionTarget(flags, context);
  const scope = { publications: flags.publication ?? [], slots: flags.slot ?? [] };
  const reporter = new Reporter(context, output);
  const sink = sinkOf(context.stdout.stream);
  const { check: render, totals } = await checkRenderer(output, context);
  const statuses: Array<CheckReport["status"]> = [];
  reporter.progress("examining the server");
  try {
    for await (const check of examine(target, scope, context.stop)) {
      if (statuses.length === 0) reporter.clearProgress();
      statuses.push(check.status);
      await sink.write(Buffer.from(render(check)));
    }
    await sink.write(Buffer.from(totals(statuses)));
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  } finally {
    reporter.clearProgress();
  }
  return statuses.includes("fail") ? ExitCode.failed : ExitCode.done;
}

interface CheckRenderer {
  readonly check: (check: CheckReport) => string;
  readonly totals: (statuses: ReadonlyArray<CheckReport["status"]>) => string;
}

async function checkRenderer(
  output: OutputOptions,
  context: CommandContext,
): Promise<CheckRenderer> {
  const { renderCheckNdjson, renderCheckText, renderCheckTotals } =
    await import("../render/reports/checks.ts");
  if (output.format === "ndjson") return { check: renderCheckNdjson, totals: () => "" };
  const width = (): number => context.stdout.width() ?? Number.POSITIVE_INFINITY;
  return {
    check: (check) => renderCheckText(check, width(), output.color),
    totals: renderCheckTotals,
  };
}
