import { type Stats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { InputError } from "./formats/input-error.ts";

const CHUNK_BYTES = 1024 * 1024;
const STANDARD_INPUT = 0;

/** A capture that is open. */
export interface CaptureSource {
  /** Undefined where there is none: of a pipe. */
  readonly size: number | undefined;
  /** A chunk's bytes are overwritten when the next one is asked for. Throws InputError. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What the errors mean that a file can give when it is read. */
const ERRNO_TEXTS = new Map<string, string>([
  ["ENOENT", "no such file"],
  ["ENOTDIR", "no such file"],
  ["EACCES", "permission denied"],
  ["EPERM", "permission denied"],
  ["EISDIR", "it is a directory"],
  ["EIO", "input/output error"],
  ["ELOOP", "too many symbolic links"],
  ["EMFILE", "too many open files"],
]);

/**
 * @param stop ends what waits for a writer
 * @throws InputError when it cannot be read
 */
export async function openCapture(
  path: string,
  stdin: Readable,
  stop: AbortSignal,
): Promise<CaptureSource> {
  let file: FileHandle | undefined;
  try {
    const stats = await stat(path);
    const stream = stats.isSocket() && isStandardInput(stats) ? stdin : await streamOf(path, stats);
    if (stream !== undefined) return sourceOf(path, stream, stop);
    file = await open(path, "r");
    if (stats.isDirectory()) throw Object.assign(new Error("directory"), { code: "EISDIR" });
    const size = stats.isFile() ? stats.size : undefined;
    return { size, chunks: size === undefined ? chunksOf(path, file) : chunksOfFile(path, file) };
  } catch (error) {
    await file?.close();
    throw readError(path, error);
  }
}

/** A FIFO or a terminal: a thread that reads one waits for its writer, and the process for that thread. */
async function streamOf(path: string, stats: Stats): Promise<Readable | undefined> {
  if (!stats.isFIFO() && !stats.isCharacterDevice()) return undefined;
  // Loaded only then: a plain file needs neither.
  const [{ Socket }, { ReadStream, isatty }] = await Promise.all([
    import("node:net"),
    import("node:tty"),
  ]);
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (stats.isFIFO()) return new Socket({ fd, readable: true, writable: false });
  if (isatty(fd)) return new ReadStream(fd);
  closeSync(fd);
  return undefined;
}

/** By its name (/dev/stdin), which opens no socket. */
function isStandardInput({ ino, dev }: Stats): boolean {
  const stats = fstatSync(STANDARD_INPUT);
  return stats.ino === ino && stats.dev === dev;
}

/** What may have nothing to give for hours. A signal ends it. */
export function sourceOf(name: string, stream: Readable, stop: AbortSignal): CaptureSource {
  return { size: undefined, chunks: chunksOfStream(name, stream, stop) };
}

async function* chunksOfStream(
  name: string,
  stream: Readable,
  stop: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const end = (): void => void stream.destroy();
  if (stop.aborted) end();
  stop.addEventListener("abort", end);
  try {
    for await (const chunk of stream) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
  } catch (error) {
    if (!stop.aborted) throw readError(name, error);
  } finally {
    stop.removeEventListener("abort", end);
  }
}

/** Of a device. */
async function* chunksOf(path: string, file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}

/**
 * Of a file, which gives at once what is asked for. To have another thread read ahead costs more than the read:
 * each time that thread and this one have to wake.
 */
async function* chunksOfFile(
  path: string,
  file: FileHandle,
): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  try {
    for (;;) {
      const bytesRead = readSync(file.fd, buffer);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      // Signals and timers get their turn, which without a pause they would not.
      await setImmediate();
    }
  } catch (error) {
    throw readError(path, error);
  } finally {
    await file.close();
  }
}

export function readError(path: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "unknown error";
  return new InputError(`could not read "${path}": ${ERRNO_TEXTS.get(code) ?? code}`, {
    cause: error,
  });
}

/** Whether that error of a read says that there is no such file. */
export function isGone(error: unknown): boolean {
  const cause = error instanceof InputError ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}
