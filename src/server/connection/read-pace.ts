/** Reads that gave less are worth a pause: it lets what comes next gather. */
const SMALL_READ_BYTES = 16 * 1024;
/** Reads further apart than this are no load. */
const GAP_MS = 5;
/** So many reads in a row, each soon after the one before, are. */
const STREAK_READS = 64;
/** The socket's buffer holds some hundred small messages, which is less than a millisecond's worth. */
const NAP_MS = 0.1;
/** Only to wait on: nobody notifies it. */
const NAP = new Int32Array(new SharedArrayBuffer(4));

/**
 * When to pause between two reads. The walsender sends every message by itself, so that whoever reads eagerly wakes
 * for each: two polls, a read and a write for one row. A pause too short to be noticed, under load alone, merges them.
 */
export class ReadPace {
  #streak = 0;
  #lastMs = -Infinity;

  /** To be asked after each read has been dealt with. Returns how long to pause, in milliseconds. */
  napMs(bytes: number, nowMs: number): number {
    this.#streak = nowMs - this.#lastMs < GAP_MS ? this.#streak + 1 : 0;
    this.#lastMs = nowMs;
    return bytes < SMALL_READ_BYTES && this.#streak >= STREAK_READS ? NAP_MS : 0;
  }
}

/** Blocks the thread: setTimeout cannot wait less than 1 ms. */
export function nap(ms: number): void {
  if (ms > 0) Atomics.wait(NAP, 0, 0, ms);
}
