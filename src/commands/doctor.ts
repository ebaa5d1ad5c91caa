import { ExitCode, WalctlError } from "../errors.ts";
import { ReaderGone, sinkOf } from "../output/sink.ts";
import { type Check, fail } from "../reports.ts";
import { examine } from "../server/doctor/doctor.ts";
import type { ConnectionFlags } from "../server/target/resolve.ts";
import { connectionTarget, withConnection } from "./connection.ts";
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
  const statuses: Array<Check["status"]> = [];
  const print = async (check: Check): Promise<void> => {
    if (statuses.length === 0) reporter.clearProgress();
    statuses.push(check.status);
    await sink.write(Buffer.from(render(check)));
  };
  reporter.progress("examining the server");
  try {
    await withConnection(target, "ordinary", context.stop, async (client) => {
      for await (const check of examine(client, target, scope)) await print(check);
    }).catch(async (error: unknown) => {
      // No check was printed yet, so the connection failed.
      if (statuses.length > 0 || !(error instanceof WalctlError)) throw error;
      const more = error.hint === undefined ? "" : `; ${error.hint}`;
      await print(fail("connection", `${error.message}${more}`, null));
    });
    await sink.write(Buffer.from(totals(statuses)));
  } catch (error) {
    if (!(error instanceof ReaderGone)) throw error;
  } finally {
    reporter.clearProgress();
  }
  return statuses.includes("fail") ? ExitCode.failed : ExitCode.done;
}

interface CheckRenderer {
  readonly check: (check: Check) => string;
  readonly totals: (statuses: ReadonlyArray<Check["status"]>) => string;
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
