import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import type { StandbyStatus } from "./frame.ts";

/** Confirmations closer together than this are combined. */
const CONFIRM_GAP_MS = 100;

interface Positions {
  readonly received: Lsn;
  readonly delivered: Lsn;
}

/**
 * What to report to the server, and when. Without acknowledging, write is what was received and flush 0/0: the
 * slot does not move, and a server that wants to stop sees that all it sent has arrived.
 */
export class Feedback {
  readonly #acknowledge: boolean;
  #confirmed = INVALID_LSN;
  #lastMs = -Infinity;
  #held = false;

  constructor(acknowledge: boolean) {
    this.#acknowledge = acknowledge;
  }

  /** The flush position last reported: the slot stands there, or further. */
  get confirmed(): Lsn {
    return this.#confirmed;
  }

  /** A new connection, to a slot at that position. A server that crashed, or another one, may have lost what was reported. */
  restart(slotPosition: Lsn): void {
    this.#confirmed = slotPosition;
    this.#held = false;
  }

  /** Until it is called with false, nothing is confirmed: it is not known yet whether the server's log is the same. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /**
   * How long until there is something new to confirm that should not wait for the timer: 0 for at once,
   * undefined for not at all.
   */
  dueInMs(written: Lsn, nowMs: number): number | undefined {
    if (!this.#acknowledge || this.#held || written <= this.#confirmed) return undefined;
    return Math.max(0, this.#lastMs + CONFIRM_GAP_MS - nowMs);
  }

  /**
   * The status to send now. Flush is reported once and is 0/0 while nothing new can be confirmed and
   * something is undelivered: a stopping server waits until flush, when it is valid, is all that it sent, and
   * else until write is. The slot keeps what was confirmed before.
   */
  status(positions: Positions, nowMs: number): StandbyStatus {
    const { received, delivered } = positions;
    const news = delivered > this.#confirmed || delivered === received;
    const confirms = this.#acknowledge && news && !this.#held && delivered > INVALID_LSN;
    // Never back: some servers obey, and would send again what was confirmed.
    const flush = confirms ? maxLsn(delivered, this.#confirmed) : INVALID_LSN;
    if (flush > this.#confirmed) this.#confirmed = flush;
    this.#lastMs = nowMs;
    return { write: received, flush, apply: flush, replyRequested: false };
  }
}
