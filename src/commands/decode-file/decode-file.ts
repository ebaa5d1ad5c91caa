import { readdir } from "node:fs/promises";
import type { CaptureFormat, CaptureListener } from "../../capture/formats/capture-reader.ts";
import { Carried } from "../../capture/ndjson/carried.ts";
import { InputError } from "../../capture/formats/input-error.ts";
import { createCaptureReader } from "../../capture/readers.ts";
import { SniffingReader } from "../../capture/sniffing-reader.ts";
import { peekCompression, uncompressed } from "../../capture/compressed.ts";
import { openCapture, sourceOf } from "../../capture/source.ts";
import { ExitCode, usageError } from "../../errors.ts";
import { fileStatePath } from "../../output/file/file-state.ts";
import { type NamedFile, requireDifferentFiles } from "../../output/file/same-file.ts";
import { ReaderGone, type Sink, sinkOf } from "../../output/sink.ts";
import { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { renderError } from "../../render/reports/diagnostics.ts";
import { AskedNames } from "../messages/asked-names.ts";
import type { AskedRows } from "../messages/asked-rows.ts";
import type { CommandContext } from "../context.ts";
import { catalogMissing, decodeCapture } from "./decode-capture.ts";
import { type FilterFlags, createFilter } from "../messages/filter.ts";
import {
  type GateFlags,
  type GateOptions,
  TransactionGate,
  gateOptions,
} from "../messages/gate.ts";
import { type OutputFlags, outputOptions } from "../options.ts";
import { endOfSignal, openSql } from "../messages/open-sql.ts";
import { Pipeline } from "../messages/pipeline.ts";
import { progressOf } from "../messages/progress-text.ts";
import {
  type RendererFlags,
  type RendererOptions,
  type Rendering,
  createRenderer,
  rendererOptions,
  writeRest,
} from "../messages/renderer.ts";
import { Reporter, type Warning } from "../reporter.ts";
import type { SqlRun } from "../messages/sql.ts";
import type { Where } from "../messages/where.ts";
import { openWhere } from "../messages/open-where.ts";
import { askedColumns } from "../messages/table-flags.ts";
import { inputInterrupted, untilInputEnds } from "../stop-grace.ts";
import { type WalFlags, refuseWalFlags } from "./wal-flags.ts";

const STANDARD_INPUT = "-";

export interface DecodeFileFlags
  extends OutputFlags, FilterFlags, GateFlags, RendererFlags, WalFlags {
  readonly input: "auto" | "wal" | CaptureFormat;
  readonly keepGoing?: boolean;
}

interface Job {
  readonly input: "auto" | CaptureFormat;
  readonly keepGoing: boolean;
  readonly carried: Carried;
  readonly rendering: RendererOptions;
  /** Shared by all captures. */
  readonly names: AskedNames;
  readonly rows: AskedRows | undefined;
  readonly where: Where | undefined;
  readonly gate: GateOptions;
  readonly sink: Sink;
  readonly reporter: Reporter;
  /** One summary for all captures. Undefined if each is printed by itself. */
  readonly summary: Rendering | undefined;
  /** One script. */
  readonly sql: SqlRun | undefined;
  readonly context: CommandContext;
  /** How a run ends that a signal has cut. */
  readonly late: () => ExitCode;
}

/**
 * Decodes captures one after the other. Like cat, it continues with the next one if one cannot be read or is damaged;
 * the exit status is then that of the worst.
 */
export async function decodeFile(
  files: readonly string[],
  flags: DecodeFileFlags,
  context: CommandContext,
): Promise<ExitCode> {
  // The shell's FILE* has FILE.walctl too, which tail writes beside FILE.
  const inputs = files.filter((file) => !files.some((other) => file === fileStatePath(other)));
  for (const file of inputs) {
    const input: NamedFile = file === STANDARD_INPUT ? ["standard input", 0] : [`"${file}"`, file];
    requireDifferentFiles([input, ["standard output", 1]]);
  }
  const { catalog, input, keepGoing = false } = flags;
  const late = endOfSignal(flags, ExitCode.malformedInput, inputInterrupted);
  if (catalog !== undefined) {
    if (input !== "auto" && input !== "wal") {
      throw usageError(`--catalog is for physical WAL, and --input says ${input}`);
    }
    const { decodeWal } = await import("./decode-wal.ts");
    const decoding = decodeWal(inputs, catalog, flags, context);
    return await untilInputEnds(decoding, context.stop, late);
  }
  const [first = ""] = inputs;
  if (input === "wal") throw catalogMissing(first);
  refuseWalFlags(flags);
  const output = outputOptions(flags, context);
  const filter = createFilter(flags);
  const names = new AskedNames(askedColumns(flags), filter);
  const rendering = rendererOptions(flags, output);
  const reporter = new Reporter(context, output);
  const gate = gateOptions(flags);
  if (gate.taken !== undefined) reporter.notice(gate.taken);
  const job: Job = {
    ...{ input, keepGoing, rendering, names, gate, rows: filter.rows, carried: new Carried() },
    where: await openWhere(flags.where, filter),
    sink: sinkOf(context.stdout.stream),
    reporter,
    summary: rendering.summary
      ? await createRenderer(rendering, new TypeRegistry(), context)
      : undefined,
    sql: await openSql(rendering, filter.tables, reporter),
    ...{ context, late },
  };
  return await untilInputEnds(decodeAndSum(inputs, job), context.stop, late);
}

async function decodeAndSum(files: readonly string[], job: Job): Promise<ExitCode> {
  try {
    const status = await decodeAll(files, job);
    if (job.summary !== undefined) await job.sink.write(job.summary.finish());
    const unmet = [
      ...[...job.names.warnings(), ...(job.rows?.warnings() ?? [])],
      ...(job.where?.warnings() ?? []),
      ...[...(job.gate.xids?.warnings() ?? []), ...(job.gate.times?.warnings() ?? [])],
    ];
    const all = job.summary?.warnings?.() ?? [];
    // What a signal left unread may have it.
    const isCut = job.context.stop.aborted;
    for (const warning of isCut ? all : [...unmet, ...all]) job.reporter.warn(warning);
    return (await endSql(job, status)) ?? status;
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  } finally {
    job.reporter.clearProgress();
    job.sql?.close();
  }
}

/** Undefined: with another format. */
async function endSql(
  { context, late, reporter, sink, sql }: Job,
  status: ExitCode,
): Promise<ExitCode | undefined> {
  if (context.stop.aborted && sql?.script.backwards !== undefined) return late();
  const whole = status === ExitCode.done;
  const end = await sql?.end(whole, ExitCode.malformedInput, sink, reporter);
  return status === ExitCode.done ? end : undefined;
}

async function decodeAll(files: readonly string[], job: Job): Promise<ExitCode> {
  let worst: ExitCode = ExitCode.done;
  for (const file of files) {
    if (job.context.stop.aborted) break;
    const status = await decodeReporting(file, job);
    warnOfLines(file, job);
    if (status > worst) worst = status;
  }
  return worst;
}

/** What is doubtful about walctl's own lines. */
function warnOfLines(file: string, { carried, reporter, sql }: Job): void {
  // SQL refuses its transactions by itself.
  if (carried.isBackwards && sql === undefined)
    reporter.warn({
      message: `${file} begins before the end of a file that was given before it: what is printed is not in the order of the log`,
      hint: "Give the files in the order in which they were written.",
    });
  carried.isBackwards = false;
  for (const what of carried.vague)
    sql?.script.caution(
      what,
      "A statement that compares or writes it may differ from the original. Captures and WAL have its values.",
    );
  carried.vague.clear();
}

/** Prints the error of one file at once and returns its exit status: other files follow. */
async function decodeReporting(file: string, job: Job): Promise<ExitCode> {
  try {
    return await decodeOne(file, job);
  } catch (error) {
    // Any other error, such as an output that cannot be written, concerns all files.
    if (!(error instanceof InputError)) throw error;
    job.reporter.clearProgress();
    const debug = job.context.env["WALCTL_DEBUG"] !== undefined;
    job.context.stderr.stream.write(renderError(error, debug));
    return error.exitCode;
  }
}

async function decodeOne(file: string, job: Job): Promise<ExitCode> {
  const { carried, input, keepGoing, context, reporter } = job;
  const standardInput = file === STANDARD_INPUT;
  const name = standardInput ? "standard input" : file;
  if (!standardInput && (await holdsSegments(file))) throw catalogMissing(file);
  const source = standardInput
    ? sourceOf(name, context.stdin, context.stop)
    : await openCapture(file, context.stdin, context.stop);
  const { compression, chunks } = await peekCompression(source.chunks);
  // Each capture has its own decoder and types: the next may come from another server.
  const types = new TypeRegistry();
  const rendering =
    job.summary ??
    job.sql?.rendering(types) ??
    (await createRenderer(job.rendering, types, context));
  const { rowsBy } = rendering;
  // The consumers of these take what they get for all of it.
  const exact = job.rendering.output.dialect !== "walctl";
  const gate = TransactionGate.of(job.gate);
  const accepts = job.rows?.after(job.names.accepts, types) ?? job.names.accepts;
  const pipeline = new Pipeline({
    typeWatch: undefined,
    capture: undefined,
    journal: undefined,
    ...{ types, gate, times: job.gate.times },
    ...(job.where?.after(accepts, types, reporter) ?? { accepts }),
    renderer: rendering.renderer,
    sink: job.sink,
    warn: (warning) => reporter.warn({ ...warning, message: `${name}: ${warning.message}` }),
  });
  const decoding = decodeCapture({
    name,
    chunks: compression === undefined ? chunks : uncompressed(name, { compression, chunks }),
    createReader: (listener: CaptureListener) =>
      input === "auto"
        ? new SniffingReader({ listener, keepGoing, exact, carried })
        : createCaptureReader(input, { listener, keepGoing, exact, carried }),
    pipeline,
    rows:
      rowsBy !== undefined && pipeline.printsAll
        ? async () => (await import("./row-kernel.ts")).kernelRows(rowsBy)
        : undefined,
    ...{ types, gate, reporter },
    stop: context.stop,
    undoes: job.sql?.script.backwards !== undefined,
    onProgress: progressOf(name, {
      ...{ context, reporter, printsLater: job.summary !== undefined },
      size: compression === undefined ? source.size : undefined,
    }),
  });
  try {
    const status = await decoding;
    if (gate?.uncommitted === true) reporter.warn(uncommittedWarning(name));
    return status;
  } finally {
    // Also after damage: the counts up to there are printed.
    if (job.summary === undefined) await writeRest(rendering, job.sink);
  }
}

function uncommittedWarning(name: string): Warning {
  return {
    message: `${name}: --since left out no transaction that was sent before it had committed`,
    detail: "Its changes come without a commit time (--streaming, --two-phase).",
  };
}

/** A directory of WAL. */
async function holdsSegments(path: string): Promise<boolean> {
  const names = await readdir(path).catch(() => []);
  if (names.length === 0) return false;
  const { segmentNameOf } = await import("../../capture/wal/segment-file.ts");
  return names.some((name) => segmentNameOf(name) !== undefined);
}
