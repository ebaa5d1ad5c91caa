import {
  closeSync,
  createReadStream,
  createWriteStream,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { WalctlError } from "../errors.ts";
import type { Spill } from "../rows/transactions/change-log.ts";

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
      const file = (this.#spill ??= this.#create());
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, bytes.length - done, at + done);
      }
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

  /** All that the stream holds, to be read as often as wanted. */
  async copyOf(stream: Readable, stop: AbortSignal): Promise<() => Readable> {
    const fd = this.#do("write", () => this.#create());
    try {
      await pipeline(stream, createWriteStream("", { fd, autoClose: false }), { signal: stop });
    } catch (error) {
      if (!stop.aborted) throw failed("write", error);
    }
    return () => createReadStream("", { fd, start: 0, autoClose: false });
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

function failed(what: string, error: unknown): WalctlError {
  const { message } = error as Error;
  return new WalctlError(`could not ${what} a temporary file in "${tmpdir()}": ${message}`, {
    hint: "Set TMPDIR to a folder with more room.",
    cause: error,
  });
}
