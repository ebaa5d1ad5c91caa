import type { Lsn } from "../../lsn.ts";
import type { BootstrapOutcome, BootstrapRequest } from "./bootstrap.ts";
import type { Confirmations } from "../delivery/confirmations.ts";
import type { Anchor, Received } from "./continuity.ts";
import type { Horizon } from "./horizon.ts";
import type { PgoutputOptions } from "../settings/pgoutput-options.ts";
import type { Mark, PrintedPart } from "./resume.ts";
import type { LogIdentity } from "./server-identity.ts";
import type { ConnectionTarget } from "../target/target.ts";
import type { StreamConsumer } from "./consumer.ts";

/** What a session is to do, and whom it tells. */
export interface SessionOptions {
  readonly target: ConnectionTarget;
  readonly bootstrap: BootstrapRequest;
  readonly pgoutput: PgoutputOptions;
  readonly consumer: StreamConsumer;
  /** Advance the slot: past what was written, or only to what the consumer itself confirms. */
  readonly acknowledge: boolean | Confirmed;
  /** --startpos */
  readonly startpos: Lsn | undefined;
  /** Goes on, with a warning, where the server cannot send what follows on what was received. */
  readonly allowGap: boolean;
  /** What an earlier process received. Asked at each attempt before the first start. */
  readonly received: () => Received | undefined;
  /**
   * Called once, when the slot is ours and before anything is passed on. Tells what is there already, which may be
   * more than at the time of the start: another program may have had the slot. `oldest`: what began before that
   * has ended, for the slot.
   */
  readonly takeOver: (oldest: Lsn) => TakenOver;
  /** Called at each start, when the slot is ours and before anything is passed on. */
  readonly started: (start: StreamStart) => void;
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

export interface StreamStart {
  readonly log: LogIdentity;
  /** Undefined: a temporary slot. */
  readonly slot: string | undefined;
  /** The slot's confirmed_flush_lsn. */
  readonly slotPosition: Lsn;
  /** What was passed on before does not belong to what follows: there is a gap. */
  readonly gap: boolean;
  /** Where the stream starts; 0/0: where the slot stands. */
  readonly from: Lsn;
}

/** What was passed on by an earlier process. */
export interface TakenOver {
  /** Undefined: nothing is known. */
  readonly mark: Mark | undefined;
  /**
   * Blocks of transactions, in their order and with all ends since: of those that have not ended the server will
   * send again what is there. Read in one go.
   */
  readonly unfinished: Iterable<PrintedPart>;
}

/** What has been passed on so far, of which no transaction is cut. */
export interface Passed {
  readonly mark: Mark;
  readonly anchor: Anchor | undefined;
}

/** The consumer's own confirmations. */
export interface Confirmed {
  readonly confirmations: Confirmations;
  /** Calls back for each that was taken over; returns what ends that. */
  subscribe(onConfirmed: (lsn: Lsn) => void): () => void;
  /** Takes over at once what is there. */
  poll(): void;
  /** All is written: ends the output and waits for the confirmations that come yet. */
  finish(stop: AbortSignal): Promise<void>;
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
  /** The server has accepted a start. */
  readonly started: boolean;
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
