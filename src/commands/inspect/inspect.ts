import { findFiles } from "../../capture/wal/find.ts";
import { type LogEnd, type SegmentSource, readLog } from "../../capture/wal/log.ts";
import { planLog } from "../../capture/wal/plan.ts";
import { PlannedSource, StandardInputSource } from "../../capture/wal/sources.ts";
import { ExitCode, usageError } from "../../errors.ts";
import { ReaderGone, sinkOf } from "../../output/sink.ts";
import { LoggedNames } from "../../wal/logged-names.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { WalVersion } from "../../wal/versions.ts";
import { formatPosition } from "../../wal/position.ts";
import type { CommandContext } from "../context.ts";
import { type OutputOptions, outputOptions } from "../options.ts";
import { Reporter } from "../reporter.ts";
import { withinStopGrace } from "../stop-grace.ts";
import { InspectListener } from "./listener.ts";
import { type InspectFlags, type InspectOptions, inspectOptions } from "./options.ts";
import { createPrinter } from "./printer.ts";

const STANDARD_INPUT = "-";

/** Prints the records of physical WAL, or statistics of them. */
export async function inspect(
  paths: readonly string[],
  flags: InspectFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  if (output.dialect !== "walctl") {
    throw usageError(`--format ${output.dialect} is for row changes, and records are none`);
  }
  const options = inspectOptions(paths, flags);
  const work = run(paths, options, output, context);
  return await withinStopGrace(work, context.stop, ExitCode.done);
}

async function run(
  paths: readonly string[],
  options: InspectOptions,
  output: OutputOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const reporter = new Reporter(context, output);
  const source = await openSource(paths, options, context);
  const sink = sinkOf(context.stdout.stream);
  const names = new LoggedNames();
  const printer = await createPrinter(options, output, names, context);
  const observe = (record: WalRecord, version: WalVersion): void => names.observe(record, version);
  const listener = new InspectListener(options, { observe, printer, sink, reporter });
  try {
    const { keepGoing } = options;
    const end = await readLog({ source, listener, keepGoing, stop: context.stop });
    await listener.finish();
    return report(end, listener, reporter);
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  }
}

async function openSource(
  paths: readonly string[],
  { timeline, filter }: InspectOptions,
  context: CommandContext,
): Promise<SegmentSource> {
  if (paths[0] === STANDARD_INPUT) {
    return await StandardInputSource.open(context.stdin, context.stop);
  }
  const { files, histories } = await findFiles(paths);
  const plan = planLog(files, { histories, timeline });
  return new PlannedSource(plan, filter.startPosition ?? 0);
}

function report(end: LogEnd, listener: InspectListener, reporter: Reporter): ExitCode {
  switch (end.kind) {
    case "enough":
      break;
    case "end":
      reporter.notice(`the WAL ends at ${formatPosition(end.position)}`);
      break;
    case "fault":
      reporter.fault(end.fault.text, "To go on after the damage: --keep-going.");
      return ExitCode.malformedInput;
  }
  return listener.damaged ? ExitCode.malformedInput : ExitCode.done;
}
