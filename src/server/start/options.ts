import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { BootstrapOutcome, BootstrapRequest } from "./bootstrap.ts";
import type { Confirmations } from "../delivery/confirmations.ts";
import type { Anchor, Received } from "./continuity.ts";
import type { Horizon } from "./horizon.ts";
import type { PgoutputOptions } from "../settings/pgoutput-options.ts";
import type { Mark, PrintedPart } from "./resume.ts";
import type { LogIdentity } from "./server-identity.ts";
import type { ConnectionTarget } from "../target/target.ts";
import type { StreamConsumer } from "./consumer.ts";

/** What a session does, and who hears of it. */
export interface SessionOptions {
  readonly target: ConnectionTarget;
  readonly bootstrap: BootstrapRequest;
  readonly pgoutput: PgoutputOptions;
  readonly consumer: StreamConsumer;
  /** Advance the slot: past what was written, or only to what the consumer itself confirms. */
  readonly acknowledge: boolean | Confirmed;
  /** --startpos */
  readonly startpos: Lsn | undefined;
  /** Where the server cannot continue what was received: warn and go on, instead of failing. */
  readonly allowGap: boolean;
  /** What an earlier process received. Asked at each attempt before the first start. */
  readonly received: () => Received | undefined;
  /**
   * Called once, when the slot is ours and before anything is passed on. Returns what the output holds, which may be
   * more than `received` said: another process may have used the slot since. `oldest`: the slot sends no transaction
   * that began before that.
   */
  readonly takeOver: (oldest: Lsn) => TakenOver;
  /** Called at each start, when the slot is ours and before anything is passed on. */
  readonly started: (start: StreamStart) => void;
  /** `now`: the server's position at the first connection, even when the slot is waited for after that. */
  readonly endpos: Lsn | "now" | undefined;
  /** Nothing that committed after it is wanted. */
  readonly until?: PgTime | undefined;
  /** Row changes to print. */
  readonly limit: number | undefined;
  readonly statusIntervalMs: number;
  readonly reconnect: boolean;
  /** Wait for a slot that another program uses at the start. */
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
   * Blocks of streamed transactions, in order, and all ends since the first of them: the server sends again what is
   * there of those that have not ended. Read once.
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
  /** Calls back for each confirmation that is accepted. Returns a function that ends this. */
  subscribe(onConfirmed: (lsn: Lsn) => void): () => void;
  /** Reads at once what the consumer has written. */
  poll(): void;
  /** Call it when all is written: ends the output and waits for the last confirmations. */
  finish(stop: AbortSignal): Promise<void>;
}

/** What a session reports while it runs. */
export interface SessionNews {
  warn(warning: { message: string; detail?: string; hint?: string }): void;
  notice(text: string): void;
  /** The server has accepted the start. */
  streaming(started: BootstrapOutcome, from: Lsn, horizon: Horizon): void;
}

/** The state of a session. */
export interface SessionStatus {
  readonly connected: boolean;
  /** The server has accepted a start. */
  readonly started: boolean;
  /** The furthest position that the server has sent. */
  readonly received: Lsn;
  /** All before it has been written. */
  readonly written: Lsn;
  /** The flush position that was last reported to the server. */
  readonly confirmed: Lsn;
  /** Transactions that were passed on and not confirmed. */
  readonly unacknowledged: number;
  readonly reconnects: number;
  /** --endpos, once `now` is known. */
  readonly endpos: Lsn | undefined;
}
