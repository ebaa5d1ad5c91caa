import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import type { StandbyStatus } from "./frame.ts";

/** Confirmations closer together than this are combined. */
const CONFIRM_GAP_MS = 100;

interface Positions {
  readonly received: Lsn;
  readonly delivered: Lsn;
}

/**
 * Decides what to report to the server, and when. Without acknowledging, write is what was received and flush is 0/0:
 * the slot does not move, and a server that wants to stop sees that everything it sent has arrived.
 */
export class Feedback {
  readonly #acknowledge: boolean;
  #confirmed = INVALID_LSN;
  #lastMs = -Infinity;
  #held = false;

  constructor(acknowledge: boolean) {
    this.#acknowledge = acknowledge;
  }

  /** The flush position reported last: the slot's position is there, or further. */
  get confirmed(): Lsn {
    return this.#confirmed;
  }

  /** Call it for a new connection. A server that crashed, or another one, may have lost what was reported. */
  restart(slotPosition: Lsn): void {
    this.#confirmed = slotPosition;
    this.#held = false;
  }

  /** While held, nothing is confirmed: it is not known yet whether the server's log is the same. */
  hold(held: boolean): void {
    this.#held = held;
  }

  /** How long until a new confirmation is due: 0 if at once, undefined if there is nothing new to confirm. */
  dueInMs(written: Lsn, nowMs: number): number | undefined {
    if (!this.#acknowledge || this.#held || written <= this.#confirmed) return undefined;
    return Math.max(0, this.#lastMs + CONFIRM_GAP_MS - nowMs);
  }

  /**
   * The status to send now. Flush is reported once; it is 0/0 while nothing new can be confirmed and something is
   * undelivered. A stopping server waits until flush, if it is valid, covers everything that it sent, and otherwise
   * until write does. The slot keeps what was confirmed before.
   */
  status(positions: Positions, nowMs: number): StandbyStatus {
    const { received, delivered } = positions;
    const news = delivered > this.#confirmed || delivered === received;
    const confirms = this.#acknowledge && news && !this.#held && delivered > INVALID_LSN;
    // Flush never goes back: some servers would obey, and send again what was confirmed.
    const flush = confirms ? maxLsn(delivered, this.#confirmed) : INVALID_LSN;
    if (flush > this.#confirmed) this.#confirmed = flush;
    this.#lastMs = nowMs;
    return { write: received, flush, apply: flush, replyRequested: false };
  }
}
