import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { BootstrapOutcome, BootstrapRequest } from "./bootstrap.ts";
import type { Confirmations } from "../delivery/confirmations.ts";
import type { Received, Start } from "./continuity.ts";
import type { Horizon } from "./horizon.ts";
import type { PgoutputOptions } from "../settings/pgoutput-options.ts";
import type { PrintedPart } from "../../postgres/messages/boundary.ts";
import type { Mark } from "./resume.ts";
import type { ConnectionTarget } from "../target/target.ts";
import type { StreamConsumer } from "./consumer.ts";

/** The options and the callbacks of a session. */
export interface SessionOptions {
  readonly target: ConnectionTarget;
  readonly bootstrap: BootstrapRequest;
  readonly pgoutput: PgoutputOptions;
  readonly consumer: StreamConsumer;
  /** Advance the slot: to what was written, or only to what the consumer itself confirms. */
  readonly acknowledge: boolean | Confirmed;
  /** --startpos */
  readonly startpos: Lsn | undefined;
  /** If the server cannot continue what was received: warn and continue instead of failing. */
  readonly allowGap: boolean;
  /** What an earlier process received. Called at each attempt before the first start. */
  readonly received: () => Received | undefined;
  /**
   * Called once, when this process holds the slot and before anything is passed on. Returns what the output contains,
   * which may be more than `received` said: another process may have used the slot since. `oldest`: the slot sends no
   * transaction that began before it.
   */
  readonly takeOver: (oldest: Lsn) => TakenOver;
  /** Called at each start, when this process holds the slot and before anything is passed on. */
  readonly started: (start: Start) => void;
  /** `now`: the server's position at the first connection, even if the session then has to wait for the slot. */
  readonly endpos: Lsn | "now" | undefined;
  /** Nothing that committed after it is wanted. */
  readonly until?: PgTime | undefined;
  /** Row changes to print. */
  readonly limit: number | undefined;
  readonly statusIntervalMs: number;
  readonly reconnect: boolean;
  /** At the start, wait for a slot that another program uses. */
  readonly waitForSlot: boolean;
  readonly stop: AbortSignal;
  readonly news: SessionNews;
}

/** What an earlier process passed on. */
export interface TakenOver {
  /** Undefined if nothing is known. */
  readonly mark: Mark | undefined;
  /**
   * The blocks of streamed transactions, in order, and all ends since the first of them: the server sends again those
   * parts of transactions that have not ended. It is read only once.
   */
  readonly unfinished: Iterable<PrintedPart>;
}

/** The consumer's own confirmations. */
export interface Confirmed {
  readonly confirmations: Confirmations;
  /** Calls `onConfirmed` for each accepted confirmation. Returns a function that ends this. */
  subscribe(onConfirmed: (lsn: Lsn) => void): () => void;
  /** Reads at once what the consumer has written. */
  poll(): void;
  /** Call it when everything is written: ends the output and waits for the last confirmations. */
  finish(stop: AbortSignal): Promise<void>;
}

/** What a session reports while it runs. */
export interface SessionNews {
  warn(warning: { message: string; detail?: string; hint?: string }): void;
  notice(text: string): void;
  /** The server has accepted the start. @param outageMs undefined: it is the first one */
  streaming(
    started: BootstrapOutcome,
    from: Lsn,
    horizon: Horizon,
    outageMs: number | undefined,
  ): void;
}

export interface SessionStatus {
  readonly connected: boolean;
  /** Whether the server has accepted a start. */
  readonly started: boolean;
  /** The furthest position that the server has sent. */
  readonly received: Lsn;
  /** Everything before it has been written. */
  readonly written: Lsn;
  /** The flush position last reported to the server. */
  readonly confirmed: Lsn;
  /** The number of transactions that were passed on and not confirmed. */
  readonly unacknowledged: number;
  readonly reconnects: number;
  /** That failed since the last progress. */
  readonly attempts: number;
  /** --endpos, once `now` is known. */
  readonly endpos: Lsn | undefined;
}
