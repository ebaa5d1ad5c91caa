import { readLog } from "../../capture/wal/log.ts";
import type { LogEnd } from "../../capture/wal/log-parts.ts";
import type { CatalogFile } from "../../catalog/model.ts";
import { ExitCode, WalctlError, usageError } from "../../errors.ts";
import { tableMatcher } from "../../messages/filter/table-patterns.ts";
import type { Asked, AskedFlags } from "../../messages/run/asked.ts";
import { progressOf } from "../../messages/run/progress.ts";
import { writeRest } from "../../messages/run/renderer.ts";
import { MessageRun } from "../../messages/run/run.ts";
import { ReaderGone, sinkOf } from "../../output/sink.ts";
import { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import type { CommandContext } from "../../program/context.ts";
import { Reporter, type Warning } from "../../program/reporter.ts";
import { TemporaryFiles } from "../../program/temporary-files.ts";
import { RecordReader } from "../../wal/reader.ts";
import { openCatalog, refuseOtherSystem, refuseOtherTimeline } from "../catalog-file.ts";
import { cureOfDamage, reportEnd } from "../wal-end.ts";
import { catalogAtStart, exportedTable, refuseGap, tableAt } from "./catalog-at-start.ts";
import { WithoutMinimalLevel } from "./minimal-level.ts";
import { RowListener } from "./row-listener.ts";
import { createDecoder, surveyOf } from "./wal-decoder.ts";
import type { WalFlags } from "./wal-flags.ts";
import { type WalInput, openWal } from "./wal-input.ts";
import {
  breaksOf,
  concernsTables,
  lossWarnings,
  truncatedWarnings,
  unloggedWarnings,
  unconvertedNames,
  warnOfUnknownTypes,
  whyNothing,
} from "./wal-losses.ts";
import { type WalOptions, walOptions } from "./wal-options.ts";

const ALTERED = {
  rows: "ALTER COLUMN … TYPE rewrote its rows since",
  type: "a type of its columns was altered since",
} as const;

/** Prints the row changes of physical WAL, by the catalogue of their database. */
export async function decodeWal(
  paths: readonly string[],
  flags: WalFlags & AskedFlags,
  asked: Asked,
  context: CommandContext,
): Promise<ExitCode> {
  const options = walOptions(flags, asked);
  const files = new TemporaryFiles(options.tempFileLimit, true);
  const reporter = new Reporter(context, asked.rendering.output);
  try {
    return await run(paths, { asked, options, files, context, reporter });
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    // Its caller says that a signal came before all was read.
    if (error === context.stop.reason) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
    files.close();
  }
}

interface Job {
  readonly asked: Asked;
  readonly options: WalOptions;
  readonly files: TemporaryFiles;
  readonly context: CommandContext;
  readonly reporter: Reporter;
}

async function run(paths: readonly string[], job: Job): Promise<ExitCode> {
  const opened = await open(paths, job);
  const end = await readRows(opened, job);
  job.reporter.clearProgress();
  await opened.stream.pipeline.flush();
  await writeRest(opened.stream.rendering, opened.sink);
  if (job.options.undo && job.context.stop.aborted) throw job.context.stop.reason;
  return await conclude(opened, end, job);
}

/** The open parts of a run. */
type Opened = Awaited<ReturnType<typeof open>>;

async function open(paths: readonly string[], job: Job) {
  const { context, files, options, reporter } = job;
  const timelineNow = (): number => listener.timeline;
  const asked = { ...job.asked, rendering: { ...job.asked.rendering, timeline: timelineNow } };
  const { filter, gate, rendering } = asked;
  const messages = await MessageRun.open(asked, context, reporter, files);
  const { sql } = messages;
  const input = await openWal(paths, options.timeline, context, files);
  const { startPosition } = options.rows;
  if (options.undo && startPosition > 0 && startPosition < input.from) {
    throw usageError(
      `the WAL begins at ${formatPosition(input.from)}, so not all from ${formatPosition(startPosition)} on can be undone`,
      "Add the segments before it, or give a later --startpos.",
    );
  }
  const exported = await openMatchingCatalog(options.catalogPath, input, context);
  const progress = (name: string): ((position: number) => void) => {
    const { size, from } = input;
    const printsLater = rendering.summary;
    const show = progressOf(name, { size, context, reporter, printsLater });
    return (position) => show(position - from);
  };
  const survey = surveyOf(options, exported.header.database_oid, gate.times);
  const atStart = await catalogAtStart(exported, input, survey, {
    catalogPath: options.catalogPath,
    keepGoing: options.keepGoing,
    stop: context.stop,
    progress: progress("catalogue"),
    undoes: options.undo,
  });
  const types = new TypeRegistry("stored");
  if (sql !== undefined) sql.script.isOfWal = true;
  const sink = sinkOf(context.stdout.stream);
  const stream = await messages.stream({
    types,
    sink,
    database: exported.header.database,
    // Which transactions --since and --until want the decoder knows: a later one may have committed earlier.
    gate: { ...gate, since: undefined, until: undefined },
  });
  const { decoder, catalog } = await createDecoder(atStart, input, {
    context,
    files,
    registry: types,
    pipeline: stream.pipeline,
    survey,
    options: options.rows,
    times: gate.times,
    asked: {
      kinds: filter.acceptsKind,
      tables: tableMatcher(filter.tables) ?? (() => true),
      statements: sql !== undefined,
    },
    // At wal_level=replica a TRUNCATE is nothing else.
    sql: sql !== undefined,
  });
  warnOfUnknownTypes(catalog, reporter);
  if (sql !== undefined) sql.isLost = () => concernsTables(decoder.losses.current, filter.tables);
  const listener = new RowListener(decoder, stream.pipeline, reporter, {
    endPosition: Math.min(options.endPosition ?? Infinity, survey?.lastEnd ?? Infinity),
    readsOn: options.undo,
    stop: context.stop,
    progress: progress("rows"),
  });
  return { messages, input, exported, survey, stream, sink, decoder, catalog, listener };
}

/** Says what is missing, prints an undo, and decides on the exit status. */
async function conclude(
  { messages, exported, survey, stream, sink, decoder, catalog, listener }: Opened,
  end: LogEnd | WalctlError,
  { asked: { filter, gate }, context, options, reporter }: Job,
): Promise<ExitCode> {
  const { sql } = messages;
  // Where WAL is missing, the warning of it says so.
  const needsAll = options.undo && !listener.damaged;
  const faults = breaksOf(catalog, decoder.losses, needsAll);
  const { warnings: notRebuilt, fatal } = lossWarnings(
    decoder,
    filter.tables,
    faults.length > 0,
    exported,
  );
  // A transaction that changed such a table before or after is whole.
  const unlogged =
    gate.xids === undefined
      ? unloggedWarnings(catalog, filter.tables, decoder.state.firstWanted, listener.printedTo)
      : [];
  const lost = [...notRebuilt, ...unlogged];
  const emptied = truncatedWarnings(decoder.losses);
  const why = (xid: number): Warning =>
    whyNothing(xid, survey?.fates.get(xid), options.rows, lost.length > 0);
  const ofOutput = stream.rendering.warnings?.() ?? [];
  const all = [...unconvertedNames(catalog), ...ofOutput, ...emptied, ...lost];
  // What a signal left unread may have it.
  const unmet = context.stop.aborted ? [] : messages.unmet(why);
  for (const warning of [...unmet, ...all]) reporter.warn(warning);
  const status = report(end, listener.damaged, reporter, options.undo);
  for (const { message, hint } of faults) reporter.fault(message, hint);
  const damaged = fatal || faults.length > 0 ? ExitCode.malformedInput : status;
  const whole = damaged === ExitCode.done && lost.length === 0;
  const isOlder = exported.header.lsn < listener.position;
  // Behind a break it is not known what tables are: then not all was read.
  if (catalog.broken === undefined) {
    sql?.refuseAltered((oid, first) => {
      const { position } = listener;
      const table = isOlder ? tableAt(catalog, oid, position) : exportedTable(exported, oid);
      const altered = catalog.alteredSince(oid, position, first);
      return table && { ...table, altered: altered && ALTERED[altered] };
    });
  }
  if (sql !== undefined && listener.hasAllRows && lost.length + faults.length === 0)
    sql.unread = "What is missing lies behind the changes: tables may have been altered there.";
  const ended = await sql?.end(whole, ExitCode.malformedInput, sink, reporter);
  return damaged === ExitCode.done ? (ended ?? damaged) : damaged;
}

/** @throws WalctlError, a usage error, where the catalogue is of another system or time than the WAL */
async function openMatchingCatalog(
  path: string,
  input: WalInput,
  context: CommandContext,
): Promise<CatalogFile> {
  const catalog = await openCatalog(path, context);
  refuseOtherSystem(catalog, input.header, path);
  const isOwn = catalog.header.timeline === input.timeline;
  const timeline = isOwn ? input.timeline : await input.lastTimeline();
  refuseOtherTimeline(catalog, { ...input, timeline }, path);
  refuseGap(catalog, input, path);
  return catalog;
}

async function readRows(
  { input, listener }: Opened,
  { context, options }: Job,
): Promise<LogEnd | WalctlError> {
  const source = await input.open();
  const { keepGoing } = options;
  const logged = new WithoutMinimalLevel(listener, input.from);
  const heard = keepGoing ? logged : listener;
  try {
    const reader = new RecordReader({ messages: options.rows.messages });
    const log = { source, listener: heard, keepGoing, stop: context.stop };
    const end = await readLog(log, reader);
    logged.finish();
    return end;
  } catch (error) {
    // What was decoded before it is still to be written, and what was left out to be told.
    if (error instanceof WalctlError && error.exitCode !== ExitCode.failed) return error;
    throw error;
  }
}

function report(
  end: LogEnd | WalctlError,
  damaged: boolean,
  reporter: Reporter,
  undoes: boolean,
): ExitCode {
  if (!(end instanceof WalctlError)) return reportEnd(end, damaged, reporter, undoes);
  reporter.fault(end.message, undoes ? cureOfDamage(true) : (end.hint ?? ""));
  return end.exitCode;
}
