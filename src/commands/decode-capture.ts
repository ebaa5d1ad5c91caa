import type { CaptureListener, CaptureReader } from "../capture/capture-reader.ts";
import { InputError } from "../capture/input-error.ts";
import { NotACapture } from "../capture/sniffing-reader.ts";
import { DecodeError, ExitCode, WalctlError } from "../errors.ts";
import type { TypeRegistry } from "../pgoutput/type-registry.ts";
import { applyMetadata } from "./capture-metadata.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Reporter } from "./reporter.ts";

interface CaptureRun {
  /** For messages to the user. */
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly createReader: (listener: CaptureListener) => CaptureReader;
  readonly pipeline: Pipeline;
  readonly types: TypeRegistry;
  readonly reporter: Reporter;
  readonly stop: AbortSignal;
  /** Told of the bytes decoded and written. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Decodes one capture to its end, to damage or to a signal: a chunk is one batch and one write.
 * @throws WalctlError with what is wrong with the capture, after all before it has been written
 */
export async function decodeCapture(run: CaptureRun): Promise<ExitCode> {
  let status: ExitCode = ExitCode.done;
  const reader = run.createReader({
    message: (message) => run.pipeline.message(message),
    metadata: (json) => applyMetadata(json, run.types),
    skipped: ({ start, end, fault }) => {
      status = ExitCode.malformedInput;
      const range = skippedText(start, end);
      run.reporter.warn({ message: `${faultText(run.name, fault)}${range}` });
    },
  });
  let bytes = 0;
  try {
    for await (const chunk of run.chunks) {
      if (run.stop.aborted) return status;
      reader.push(chunk);
      await run.pipeline.flush();
      bytes += chunk.length;
      run.onProgress(bytes);
    }
    // An empty capture is one in which nothing happened, in every format; or the wrong file.
    if (run.stop.aborted) return status;
    if (bytes > 0) reader.end();
    else run.reporter.warn({ message: `${run.name} is empty: there is nothing to decode` });
  } catch (error) {
    // What was decoded before the damage, or before what the format has no form for, is still to be written.
    if (error instanceof DecodeError || error instanceof WalctlError) await run.pipeline.flush();
    throw captureError(run.name, error);
  }
  await run.pipeline.flush();
  return status;
}

/** Empty where nothing but the end itself is missing. */
function skippedText(start: number, end: number): string {
  if (start === end) return "";
  return end - start === 1 ? `; skipped byte ${start}` : `; skipped bytes ${start} to ${end - 1}`;
}

/** `capture.bin: byte 1048576: Insert: 31 bytes missing (truncated capture)` */
function faultText(name: string, fault: DecodeError): string {
  const truncated = fault.missing > 0 ? " (truncated capture)" : "";
  return `${name}: byte ${fault.offset}: ${fault.message}${truncated}`;
}

function captureError(name: string, error: unknown): unknown {
  const exitCode = ExitCode.malformedInput;
  if (error instanceof DecodeError) {
    const hint = error.missing > 0 ? undefined : "To go on after the damage: --keep-going.";
    return new InputError(faultText(name, error), { hint, exitCode, cause: error });
  }
  if (error instanceof NotACapture) {
    const { what, hint } = error.foreign;
    const file = /^[\w./+-]+$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
    return new InputError(`${name}: ${what}`, {
      hint: hint.replaceAll("FILE", file),
      exitCode,
      cause: error,
    });
  }
  return error;
}
