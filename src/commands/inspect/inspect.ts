import { stat } from "node:fs/promises";
import { findFiles, walFolder } from "../../capture/wal/find.ts";
import { readLog } from "../../capture/wal/log.ts";
import type { LogEnd, SegmentSource } from "../../capture/wal/log-parts.ts";
import { planLog } from "../../capture/wal/plan.ts";
import { PlannedSource, StandardInputSource } from "../../capture/wal/sources.ts";
import { ExitCode, usageError } from "../../errors.ts";
import { ReaderGone, sinkOf } from "../../output/sink.ts";
import { LoggedNames } from "../../wal/logged-names.ts";
import type { SegmentHeader } from "../../postgres/pages/page.ts";
import type { RelationNames } from "../../wal/relation-name.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { CommandContext } from "../../program/context.ts";
import { type OutputOptions, outputOptions } from "../../program/options.ts";
import { Reporter } from "../../program/reporter.ts";
import { keepYoungGenerationSmall } from "../../program/small-heap.ts";
import { reportEnd } from "../wal-end.ts";
import { untilInputEnds, withinStopGrace } from "../../program/stop-grace.ts";
import { InspectListener } from "./listener.ts";
import {
  type InspectFlags,
  type InspectOptions,
  STANDARD_INPUT,
  inspectOptions,
  readFrom,
} from "./options.ts";
import { createPrinter } from "./printer.ts";

/** Prints the records of physical WAL, or their statistics. */
export async function inspect(
  paths: readonly string[],
  flags: InspectFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const output = outputOptions(flags, context);
  const options = inspectOptions(paths, flags);
  const work = run(paths, options, output, context);
  // --follow has no other end.
  if (options.follow) return await withinStopGrace(work, context.stop, () => ExitCode.done);
  return await untilInputEnds(work, context.stop);
}

async function run(
  paths: readonly string[],
  options: InspectOptions,
  output: OutputOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const reporter = new Reporter(context, output);
  if (options.taken !== undefined) reporter.notice(options.taken);
  const sink = sinkOf(context.stdout.stream);
  const logged = new LoggedNames();
  const { names, check } = await namesOf(options, logged, context);
  const printer = await createPrinter(options, output, names, context);
  keepYoungGenerationSmall();
  const observe = (record: WalRecord, version: WalVersion): void => logged.observe(record, version);
  const listener = new InspectListener(options, { observe, names, check, printer, sink, reporter });
  try {
    const end = options.follow
      ? await follow(paths, options, listener, context)
      : await readOnce(paths, options, listener, context);
    await listener.finish();
    return reportEnd(end, listener.damaged, reporter);
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  }
}

interface Names {
  readonly names: RelationNames;
  /** @throws WalctlError where the names are another system's */
  readonly check: (header: SegmentHeader) => void;
}

/** Out of a catalogue file, if there is one. What reads it is loaded only then. */
async function namesOf(
  { catalog: path }: InspectOptions,
  logged: LoggedNames,
  context: CommandContext,
): Promise<Names> {
  if (path === undefined) return { names: logged, check: () => {} };
  const { openCatalog, refuseOtherSystem } = await import("../catalog-file.ts");
  const { CatalogNames } = await import("./catalog-names.ts");
  const file = await openCatalog(path, context);
  const check = (header: SegmentHeader): void => refuseOtherSystem(file, header, path);
  return { names: new CatalogNames(file, logged), check };
}

async function readOnce(
  paths: readonly string[],
  options: InspectOptions,
  listener: InspectListener,
  { stdin, stop }: CommandContext,
): Promise<LogEnd> {
  const source =
    paths[0] === STANDARD_INPUT
      ? await StandardInputSource.open(stdin, stop)
      : await openPaths(paths, options);
  listener.check(source.header);
  return await readLog({ source, listener, keepGoing: options.keepGoing, stop });
}

async function openPaths(
  paths: readonly string[],
  { timeline, filter }: InspectOptions,
): Promise<SegmentSource> {
  const { files, histories } = await findFiles(paths);
  const plan = planLog(files, { histories, timeline });
  return new PlannedSource(plan, readFrom(filter));
}

async function follow(
  paths: readonly string[],
  options: InspectOptions,
  listener: InspectListener,
  { stop }: CommandContext,
): Promise<LogEnd> {
  const [folder = ""] = paths;
  const isFolder = (await stat(folder).catch(() => undefined))?.isDirectory() ?? false;
  if (paths.length !== 1 || !isFolder) throw usageError("--follow takes one directory");
  const { followLog } = await import("./follow.ts");
  return await followLog(await walFolder(folder), options, listener, stop);
}
