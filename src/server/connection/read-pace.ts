/** After a smaller read a pause is worthwhile: more data can gather. */
const SMALL_READ_BYTES = 16 * 1024;
/** Reads further apart than this do not count as load. */
const GAP_MS = 5;
/** How many consecutive reads, each soon after the one before, count as load. */
const STREAK_READS = 64;
/** The socket's buffer holds some hundred small messages, which arrive in less than a millisecond. */
const NAP_MS = 0.1;
/** Only waited on; nobody notifies it. */
const NAP = new Int32Array(new SharedArrayBuffer(4));

/**
 * Decides when to pause between two reads. The walsender sends every message separately, so an eager reader wakes for
 * each: two polls, a read and a write for one row. Under load, a pause too short to be noticed merges them.
 */
export class ReadPace {
  #streak = 0;
  #lastMs = -Infinity;

  /** Call it after each read was processed. Returns how long to pause, in milliseconds. */
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
