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
import { WalctlError } from "../../errors.ts";
import type { Spill } from "../../rows/transactions/change-log.ts";

/** Changes that memory has no room for, and standard input where it is read twice. Made when first used; nobody else can read them. */
export class TemporaryFiles implements Spill {
  #folder: string | undefined;
  #spill: number | undefined;
  #end = 0;

  write(bytes: Uint8Array): number {
    const at = this.#end;
    try {
      const file = (this.#spill ??= openSync(join(this.#inFolder(), "changes"), "w+", 0o600));
      for (let done = 0; done < bytes.length;) {
        done += writeSync(file, bytes, done, bytes.length - done, at + done);
      }
    } catch (error) {
      throw this.#failed("write", error);
    }
    this.#end = at + bytes.length;
    return at;
  }

  read(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    try {
      for (let done = 0; done < length;) {
        const count = readSync(this.#spill ?? -1, bytes, done, length - done, at + done);
        if (count === 0) throw new Error("it was cut");
        done += count;
      }
    } catch (error) {
      throw this.#failed("read", error);
    }
    return bytes;
  }

  clear(): void {
    this.#end = 0;
    if (this.#spill !== undefined) ftruncateSync(this.#spill, 0);
  }

  /** All that the stream holds, to be read as often as wanted. */
  async copyOf(stream: Readable, stop: AbortSignal): Promise<() => Readable> {
    const path = join(this.#inFolder(), "input");
    try {
      await pipeline(stream, createWriteStream(path, { mode: 0o600 }), { signal: stop });
    } catch (error) {
      if (!stop.aborted) throw this.#failed("write", error);
    }
    return () => createReadStream(path);
  }

  remove(): void {
    if (this.#spill !== undefined) closeSync(this.#spill);
    this.#spill = undefined;
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }

  #inFolder(): string {
    return (this.#folder ??= mkdtempSync(join(tmpdir(), "walctl-")));
  }

  #failed(what: string, error: unknown): WalctlError {
    const place = this.#folder ?? tmpdir();
    return new WalctlError(
      `could not ${what} a temporary file in "${place}": ${(error as Error).message}`,
      {
        hint: "Set TMPDIR to a folder with more room.",
        cause: error,
      },
    );
  }
}
