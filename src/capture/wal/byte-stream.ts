import { closeSync, openSync, readSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { readError } from "../source.ts";

const PAUSE_INTERVAL_MS = 10;

/** The decompressed bytes of an input, in order. */
export interface ByteStream {
  /** Fills `into` as far as there are bytes; fewer mean the end. Throws InputError. */
  read(into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}

/**
 * Reads a file synchronously: its reads return at once, and reading ahead on another thread costs more than it saves.
 */
export class FileStream implements ByteStream {
  readonly #path: string;
  readonly #fd: number;
  #position: number;
  #pausedAt = performance.now();

  constructor(path: string, position = 0) {
    this.#path = path;
    this.#position = position;
    try {
      this.#fd = openSync(path, "r");
    } catch (error) {
      throw readError(path, error);
    }
  }

  /** Like `read`, without a pause. */
  readNow(into: Uint8Array): number {
    let filled = 0;
    try {
      while (filled < into.length) {
        const length = into.length - filled;
        const bytes = readSync(this.#fd, into, filled, length, this.#position);
        if (bytes === 0) break;
        filled += bytes;
        this.#position += bytes;
      }
    } catch (error) {
      throw readError(this.#path, error);
    }
    return filled;
  }

  /** Pauses now and then so that signals and timers can run. */
  async read(into: Uint8Array): Promise<number> {
    const filled = this.readNow(into);
    const now = performance.now();
    if (now - this.#pausedAt < PAUSE_INTERVAL_MS) return filled;
    await setImmediate();
    this.#pausedAt = now;
    return filled;
  }

  async close(): Promise<void> {
    closeSync(this.#fd);
  }
}

/** Reads pieces of any size. A piece is no longer used once the next one is requested. */
export class PiecesStream implements ByteStream {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #piece: Uint8Array = new Uint8Array(0);

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      if (this.#piece.length === 0) {
        const next = await this.#pieces.next();
        if (next.done === true) break;
        this.#piece = next.value;
      }
      const length = Math.min(this.#piece.length, into.length - filled);
      into.set(this.#piece.subarray(0, length), filled);
      this.#piece = this.#piece.subarray(length);
      filled += length;
    }
    return filled;
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
