import { setImmediate } from "node:timers/promises";
import { readLog } from "../../capture/wal/log.ts";
import type { LocatedFault, LogEnd, LogListener } from "../../capture/wal/log-parts.ts";
import { ExitCode, WalctlError, usageError } from "../../errors.ts";
import { ReaderGone, sinkOf } from "../../output/sink.ts";
import { TypeRegistry } from "../../pgoutput/type-registry.ts";
import type { RowDecoder, Work } from "../../rows/decoder/decoder.ts";
import type { SkippedRange } from "../../postgres/pages/faults.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import { RecordReader } from "../../wal/reader.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { openCatalog, refuseOtherSystem, refuseOtherTimeline } from "../catalog-file.ts";
import type { CommandContext } from "../context.ts";
import { AskedNames } from "../messages/asked-names.ts";
import { type FilterFlags, createFilter } from "../messages/filter.ts";
import { tableMatcher } from "../messages/table-patterns.ts";
import {
  type GateFlags,
  type GateOptions,
  TransactionGate,
  gateOptions,
} from "../messages/gate.ts";
import { openSql } from "../messages/open-sql.ts";
import { Pipeline } from "../messages/pipeline.ts";
import { progressOf } from "../messages/progress-text.ts";
import {
  type RendererFlags,
  createRenderer,
  rendererOptions,
  writeRest,
} from "../messages/renderer.ts";
import { askedColumns } from "../messages/table-flags.ts";
import { type OutputFlags, type OutputOptions, outputOptions, parseSize } from "../options.ts";
import { Reporter, type Warning } from "../reporter.ts";
import { cureOfDamage, reportEnd, warnSkipped } from "../wal-end.ts";
import {
  type CatalogPass,
  catalogAtStart,
  exportedTable,
  refuseGap,
  tableAt,
} from "./catalog-at-start.ts";
import { openWhere } from "../messages/open-where.ts";
import { WithoutMinimalLevel } from "./minimal-level.ts";
import { TemporaryFiles } from "../temporary-files.ts";
import { createDecoder, surveyOf } from "./wal-decoder.ts";
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
import type { WalFlags } from "./wal-flags.ts";
import { type WalOptions, walOptions } from "./wal-options.ts";

/** Short enough to answer a signal within a second. */
const PAUSE_INTERVAL_MS = 50;

const ALTERED = {
  rows: "ALTER COLUMN … TYPE rewrote its rows since",
  type: "a type of its columns was altered since",
} as const;

export interface DecodeWalFlags
  extends OutputFlags, FilterFlags, GateFlags, RendererFlags, WalFlags {
  readonly keepGoing?: boolean;
}

