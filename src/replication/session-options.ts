import type { Lsn } from "../lsn.ts";
import type { PgoutputMessage } from "../pgoutput/messages.ts";
import type { BootstrapOutcome, BootstrapRequest } from "./bootstrap.ts";
import type { Confirmations } from "./confirmations.ts";
import type { Horizon } from "./horizon.ts";
import type { PgoutputOptions } from "./pgoutput-options.ts";
import type { ConnectionTarget } from "./target.ts";
import type { StreamConsumer } from "./stream-consumer.ts";

/** What a session is to do, and whom it tells. */
export interface SessionOptions {
  readonly target: ConnectionTarget;
  readonly bootstrap: BootstrapRequest;
  readonly pgoutput: PgoutputOptions;
  readonly consumer: StreamConsumer;
  /** Advance the slot: past what was written, or only to what the consumer itself confirms. */
  readonly acknowledge: boolean | Confirmed;
  /** Asked at each attempt before the first start. */
  readonly startpos: () => Lsn | undefined;
  /**
   * Called once, when the slot is ours and before anything is passed on. Tells what is there already, which may be
   * more than at the time of the start: another program may have had the slot. `oldest`: what began before that
   * has ended, for the slot.
   */
  readonly takeOver: (oldest: Lsn) => TakenOver;
  /** `now`: where the server stands when it is first reached, also when the slot is waited for after that. */
  readonly endpos: Lsn | "now" | undefined;
  /** Row changes to print. */
  readonly limit: number | undefined;
  readonly statusIntervalMs: number;
  readonly reconnect: boolean;
  /** A slot that somebody else uses at the start is waited for. */
  readonly waitForSlot: boolean;
  readonly stop: AbortSignal;
  readonly news: SessionNews;
}

/** What was passed on by an earlier process. */
export interface TakenOver {
  /** All that ended before that. Undefined: nothing is known. */
  readonly endLsn: Lsn | undefined;
  /**
   * Blocks of transactions, in their order and with all ends since: of those that have not ended the server will
   * send again what is there. Read in one go.
   */
  readonly unfinished: Iterable<PgoutputMessage>;
}

/** The consumer's own confirmations. */
export interface Confirmed {
  readonly confirmations: Confirmations;
  /** Calls back for each that was taken over; returns what ends that. */
  subscribe(onConfirmed: (lsn: Lsn) => void): () => void;
}

/** What a session tells while it goes on. */
export interface SessionNews {
  warn(warning: { message: string; detail?: string; hint?: string }): void;
  notice(text: string): void;
  /** The server has accepted the start. */
  streaming(started: BootstrapOutcome, from: Lsn, horizon: Horizon): void;
}

/** How a session fares. */
export interface SessionStatus {
  readonly connected: boolean;
  /** The furthest position that the server has told of. */
  readonly received: Lsn;
  /** All before it has been written. */
  readonly written: Lsn;
  /** What the server has been told to forget. */
  readonly confirmed: Lsn;
  /** Transactions that were passed on and not confirmed. */
  readonly unacknowledged: number;
  readonly reconnects: number;
}
