import { setImmediate } from "node:timers/promises";
import type {
  CaptureListener,
  CaptureReader,
  SkippedRange,
  Work,
} from "../../capture/formats/capture-reader.ts";
import { InputError } from "../../capture/formats/input-error.ts";
import { NotACapture } from "../../capture/sniffing-reader.ts";
import { DecodeError, ExitCode, WalctlError } from "../../errors.ts";
import type { RowPrinter } from "../../postgres/messages/messages.ts";
import { streamAbort } from "../../postgres/messages/streams.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { shellQuote } from "../../server/target/target.ts";
import { applyMetadata, forgetTypes, streamNote } from "./capture-metadata.ts";
import type { TransactionGate } from "../../messages/gate/gate.ts";
import type { Pipeline } from "../../messages/pipeline/pipeline.ts";
import type { Reporter } from "../../program/reporter.ts";
import { cureOfDamage } from "../wal-end.ts";

/** Short enough to answer a signal within a second. */
const PAUSE_INTERVAL_MS = 50;

/** Limit of faults reported for one capture: garbage may have one every few bytes. */
const FAULTS_MAX = 100;
/** Limit of ranges on one line. */
const RANGES_MAX = 50;

/** From so many bytes on, rows are worth the start of the kernel. */
const KERNEL_BYTES_MIN = 1 << 18;

interface CaptureRun {
  /** For messages to the user. */
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly createReader: (listener: CaptureListener) => CaptureReader;
  readonly pipeline: Pipeline;
  /** Prints rows that need not be messages. Undefined: all have to be. */
  readonly rows: (() => Promise<RowPrinter | undefined>) | undefined;
  /** May end the run. */
  readonly gate: TransactionGate | undefined;
  readonly types: TypeRegistry;
  readonly reporter: Reporter;
  readonly stop: AbortSignal;
  /** --undo */
  readonly undoes: boolean;
  /** Called with the number of bytes decoded and written so far. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Decodes one capture to its end, to damage or to a signal. Each chunk is one batch and one write.
 * @throws WalctlError for a fault of the capture, after everything before it has been written
 */
export async function decodeCapture(run: CaptureRun): Promise<ExitCode> {
  let status: ExitCode = ExitCode.done;
  const ranges = new SkippedRanges(run);
  const continued = new Set<number>();
  let rows: RowPrinter | undefined;
  let rowsAsked = false;
  const reader = run.createReader({
    get rows() {
      return rows;
    },
    message: (message) => {
      const later = message.kind === "stream_start" && continued.delete(message.transaction.xid);
      run.pipeline.message(later ? { ...message, firstSegment: false } : message);
    },
    metadata: (json) => {
      applyMetadata(json, run.types);
      const note = streamNote(json);
      if (note === undefined) return;
      if ("stream_continues" in note) return void continued.add(note.stream_continues);
      for (const { xid, subxid } of note.rolled_back) {
        run.pipeline.message(streamAbort(xid, subxid));
      }
    },
    lost: (...piece) => forgetTypes(run.types, ...piece),
    skipped: (range) => {
      status = ExitCode.malformedInput;
      ranges.add(range);
      run.pipeline.skipped();
    },
  });
  let bytes = 0;
  try {
    for await (const chunk of run.chunks) {
      if (run.stop.aborted) return status;
      if (!rowsAsked && bytes + chunk.length >= KERNEL_BYTES_MIN) {
        rowsAsked = true;
        rows = await run.rows?.();
      }
      await doWithPauses(reader.push(chunk), run);
      await run.pipeline.flush();
      if (run.gate?.ended === true) return status;
      bytes += chunk.length;
      run.onProgress(bytes);
    }
    // An empty capture is valid in every format: nothing happened, or it is the wrong file.
    if (run.stop.aborted) return status;
    if (bytes > 0) await doWithPauses(reader.end(), run);
    else run.reporter.warn({ message: `${run.name} is empty: there is nothing to decode` });
  } catch (error) {
    // Write what was decoded before the damage, or before a message that the format cannot express.
    if (error instanceof DecodeError || error instanceof WalctlError) await run.pipeline.flush();
    if (error instanceof DecodeError && run.gate?.ended === true) return status;
    throw captureError(run.name, error, run.undoes);
  } finally {
    ranges.end();
  }
  await run.pipeline.flush();
  return status;
}

/** Pauses so that signals are handled and decoded messages are written even while a damaged chunk takes long. */
async function doWithPauses(work: Work, { pipeline, stop }: CaptureRun): Promise<void> {
  let pausedAt = performance.now();
  while (work.next().done !== true) {
    if (performance.now() - pausedAt < PAUSE_INTERVAL_MS) continue;
    await pipeline.flush();
    await setImmediate();
    if (stop.aborted) return;
    pausedAt = performance.now();
  }
}

/** Reports what was skipped: for the first ranges also why, for the others only where they are, many to a line. */
class SkippedRanges {
  readonly #run: CaptureRun;
  #count = 0;
  #more: string[] = [];

  constructor(run: CaptureRun) {
    this.#run = run;
  }

  add({ start, end, fault }: SkippedRange): void {
    this.#count++;
    const { name, reporter } = this.#run;
    const range = rangeText(start, end);
    if (this.#count <= FAULTS_MAX) {
      const skipped = range === undefined ? "" : `; skipped ${range}`;
      reporter.warn({ message: `${faultText(name, fault)}${skipped}` });
    } else if (range !== undefined && this.#more.push(range) === RANGES_MAX) {
      this.end();
    }
  }

  end(): void {
    if (this.#more.length === 0) return;
    const { name, reporter } = this.#run;
    reporter.warn({ message: `${name}: skipped ${this.#more.join(", ")} too` });
    this.#more = [];
  }
}

/** Undefined if only the capture's end is missing. */
function rangeText(start: number, end: number): string | undefined {
  if (start === end) return undefined;
  return end - start === 1 ? `byte ${start}` : `bytes ${start} to ${end - 1}`;
}

/** `capture.bin: byte 1048576: Insert: 31 bytes missing (truncated capture)` */
function faultText(name: string, fault: DecodeError): string {
  const truncated = fault.missing > 0 ? " (truncated capture)" : "";
  return `${name}: byte ${fault.offset}: ${fault.message}${truncated}`;
}

function captureError(name: string, error: unknown, undoes: boolean): unknown {
  const exitCode = ExitCode.malformedInput;
  if (error instanceof DecodeError) {
    const hint = error.missing > 0 ? undefined : cureOfDamage(undoes);
    return new InputError(faultText(name, error), { hint, exitCode, cause: error });
  }
  if (error instanceof NotACapture) {
    const { what, hint, wal } = error.foreign;
    if (wal === true) return catalogMissing(name, error);
    return new InputError(`${name}: ${what}`, {
      hint: name === "standard input" ? hint : hint.replaceAll("FILE", shellQuote(name)),
      exitCode,
      cause: error,
    });
  }
  return error;
}

/** Of a segment without --catalog. */
export function catalogMissing(name: string, cause?: unknown): InputError {
  const file = name === "standard input" ? "-" : shellQuote(name);
  return new InputError(`${name} is physical WAL: row changes need the catalogue of its database`, {
    hint: `Make it with: walctl catalog -d NAME > shop.catalog. Then: walctl decode-file --catalog shop.catalog ${file}. The records alone: walctl inspect ${file}`,
    exitCode: ExitCode.usage,
    cause,
  });
}
