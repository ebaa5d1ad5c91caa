import { type Stats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { InputError } from "./formats/input-error.ts";

const CHUNK_BYTES = 1024 * 1024;
/**
 * malloc() puts large memory 16 bytes behind the start of a page. A page of a file is copied there three to four times
 * more slowly than to most other places: each load then waits for a store that has the same low twelve bits.
 */
const AWAY_FROM_PAGE_BYTES = 64;
const STANDARD_INPUT = 0;

/** An open capture. */
export interface CaptureSource {
  /** Undefined if the size is not known, as for a pipe. */
  readonly size: number | undefined;
  /** A chunk's bytes are overwritten when the next one is requested. Throws InputError. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** The meaning of the errors that opening or reading a file can give. */
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
 * @param stop ends the wait for a writer
 * @throws InputError when the file cannot be read
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

/**
 * Opens a FIFO or a terminal as a stream. fs would read it on a thread that blocks until a writer comes, and the
 * process could not exit before that.
 */
async function streamOf(path: string, stats: Stats): Promise<Readable | undefined> {
  if (!stats.isFIFO() && !stats.isCharacterDevice()) return undefined;
  // Loaded only here: a plain file needs neither module.
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

/** Whether the socket is our standard input: opening a socket by its name (/dev/stdin) fails. */
function isStandardInput({ ino, dev }: Stats): boolean {
  const stats = fstatSync(STANDARD_INPUT);
  return stats.ino === ino && stats.dev === dev;
}

/** The capture behind a stream, which may deliver nothing for hours. A signal ends it. */
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

/** Reads a device. */
async function* chunksOf(path: string, file: FileHandle): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(AWAY_FROM_PAGE_BYTES + CHUNK_BYTES).subarray(AWAY_FROM_PAGE_BYTES);
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
 * Reads a file. Its reads return at once, so they are synchronous: reading ahead on another thread costs more than the
 * read, since both threads have to wake each time.
 */
async function* chunksOfFile(
  path: string,
  file: FileHandle,
): AsyncGenerator<Uint8Array, void, void> {
  const buffer = new Uint8Array(AWAY_FROM_PAGE_BYTES + CHUNK_BYTES).subarray(AWAY_FROM_PAGE_BYTES);
  try {
    for (;;) {
      const bytesRead = readSync(file.fd, buffer);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      // Lets signals and timers run.
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
  // Node.js decodes arguments, so that the file's own name is lost.
  const isForeign = code === "ENOENT" && path.includes("\ufffd");
  return new InputError(`could not read "${path}": ${ERRNO_TEXTS.get(code) ?? code}`, {
    cause: error,
    hint: isForeign
      ? "The name seems not to be UTF-8, which walctl cannot open: give the file as standard input, - < FILE"
      : undefined,
  });
}

/** Whether this read error means that the file does not exist. */
export function isGone(error: unknown): boolean {
  const cause = error instanceof InputError ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
}