/** Prints the row changes of physical WAL, by the catalogue of their database. */
export async function decodeWal(
  paths: readonly string[],
  catalogPath: string,
  flags: DecodeWalFlags,
  context: CommandContext,
): Promise<ExitCode> {
  const gate = gateOptions(flags);
  const options = walOptions(flags, gate);
  const { tempFileLimit: limit } = flags;
  const files = new TemporaryFiles(
    limit === undefined ? undefined : parseSize("--temp-file-limit", limit),
    true,
  );
  const output = outputOptions(flags, context);
  const reporter = new Reporter(context, output);
  if (gate.taken !== undefined) reporter.notice(gate.taken);
  const job = { catalogPath, options, gate, flags, files, context, output, reporter };
  try {
    return await run(paths, job);
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
  readonly catalogPath: string;
  readonly options: WalOptions;
  readonly gate: GateOptions;
  readonly flags: DecodeWalFlags;
  readonly files: TemporaryFiles;
  readonly context: CommandContext;
  readonly output: OutputOptions;
  readonly reporter: Reporter;
}

interface Pass extends Job, Pick<CatalogPass, "progress"> {
  /** Where the last record starts that is needed. */
  readonly until: number;
}

async function run(paths: readonly string[], job: Job): Promise<ExitCode> {
  const { context, files, flags, options, output, reporter, gate } = job;
  const filter = createFilter(flags);
  const names = new AskedNames(askedColumns(flags), filter);
  const rendering = { ...rendererOptions(flags, output), timeline: () => listener.timeline };
  if (rendering.sql !== undefined && flags.old === "logged") {
    throw usageError(
      "--old logged is not for -F sql: at wal_level=replica no keys of changed rows are logged",
      "Leave it out: where the server logged them, these are used.",
    );
  }
  const where = await openWhere(flags.where, filter);
  const input = await openWal(paths, options.timeline, context, files);
  const { startPosition } = options.rows;
  if (flags.undo === true && startPosition > 0 && startPosition < input.from) {
    throw usageError(
      `the WAL begins at ${formatPosition(input.from)}, so not all from ${formatPosition(startPosition)} on can be undone`,
      "Add the segments before it, or give a later --startpos.",
    );
  }
  const exported = await openCatalog(job.catalogPath, context);
  refuseOtherSystem(exported, input.header, job.catalogPath);
  const isOwn = exported.header.timeline === input.timeline;
  const timeline = isOwn ? input.timeline : await input.lastTimeline();
  refuseOtherTimeline(exported, { ...input, timeline }, job.catalogPath);
  refuseGap(exported, input, job.catalogPath);
  const progress = (name: string): ((position: number) => void) => {
    const { size, from } = input;
    const printsLater = rendering.summary;
    const show = progressOf(name, { size, context, reporter, printsLater });
    return (position) => show(position - from);
  };
  const survey = surveyOf(options, exported.header.database_oid, gate.times);
  const atStart = await catalogAtStart(exported, input, survey, {
    ...{ catalogPath: job.catalogPath, keepGoing: flags.keepGoing ?? false, stop: context.stop },
    progress: progress("catalogue"),
    undoes: flags.undo === true,
  });
  const registry = new TypeRegistry("stored");
  const { database } = exported.header;
  const sql = await openSql(rendering, filter.tables, reporter, files);
  if (sql !== undefined) sql.script.isOfWal = true;
  const { renderer, finish, warnings } =
    sql?.rendering(registry) ?? (await createRenderer(rendering, registry, context, database));
  const sink = sinkOf(context.stdout.stream);
  const accepts = filter.rows?.after(names.accepts, registry) ?? names.accepts;
  const pipeline = new Pipeline({
    ...{ typeWatch: undefined, capture: undefined, journal: undefined },
    // Which transactions --since and --until want the decoder knows: a later one may have committed earlier.
    gate: TransactionGate.of({ ...gate, since: undefined, until: undefined }),
    ...{ types: registry, renderer, sink },
    ...(where?.after(accepts, registry, reporter) ?? { accepts }),
    warn: (warning) => reporter.warn(warning),
  });
  const { decoder, catalog } = await createDecoder(atStart, input, {
    ...{ context, files, registry, pipeline, survey },
    ...{ options: options.rows, times: gate.times },
    asked: {
      kinds: filter.acceptsKind,
      tables: tableMatcher(filter.tables) ?? (() => true),
    },
    // At wal_level=replica a TRUNCATE is nothing else.
    sql: sql !== undefined,
  });
  warnOfUnknownTypes(catalog, reporter);
  if (sql !== undefined) sql.isLost = () => concernsTables(decoder.losses.current, filter.tables);
  const listener = new RowListener(decoder, pipeline, reporter, {
    ...job,
    progress: progress("rows"),
    until: survey?.lastEnd ?? Infinity,
  });
  const end = await readRows(input, listener, job);
  reporter.clearProgress();
  await pipeline.flush();
  await writeRest({ renderer, live: () => undefined, finish }, sink);
  if (flags.undo === true && context.stop.aborted) throw context.stop.reason;
  // Where WAL is missing, the warning of it says so.
  const needsAll = flags.undo === true && !listener.damaged;
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
  const unmet = [
    ...[...names.warnings(), ...(filter.rows?.warnings() ?? []), ...(where?.warnings() ?? [])],
    ...[...(gate.xids?.warnings(why) ?? []), ...(gate.times?.warnings() ?? [])],
  ];
  const all = [...unconvertedNames(catalog), ...(warnings?.() ?? []), ...emptied, ...lost];
  // What a signal left unread may have it.
  for (const warning of context.stop.aborted ? all : [...unmet, ...all]) reporter.warn(warning);
  const status = report(end, listener.damaged, reporter, flags.undo === true);
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

async function readRows(
  input: WalInput,
  listener: RowListener,
  { context, flags, options }: Job,
): Promise<LogEnd | WalctlError> {
  const source = await input.open();
  const keepGoing = flags.keepGoing ?? false;
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

class RowListener implements LogListener {
  readonly #decoder: RowDecoder;
  readonly #pipeline: Pipeline;
  readonly #reporter: Reporter;
  readonly #endPosition: number;
  readonly #undoes: boolean;
  readonly #stop: AbortSignal;
  readonly #progress: Pass["progress"];
  position = 0;
  timeline = 0;
  damaged = false;
  /** What was to be printed was read without damage; what lies behind it may not be. */
  hasAllRows = false;

  constructor(decoder: RowDecoder, pipeline: Pipeline, reporter: Reporter, job: Pass) {
    this.#decoder = decoder;
    this.#pipeline = pipeline;
    this.#reporter = reporter;
    this.#endPosition = Math.min(job.options.endPosition ?? Infinity, job.until);
    this.#undoes = job.flags.undo === true;
    this.#stop = job.context.stop;
    this.#progress = job.progress;
  }

  record(record: WalRecord, version: WalVersion): boolean | Promise<boolean> {
    if (record.lsn > this.#endPosition) {
      if (!this.#undoes) return false;
      // An undo has to know which tables were altered since.
      this.#decoder.leaveRows();
      this.hasAllRows ||= !this.damaged;
    }
    this.position = record.lsn;
    this.timeline = record.timeline;
    const work = this.#decoder.record(record, version);
    return work === undefined || work.next().done === true ? true : this.#finish(work);
  }

  /** No record behind it was to be printed. */
  get printedTo(): number {
    return Math.min(this.position, this.#endPosition);
  }

  /** A transaction may be larger than memory: what was made of it is written part by part. */
  async #finish(work: Work): Promise<boolean> {
    let pausedAt = performance.now();
    do {
      await this.#pipeline.flush();
      if (performance.now() - pausedAt >= PAUSE_INTERVAL_MS) {
        await setImmediate();
        if (this.#stop.aborted) return false;
        pausedAt = performance.now();
      }
    } while (work.next().done !== true);
    return true;
  }

  skipped(range: SkippedRange, fault: LocatedFault): void {
    this.damaged = true;
    this.#decoder.skipped(range);
    this.#pipeline.skipped();
    warnSkipped(range, fault, this.#reporter);
  }

  flush(): Promise<void> | undefined {
    this.#progress(this.position);
    return this.#pipeline.flush();
  }
}
