import { readdir } from "node:fs/promises";
import { peekCompression, uncompressed } from "../../capture/compressed.ts";
import type { CaptureFormat, CaptureListener } from "../../capture/formats/capture-reader.ts";
import { InputError } from "../../capture/formats/input-error.ts";
import { Carried } from "../../capture/ndjson/carried.ts";
import { createCaptureReader } from "../../capture/readers.ts";
import { SniffingReader } from "../../capture/sniffing-reader.ts";
import { openCapture, sourceOf } from "../../capture/source.ts";
import { ExitCode, usageError } from "../../errors.ts";
import { type Asked, type AskedFlags, askedOf } from "../../messages/run/asked.ts";
import { progressOf } from "../../messages/run/progress.ts";
import { MessageRun, endOfSignal } from "../../messages/run/run.ts";
import { fileStatePath } from "../../output/file/file-state.ts";
import { type NamedFile, requireDifferentFiles } from "../../output/file/same-file.ts";
import { ReaderGone, type Sink, sinkOf } from "../../output/sink.ts";
import { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { CommandContext } from "../../program/context.ts";
import { outputOptions } from "../../program/options.ts";
import { Reporter, type Warning } from "../../program/reporter.ts";
import { inputInterrupted, untilInputEnds } from "../../program/stop-grace.ts";
import { renderError } from "../../render/reports/diagnostics.ts";
import { catalogMissing, decodeCapture } from "./decode-capture.ts";
import { type WalFlags, refuseWalFlags } from "./wal-flags.ts";

const STANDARD_INPUT = "-";

export interface DecodeFileFlags extends AskedFlags, WalFlags {
  readonly input: "auto" | "wal" | CaptureFormat;
  readonly keepGoing?: boolean;
}

interface Job {
  readonly input: "auto" | CaptureFormat;
  readonly keepGoing: boolean;
  readonly carried: Carried;
  readonly asked: Asked;
  readonly messages: MessageRun;
  readonly sink: Sink;
  readonly reporter: Reporter;
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
  const { catalog, input } = flags;
  if (catalog !== undefined && input !== "auto" && input !== "wal")
    throw usageError(`--catalog is for physical WAL, and --input says ${input}`);
  if (catalog === undefined) {
    if (input === "wal") throw catalogMissing(inputs[0] ?? "");
    refuseWalFlags(flags);
  }
  const asked = askedOf(flags, outputOptions(flags, context));
  const late = endOfSignal(asked, ExitCode.malformedInput, inputInterrupted);
  const decoding =
    catalog === undefined && input !== "wal"
      ? decodeCaptures(inputs, input, flags.keepGoing ?? false, asked, context, late)
      : (await import("./decode-wal.ts")).decodeWal(inputs, flags, asked, context);
  return await untilInputEnds(decoding, context.stop, late);
}

async function decodeCaptures(
  files: readonly string[],
  input: Job["input"],
  keepGoing: boolean,
  asked: Asked,
  context: CommandContext,
  late: Job["late"],
): Promise<ExitCode> {
  const reporter = new Reporter(context, asked.rendering.output);
  const messages = await MessageRun.open(asked, context, reporter);
  const sink = sinkOf(context.stdout.stream);
  const job: Job = {
    input,
    keepGoing,
    carried: new Carried(),
    asked,
    messages,
    sink,
    reporter,
    context,
    late,
  };
  try {
    const status = await decodeAll(files, job);
    await messages.finish(sink);
    const all = messages.summary?.warnings?.() ?? [];
    // What a signal left unread may have it.
    const isCut = context.stop.aborted;
    for (const warning of isCut ? all : [...messages.unmet(), ...all]) reporter.warn(warning);
    return (await endSql(job, status)) ?? status;
  } catch (error) {
    if (error instanceof ReaderGone) return ExitCode.done;
    throw error;
  } finally {
    reporter.clearProgress();
    messages.sql?.close();
  }
}

/** Undefined: with another format. */
async function endSql(
  { context, late, messages: { sql }, reporter, sink }: Job,
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
function warnOfLines(file: string, { carried, messages: { sql }, reporter }: Job): void {
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
  if (sql === undefined)
    for (const what of carried.untold)
      reporter.warn({
        message: `values of ${what} are left out: lines do not have the types of their fields`,
        hint: "Captures and WAL have them.",
      });
  carried.vague.clear();
  carried.untold.clear();
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
  const { asked, carried, context, input, keepGoing, messages, reporter, sink } = job;
  const standardInput = file === STANDARD_INPUT;
  const name = standardInput ? "standard input" : file;
  if (!standardInput && (await holdsSegments(file))) throw catalogMissing(file);
  const source = standardInput
    ? sourceOf(name, context.stdin, context.stop)
    : await openCapture(file, context.stdin, context.stop);
  const { compression, chunks } = await peekCompression(source.chunks);
  // Each capture has its own decoder and types: the next may come from another server.
  const types = new TypeRegistry();
  const warn = (warning: Warning): void =>
    reporter.warn({ ...warning, message: `${name}: ${warning.message}` });
  const stream = await messages.stream({ types, sink, warn });
  const { gate, pipeline } = stream;
  const { rowsBy } = stream.rendering;
  // The consumers of these take what they get for all of it.
  const exact = asked.rendering.output.dialect !== "walctl";
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
    types,
    gate,
    reporter,
    stop: context.stop,
    undoes: messages.sql?.script.backwards !== undefined,
    onProgress: progressOf(name, {
      context,
      reporter,
      printsLater: messages.summary !== undefined,
      size: compression === undefined ? source.size : undefined,
    }),
  });
  try {
    const status = await decoding;
    if (gate?.uncommitted === true) reporter.warn(uncommittedWarning(name));
    return status;
  } finally {
    // Also after damage: the counts up to there are printed.
    await messages.finishStream(stream, sink);
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
