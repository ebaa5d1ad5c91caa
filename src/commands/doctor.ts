import { ExitCode, Interrupted, WalctlError } from "../errors.ts";
import { Screen } from "../output/screen.ts";
import { heightOf } from "../render/terminal/visible-width.ts";
import { ReaderGone, sinkOf } from "../output/sink.ts";
import { type Check, fail } from "../reports.ts";
import { examine } from "../server/doctor/doctor.ts";
import type { ConnectionFlags } from "../server/target/resolve.ts";
import { connectionTarget, withConnection } from "./connection.ts";
import type { CommandContext } from "../program/context.ts";
import { type OutputFlags, type OutputOptions, outputOptions } from "../program/options.ts";
import { Reporter, tellOfTable } from "../program/reporter.ts";

interface DoctorFlags extends ConnectionFlags, OutputFlags {
  readonly publication?: readonly string[];
  readonly slot?: readonly string[];
}

/** Checks everything that logical replication needs. Exit status 1 if a check fails. */
export async function doctor(flags: DoctorFlags, context: CommandContext): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const target = connectionTarget(flags, context);
  const scope = { publications: flags.publication ?? [], slots: flags.slot ?? [] };
  const reporter = new Reporter(context, output);
  const sink = sinkOf(context.stdout.stream);
  const { each, all } = await checkRenderer(output, context);
  const checks: Check[] = [];
  const print = async (check: Check): Promise<void> => {
    checks.push(check);
    if (each === undefined) return;
    reporter.clearProgress();
    await sink.write(Buffer.from(each(check)));
  };
  const finish = async (): Promise<void> => {
    reporter.clearProgress();
    if (all !== undefined) await sink.write(Buffer.from(all(checks)));
  };
  reporter.progress("examining the server");
  try {
    await withConnection(target, "ordinary", context.stop, async (client) => {
      for await (const check of examine(client, target, scope)) await print(check);
    }).catch(async (error: unknown) => {
      // Without any check the connection failed; what was found before another error is printed all the same.
      if (checks.length > 0) await finish();
      const isFinding = error instanceof WalctlError && !(error instanceof Interrupted);
      if (checks.length > 0 || !isFinding) throw error;
      const more = error.hint === undefined ? "" : `. ${error.hint}`;
      await print(fail("connection", `${error.message}${more}`, null));
    });
    await finish();
    tellOfTable(flags, output, reporter);
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  } finally {
    reporter.clearProgress();
  }
  return checks.some(({ status }) => status === "fail") ? ExitCode.failed : ExitCode.done;
}

/** One of the two: as soon as a check is known, or all together at the end. */
interface CheckRenderer {
  readonly each?: (check: Check) => string;
  readonly all?: (checks: readonly Check[]) => string;
}

async function checkRenderer(
  output: OutputOptions,
  { stdout }: CommandContext,
): Promise<CheckRenderer> {
  if (output.metrics === true) {
    const { renderChecksMetrics } = await import("../render/reports/openmetrics.ts");
    return { all: renderChecksMetrics };
  }
  const { renderCheckNdjson, renderChecks } = await import("../render/reports/checks.ts");
  if (output.format === "ndjson") return { each: renderCheckNdjson };
  const width = (): number => stdout.width() ?? 80;
  const screen = stdout.isTerminal ? new Screen(stdout.stream) : undefined;
  // The prompt takes a line.
  const fits = (text: string): boolean =>
    screen === undefined || heightOf(text, screen.columns) < screen.rows;
  return { all: (checks) => renderChecks(checks, width(), output, fits) };
}
