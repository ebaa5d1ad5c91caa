import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  read,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { sourceOf } from "../capture/source.ts";
import { WalctlError } from "../errors.ts";
import type { Spill } from "../rows/transactions/change-log.ts";

/** A copy of standard input is read in such pieces. */
const PIECE_BYTES = 256 * 1024;

/**
 * Changes that memory has no room for, and standard input where it is read twice: files without a name, which are gone with the
 * process however it ends.
 */
export class TemporaryFiles implements Spill {
  readonly #open: number[] = [];
  #spill: number | undefined;
  #end = 0;

  write(bytes: Uint8Array): number {
    const at = this.#end;
    this.#do("write", () => {
      writeAll((this.#spill ??= this.#create()), bytes, at);
    });
    this.#end = at + bytes.length;
    return at;
  }

  read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#do("read", () => {
      for (let done = 0; done < length;) {
        const count = readSync(this.#spill ?? -1, bytes, done, length - done, at + done);
        if (count === 0) throw new Error("it was cut");
        done += count;
      }
    });
    return bytes;
  }

  clear(): void {
    this.#end = 0;
    if (this.#spill !== undefined) ftruncateSync(this.#spill, 0);
  }

  /**
   * All that standard input holds, to be read as often as wanted.
   * @throws `stop`'s reason if a signal cuts it
   */
  async copyOf(stdin: Readable, stop: AbortSignal): Promise<() => Readable> {
    const fd = this.#do("write", () => this.#create());
    let end = 0;
    for await (const chunk of sourceOf("standard input", stdin, stop).chunks) {
      this.#do("write", () => writeAll(fd, chunk, end));
      end += chunk.length;
    }
    stop.throwIfAborted();
    return () => Readable.from(piecesOf(fd), { objectMode: false });
  }

  close(): void {
    for (const file of this.#open.splice(0)) closeSync(file);
    this.#spill = undefined;
  }

  #create(): number {
    const folder = mkdtempSync(join(tmpdir(), "walctl-"));
    try {
      const file = openSync(join(folder, "temporary"), "w+", 0o600);
      this.#open.push(file);
      return file;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  #do<Result>(what: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw failed(what, error);
    }
  }
}

function writeAll(file: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(file, bytes, done, bytes.length - done, at + done);
  }
}

/** A stream of node:fs would close the file when a signal destroys it. */
async function* piecesOf(file: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; ;) {
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    const { bytesRead } = await promisify(read)(file, piece, 0, PIECE_BYTES, at);
    if (bytesRead === 0) return;
    at += bytesRead;
    yield piece.subarray(0, bytesRead);
  }
}

function failed(what: string, error: unknown): WalctlError {
  const { message } = error as Error;
  return new WalctlError(`could not ${what} a temporary file in "${tmpdir()}": ${message}`, {
    hint: "Set TMPDIR to a folder with more room.",
    cause: error,
  });
}
