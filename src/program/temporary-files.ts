import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  read,
  readSync,
  rmSync,
  statfsSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { promisify } from "node:util";
import { formatByteCount } from "../byte-count.ts";
import { sourceOf } from "../capture/source.ts";
import { WalctlError } from "../errors.ts";
import type { Spill } from "../rows/pages/spill.ts";

/** A copy of standard input is read in such pieces. */
const PIECE_BYTES = 256 * 1024;

/**
 * What memory has no room for, and standard input where it is read twice: files without a name, which are gone with the process however
 * it ends.
 */
export class TemporaryFiles {
  readonly #open: number[] = [];
  readonly #limit: number | undefined;
  readonly #hasFlag: boolean;
  /** Half of what was free where they are, unless there is another limit. */
  #room: number | undefined;
  #used = 0;

  /**
   * @param limit the bytes of all of them together
   * @param hasFlag whether --temp-file-limit is among the command's flags
   */
  constructor(limit?: number, hasFlag = false) {
    this.#limit = limit;
    this.#hasFlag = hasFlag;
  }

  /** A file of its own, made with the first write. */
  spill(): Spill {
    let file: number | undefined;
    let size = 0;
    return {
      write: (bytes, at = size) => {
        size = this.#grow(size, at + bytes.length);
        this.#do("write", () => writeAll((file ??= this.#create()), bytes, at));
        return at;
      },
      read: (at, bytes) => {
        this.#do("read", () => {
          for (let done = 0; done < bytes.length;) {
            const count = readSync(file ?? -1, bytes, done, bytes.length - done, at + done);
            if (count === 0) throw new Error("it was cut");
            done += count;
          }
        });
        return bytes;
      },
      clear: () => {
        this.#used -= size;
        size = 0;
        if (file !== undefined) ftruncateSync(file, 0);
      },
    };
  }

  /**
   * All that standard input holds, to be read as often as wanted.
   * @throws `stop`'s reason if a signal cuts it
   */
  async copyOf(stdin: Readable, stop: AbortSignal): Promise<() => Readable> {
    const fd = this.#do("write", () => this.#create());
    let end = 0;
    for await (const chunk of sourceOf("standard input", stdin, stop).chunks) {
      const at = end;
      end = this.#grow(at, at + chunk.length);
      this.#do("write", () => writeAll(fd, chunk, at));
    }
    stop.throwIfAborted();
    return () => Readable.from(piecesOf(fd), { objectMode: false });
  }

  close(): void {
    for (const file of this.#open.splice(0)) closeSync(file);
  }

  /** Returns the size that a file then has. */
  #grow(size: number, end: number): number {
    if (end <= size) return size;
    this.#used += end - size;
    this.#room ??= this.#limit ?? freeBytes() / 2;
    if (this.#used > this.#room) throw overLimit(this.#room, this.#hasFlag);
    return end;
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

/** Infinity if the system does not tell. */
function freeBytes(): number {
  try {
    const { bavail, bsize } = statfsSync(tmpdir());
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}

function overLimit(room: number, hasFlag: boolean): WalctlError {
  const size = formatByteCount(room);
  return new WalctlError(`temporary files in "${tmpdir()}" would take more than ${size}`, {
    hint: hasFlag
      ? "To allow more: --temp-file-limit. TMPDIR names another folder for them. Fewer pages are kept with --xid."
      : "TMPDIR names another folder for them. Fewer changes are undone at a time with --only-table and --xid.",
  });
}

function failed(what: string, error: unknown): WalctlError {
  const { message } = error as Error;
  return new WalctlError(`could not ${what} a temporary file in "${tmpdir()}": ${message}`, {
    hint: "Set TMPDIR to a folder with more room.",
    cause: error,
  });
}
