import { DecodeError } from "../errors.ts";
import type { CaptureReaderOptions } from "./capture-reader.ts";

/** What becomes of faults: thrown, or noted until a message decodes again and the range passed over is known. */
export class Damage {
  readonly #options: CaptureReaderOptions;
  #start = 0;
  #fault: DecodeError | undefined;

  constructor(options: CaptureReaderOptions) {
    this.#options = options;
  }

  /** `base`: the capture's offset of the bytes that the error's offset counts from. `start`: where in the capture what is at fault begins. */
  found(error: DecodeError, base: number, start: number): void {
    const fault = new DecodeError(error.message, base + error.offset, error.missing);
    if (!this.#options.keepGoing) throw fault;
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#start = start;
  }

  /** At `offset` a message decodes, or the capture ends. */
  mended(offset: number): void {
    if (this.#fault === undefined) return;
    this.#options.listener.skipped({ start: this.#start, end: offset, fault: this.#fault });
    this.#fault = undefined;
  }
}

/** What is no DecodeError is a bug and goes on up. */
export function decodeErrorOf(error: unknown): DecodeError {
  if (error instanceof DecodeError) return error;
  throw error;
}
