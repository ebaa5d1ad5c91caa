import { ExitCode } from "../../errors.ts";
import { ReaderGone, sinkOf } from "../../output/sink.ts";
import { type SlotReport, slotReport } from "../../reports.ts";
import { readAdministration } from "../../server/settings/administration.ts";
import { slotFaults } from "../../server/slot/faults.ts";
import { readSlotSettings, readSlots } from "../../server/slot/read.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import type { ConnectionFlags } from "../../server/target/resolve.ts";
import { connectionTarget, withConnection } from "../connection.ts";
import type { CommandContext } from "../context.ts";
import { type OutputFlags, type OutputOptions, outputOptions, parseSeconds } from "../options.ts";
import { Reporter } from "../reporter.ts";
import { withinStopGrace } from "../stop-grace.ts";

interface SlotsFlags extends ConnectionFlags, OutputFlags {
  /** True: every two seconds. */
  readonly watch?: true | string;
}

const WATCH_SECONDS = 2;

/** Shows the slots and their faults. A slot with a fault does not make the command fail. */
export async function slots(flags: SlotsFlags, context: CommandContext): Promise<ExitCode> {
  const intervalMs = watchInterval(flags.watch);
  const showing = show(flags, intervalMs, context);
  // Only a signal ends a watch.
  if (intervalMs === undefined) return await showing;
  return await withinStopGrace(showing, context.stop, ExitCode.done);
}

async function show(
  flags: SlotsFlags,
  intervalMs: number | undefined,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const target = connectionTarget(flags, context);
  const reporter = new Reporter(context, output);
  reporter.progress("reading the slots");
  try {
    const first = await readReports(target, context.stop);
    const render = await slotsRenderer(output, context);
    reporter.clearProgress();
    const sink = sinkOf(context.stdout.stream);
    if (intervalMs === undefined) {
      await sink.write(Buffer.from(render(first)));
    } else {
      const { watchSlots } = await import("./watch-slots.ts");
      const read = (): Promise<readonly SlotReport[]> => readReports(target, context.stop);
      await watchSlots({ first, read, render, intervalMs, sink, output, context, reporter });
    }
    return ExitCode.done;
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    // A signal ends the first connection attempt too.
    if (context.stop.aborted && intervalMs !== undefined) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
  }
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
): Promise<readonly SlotReport[]> {
  return await withConnection(target, "ordinary", stop, async (client) => {
    const settings = await readSlotSettings(client);
    const administration = await readAdministration(client, target);
    const all = await readSlots(client);
    const around = { settings, administration, names: all.map(({ slot }) => slot) };
    return all.map((slot) => slotReport(slot, slotFaults(slot, around, target)));
  });
}

async function slotsRenderer(
  output: OutputOptions,
  context: CommandContext,
): Promise<(reports: readonly SlotReport[]) => string> {
  if (output.format === "ndjson")
    return (await import("../../render/reports/slots.ts")).renderSlotsNdjson;
  const { renderSlotsTable } = await import("../../render/reports/slots-table.ts");
  return (reports) =>
    renderSlotsTable(reports, context.stdout.width() ?? Number.POSITIVE_INFINITY, output.color);
}
