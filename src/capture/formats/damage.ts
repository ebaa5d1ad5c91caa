import { DecodeError } from "../../errors.ts";
import { BYTES_BEHIND, BYTES_BEFORE } from "../../postgres/messages/lost-bytes.ts";
import type { CaptureReaderOptions } from "./capture-reader.ts";

/** Remembers what messages announced, and forgets what damaged ones may have changed. */
interface Memory {
  forget(bytes: Uint8Array, from: number, to: number): void;
}

/**
 * Throws faults or, with keepGoing, keeps the first one until a message decodes again and the skipped range is known.
 */
export class Damage {
  readonly #options: CaptureReaderOptions;
  readonly #memory: Memory;
  #start = 0;
  #fault: DecodeError | undefined;
  /** The last skipped bytes: interpreting a byte takes those before and behind it. */
  #window = new Uint8Array();
  #from = 0;

  constructor(options: CaptureReaderOptions, memory: Memory) {
    this.#options = options;
    this.#memory = memory;
  }

  /** `base`: where the bytes with the fault begin in the capture. `start`: where the damaged message begins in it. */
  found(error: DecodeError, base: number, start: number): void {
    if (this.#fault !== undefined) return;
    const fault = new DecodeError(error.message, base + error.offset, error.missing);
    if (!this.#options.keepGoing) throw fault;
    this.#fault = fault;
    this.#start = start;
  }

  /** Records that these bytes are skipped. `last`: a message may start behind them. */
  lost(bytes: Uint8Array, last: boolean): void {
    const all = this.#window.length === 0 ? bytes : Buffer.concat([this.#window, bytes]);
    const to = last ? all.length : Math.max(this.#from, all.length - BYTES_BEHIND + 1);
    this.#memory.forget(all, this.#from, to);
    this.#options.listener.lost?.(all, this.#from, to);
    const kept = last ? to : Math.max(0, to - BYTES_BEFORE);
    // A copy: slice() of a Buffer would be a view.
    this.#window = Uint8Array.from(all.subarray(kept));
    this.#from = to - kept;
  }

  /** Records that a message decodes at `offset`, or that the capture ends there. */
  ended(offset: number): void {
    if (this.#fault === undefined) return;
    this.#options.listener.skipped({ start: this.#start, end: offset, fault: this.#fault });
    this.#fault = undefined;
  }
}

/** Any other error is a bug and is thrown again. */
export function decodeErrorOf(error: unknown): DecodeError {
  if (error instanceof DecodeError) return error;
  throw error;
}
