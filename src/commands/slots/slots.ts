import { ExitCode, usageError } from "../../errors.ts";
import { ReaderGone, sinkOf } from "../../output/sink.ts";
import { formatByteCount } from "../../byte-count.ts";
import { type SlotReport, slotReport, worstFirst } from "../../reports.ts";
import { readAdministration } from "../../server/settings/administration.ts";
import { slotFaults } from "../../server/slot/faults.ts";
import { type ServerVersion, untestedText } from "../../server/settings/preflight.ts";
import { readSlotSettings, readSlots } from "../../server/slot/read.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connectionTarget, withConnection } from "../connection.ts";
import type { CommandContext } from "../../program/context.ts";
import {
  type OutputFlags,
  type OutputOptions,
  outputOptions,
  parseSeconds,
  parseSize,
} from "../../program/options.ts";
import { Reporter, tellOfTable } from "../../program/reporter.ts";
import { withinStopGrace } from "../../program/stop-grace.ts";

interface SlotsFlags extends ConnectionFlags, OutputFlags {
  /** True if given without a value: every two seconds. */
  readonly watch?: true | string;
  readonly failAbove?: string;
}

const WATCH_SECONDS = 2;

/** Shows the slots and their faults. A slot with a fault does not make the command fail, but with --fail-above. */
export async function slots(flags: SlotsFlags, context: CommandContext): Promise<ExitCode> {
  const intervalMs = watchInterval(flags.watch);
  if (intervalMs !== undefined && flags.failAbove !== undefined) {
    throw usageError("--fail-above needs an end, and --watch has none but a signal");
  }
  if (intervalMs !== undefined && flags.format === "openmetrics") {
    throw usageError("--watch prints again and again, and OpenMetrics text has one end");
  }
  const showing = show(flags, intervalMs, context);
  // Only a signal ends a watch.
  if (intervalMs === undefined) return await showing;
  return await withinStopGrace(showing, context.stop, () => ExitCode.done);
}

async function show(
  flags: SlotsFlags,
  intervalMs: number | undefined,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const limit =
    flags.failAbove === undefined ? undefined : parseSize("--fail-above", flags.failAbove);
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress("reading the slots");
  try {
    const { reports: first, version } = await readReports(target, context.stop);
    const render = await slotsRenderer(output, intervalMs !== undefined, context);
    reporter.clearProgress();
    const untested = untestedText(version);
    if (untested !== undefined) reporter.warn({ message: untested });
    tellOfTable(flags, output, reporter);
    const sink = sinkOf(context.stdout.stream);
    if (intervalMs === undefined) {
      await sink.write(Buffer.from(render(first)));
    } else {
      const { watchSlots } = await import("./watch-slots.ts");
      const read = async (): Promise<readonly SlotReport[]> =>
        (await readReports(target, context.stop)).reports;
      await watchSlots({ first, read, render, intervalMs, sink, output, context, reporter });
    }
    return limit === undefined ? ExitCode.done : judge(first, limit, reporter);
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    // A signal ends the first connection attempt too.
    if (context.stop.aborted && intervalMs !== undefined) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
  }
}

/** A lost slot retains no WAL, and counts as worse than any that does. */
function judge(reports: readonly SlotReport[], limit: number, reporter: Reporter): ExitCode {
  const above = reports.filter(
    ({ retained_bytes: kept, wal_status: state }) => (kept ?? 0) > limit || state === "lost",
  );
  if (above.length === 0) return ExitCode.done;
  const named = above.map(({ slot, retained_bytes: kept }) => {
    return `"${slot}" ${kept === null ? "is lost" : `retains ${formatByteCount(kept)}`}`;
  });
  reporter.fault(`more than --fail-above allows: ${named.join(", ")}`, undefined);
  return ExitCode.failed;
}

function watchInterval(watch: SlotsFlags["watch"]): number | undefined {
  if (watch === undefined) return undefined;
  if (watch === true) return WATCH_SECONDS * 1000;
  return parseSeconds("--watch", watch, 0.1);
}

/** Connects again each time: an idle connection would delay a smart shutdown. */
async function readReports(
  target: ConnectionTarget,
  stop: AbortSignal,
): Promise<{ readonly reports: readonly SlotReport[]; readonly version: ServerVersion }> {
  return await withConnection(target, "ordinary", stop, async (client) => {
    const settings = await readSlotSettings(client);
    const administration = await readAdministration(client, target);
    const all = await readSlots(client);
    const around = { settings, administration, names: all.map(({ slot }) => slot) };
    const reports = all.map((slot) => slotReport(slot, slotFaults(slot, around, target)));
    return { reports: worstFirst(reports), version: settings.version };
  });
}

/** @param fits whether there is room for so much */
export type RenderSlots = (
  reports: readonly SlotReport[],
  fits?: (text: string) => boolean,
) => string;

async function slotsRenderer(
  output: OutputOptions,
  watching: boolean,
  context: CommandContext,
): Promise<RenderSlots> {
  if (output.metrics === true) {
    return (await import("../../render/reports/openmetrics.ts")).renderSlotsMetrics;
  }
  if (output.format === "ndjson") {
    const { renderSlotsNdjson } = await import("../../render/reports/slots.ts");
    return (reports) => renderSlotsNdjson(reports, watching);
  }
  const { renderSlotsTable } = await import("../../render/reports/slots-table.ts");
  return (reports, fits) => {
    const width = context.stdout.width() ?? 80;
    return renderSlotsTable(reports, width, output, fits);
  };
}
