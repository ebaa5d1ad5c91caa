import { readSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { InputError } from "./input-error.ts";

const CHUNK_BYTES = 1024 * 1024;

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

/** @throws InputError when it cannot be read */
export async function openCapture(path: string): Promise<CaptureSource> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, "r");
    const stats = await file.stat();
    if (stats.isDirectory()) throw Object.assign(new Error("directory"), { code: "EISDIR" });
    const size = stats.isFile() ? stats.size : undefined;
    return { size, chunks: size === undefined ? chunksOf(path, file) : chunksOfFile(path, file) };
  } catch (error) {
    await file?.close();
    throw readError(path, error);
  }
}

/** Of a pipe or a device: nothing may be under way when it is closed, since that would wait for its writer. */
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
