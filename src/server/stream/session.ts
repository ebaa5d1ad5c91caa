/*
 * A stream that survives its connections: connect, stream, acknowledge, lose the connection, reconnect.
 * Law: every message is passed on once, in order; nothing is confirmed that was not delivered.
 * Way in: ReplicationSession.run(); WalStream is one connection of it.
 */

import { WalctlError } from "../../errors.ts";
import { INVALID_LSN, type Lsn, formatLsn, maxLsn } from "../../lsn.ts";
import { Backoff, Outage } from "./backoff.ts";
import { bootstrap } from "../start/bootstrap.ts";
import { type Cause, Interruption, causeOf } from "../query/causes.ts";
import { connect, disconnect } from "../connection/connect.ts";
import { ConsumerError, ofConsumer } from "../start/consumer.ts";
import { Continuation } from "../start/continuation.ts";
import { GapError, warnOfGap } from "../start/gap-error.ts";
import { formatPgoutputOptions } from "../settings/pgoutput-options.ts";
import type { SessionOptions, SessionStatus } from "../start/options.ts";
import type { Mark } from "../start/resume.ts";
import { skippedPublication } from "../publication/skipped.ts";
import { noticeText } from "../query/notice.ts";
import { quoteIdentifier } from "../query/sql.ts";
import { untestedText } from "../settings/preflight.ts";
import { explainRefusal, explainStreamError, reasonOf } from "./errors.ts";
import type { StreamEnd } from "./intake.ts";
import { readStreamPace } from "./pace.ts";
import { Phases } from "./phases.ts";
import { SUCCESSION } from "./reconnection.ts";
import { type StreamState, forgetStream, openState } from "../start/state.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { WalStream } from "./wal-stream.ts";
import { pause, unlessAborted, within } from "../connection/within.ts";

/** How long a reconnection may take, and then the steps before its stream. */
const START_PATIENCE_MS = 30_000;
/** A slot in use is requested at least this often. */
const SLOT_POLL_MS = 1000;

/** A stream that lasted this long resets the back-off, even without progress. */
const LASTING_MS = 10_000;

/** The stream has already waited for the last sync; this only detects its failure. */
const LAST_SYNC_MS = 300;

/**
 * Streams from the server until there is a reason to end, over as many connections as needed. Each transaction reaches
 * the consumer whole, in order and once.
 */
export class ReplicationSession {
  readonly #options: SessionOptions;
  readonly #backoff = new Backoff();
  readonly #outage = new Outage();
  readonly #continuation: Continuation;
  #phases = new Phases();
  #state: StreamState | undefined;
  #stream: WalStream | undefined;
  /** Attempts whose start the server has accepted. */
  #starts = 0;
  /** When the last of these was. */
  #startedMs = Infinity;
  #lostMs = 0;
  /** The position that earlier attempts reached. */
  #reached = INVALID_LSN;
  /** Attempts that ended with a doubtful error since the last progress. */
  #doubts = 0;
  /** The write that was pending when the last connection ended. The reader may stall for hours. */
  #writing: Promise<void> | undefined;
  /** Who used the slot, as last reported. */
  #waitedFor: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#continuation = new Continuation(options);
  }

  get status(): SessionStatus {
    const state = this.#state;
    return {
      connected: this.#stream !== undefined,
      started: this.#starts > 0,
      received: state?.ledger.received ?? INVALID_LSN,
      written: state?.ledger.written ?? INVALID_LSN,
      confirmed: state?.feedback.confirmed ?? INVALID_LSN,
      unacknowledged: state?.confirmed?.confirmations.unconfirmed ?? state?.ledger.undelivered ?? 0,
      reconnects: Math.max(0, this.#starts - 1),
      attempts: this.#outage.attempts,
      endpos: state?.limits.endpos,
    };
  }

  /** Ends once all that committed at or before `position` has been passed on. */
  endAt(position: Lsn): void {
    this.#state?.limits.endAt(position);
    this.#stream?.askForReply();
  }

  /** What came before the message that is being passed on is still written and acknowledged. */
  stopWith(error: Error): void {
    this.#stream?.stopWith(error);
  }

  /** Undefined before the first start: what an earlier process passed on is not taken over yet. */
  get passed(): Mark | undefined {
    return this.#starts === 0 ? undefined : this.#state?.resume.mark(this.#state.ledger.next);
  }

  /** @throws WalctlError, or an error of the consumer */
  async run(): Promise<StreamEnd> {
    const { acknowledge } = this.#options;
    const confirmed = typeof acknowledge === "boolean" ? undefined : acknowledge;
    const unsubscribe = confirmed?.subscribe((lsn) => this.#confirmed(lsn));
    try {
      return await this.#loop();
    } catch (error) {
      throw error instanceof ConsumerError ? error.cause : error;
    } finally {
      unsubscribe?.();
    }
  }

  async #loop(): Promise<StreamEnd> {
    const { stop } = this.#options;
    for (;;) {
      this.#phases = new Phases();
      try {
        const end = await this.#attempt();
        await unlessAborted(this.#writing, stop);
        // The stream has ended and cannot report that its last sync failed; this sync does.
        const state = this.#state;
        const last = state && ofConsumer(() => state.consumer.sync(state.ledger.written));
        if (last instanceof Promise) await within(last, LAST_SYNC_MS);
        this.#phases.enter("ended");
        return end;
      } catch (error) {
        const delayMs = await this.#recover(error);
        if (delayMs === undefined) return "stopped";
        await pause(delayMs, stop);
        if (stop.aborted) return "stopped";
      }
    }
  }

  /** How long to wait before the next attempt; undefined: a signal has ended the session. @throws if there is none */
  async #recover(error: unknown): Promise<number | undefined> {
    const { stop, news, reconnect, waitForSlot, allowGap } = this.#options;
    const cause = causeOf(error);
    const { isFarewell, next } = SUCCESSION[cause];
    const leaves = stop.aborted && isFarewell;
    if (cause !== "gap") this.#judgeAttempt();
    if (cause === "doubtful") this.#doubts++;
    const [reached, started, doubts] = [this.#state !== undefined, this.#starts > 0, this.#doubts];
    const then = next({ reached, started, reconnect, waitForSlot, allowGap, doubts });
    this.#phases.enter(leaves || then === "fail" ? "ended" : "waiting");
    if (leaves) return undefined;
    const delayMs = then === "wait" ? this.#announce(cause, error) : 0;
    if (then === "afresh" && error instanceof GapError) {
      warnOfGap(news, error);
      this.#continuation.forget(error.gap.from);
    }
    // A pending write has to finish before anything else, on the next connection or at the end.
    await unlessAborted(this.#writing, stop);
    if (then === "fail") throw explainStreamError(error);
    return delayMs;
  }

  /**
   * An error that recurs at one position must not make the server decode the same WAL again and again without pause.
   */
  #judgeAttempt(): void {
    const next = this.#state?.ledger.next ?? INVALID_LSN;
    const progress = next > this.#reached;
    this.#reached = next;
    if (progress) this.#doubts = 0;
    if (progress || performance.now() - this.#startedMs > LASTING_MS) {
      this.#backoff.reset();
      this.#outage.end();
    }
    if (this.#startedMs !== Infinity) this.#lostMs = performance.now();
    this.#startedMs = Infinity;
  }

  /** Warns why the stream was interrupted, unless it just did, and returns how long to wait before the next attempt. */
  #announce(cause: Cause, error: unknown): number {
    const delayMs = this.#backoff.nextMs();
    const inUse = cause === "slotInUse";
    const message = `${SUCCESSION[cause].prefix}${reasonOf(error)}`;
    const again =
      cause === "readerStalls"
        ? "It connects again when the reader goes on."
        : `Connecting again in ${(delayMs / 1000).toFixed(1)} s.`;
    const lasting = this.#outage.add(message);
    const detail =
      inUse && error instanceof WalctlError ? error.detail : `${lasting ?? ""}${again}`;
    // Warn again only when the slot's holder changes. A doubtful error is soon the last.
    const isNews = lasting !== undefined || cause === "doubtful";
    if (inUse ? detail !== this.#waitedFor : isNews)
      this.#options.news.warn({ message, ...(detail === undefined ? {} : { detail }) });
    this.#waitedFor = inUse ? detail : undefined;
    return inUse ? Math.min(delayMs, SLOT_POLL_MS) : delayMs;
  }

  /** Call it when the consumer has confirmed a position. Without a connection, the next one's first status says so. */
  #confirmed(lsn: Lsn): void {
    this.#state?.ledger.deliver(lsn);
    this.#stream?.confirmNow();
  }

  async #attempt(): Promise<StreamEnd> {
    const { target, news, stop, pgoutput, bootstrap: bootstrapOptions } = this.#options;
    const again = this.#starts > 0;
    const client = await connect(again ? withPatience(target) : target, "logical");
    // After the first start nobody watches: a start that a dead network blocks is abandoned and tried again.
    const patience =
      again && bootstrapOptions.slot !== undefined
        ? setTimeout(() => client.connection.stream.destroy(), START_PATIENCE_MS)
        : undefined;
    client.on("notice", (notice) => {
      const text = noticeText(notice);
      if (notice.severity === "WARNING") news.warn({ message: text });
      else news.notice(text);
      const skipped = this.#options.allowGap ? undefined : skippedPublication(notice);
      if (skipped !== undefined) this.#stream?.stopWith(skipped);
    });
    try {
      const started = await bootstrap(client, target, {
        ...bootstrapOptions,
        // After the first start a missing slot is an error: a new one would leave a gap.
        createMissing: this.#state === undefined && bootstrapOptions.createMissing,
      });
      const untested = this.#state === undefined && untestedText(started.serverVersion);
      if (typeof untested === "string") news.warn({ message: untested });
      this.#state ??= await openState(client, this.#options);
      const start = await this.#continuation.choose(client, this.#state, started);
      const state = start.gap ? forgetStream(this.#state) : this.#state;
      if (this.#starts > 0) state.ledger.restart();
      const { from, standing } = start;
      state.feedback.restart(standing.slotPosition);
      state.resume.start(maxLsn(from, standing.slotPosition));
      const options = state.resume.isCutLate
        ? { ...pgoutput, streaming: "off" as const }
        : pgoutput;
      const statement = `START_REPLICATION SLOT ${quoteIdentifier(started.slotName)} LOGICAL ${formatLsn(from)} (${formatPgoutputOptions(options, started.serverVersion)})`;
      const pace = await readStreamPace(client, this.#options.statusIntervalMs);
      const onStart = (): void => {
        clearTimeout(patience);
        if (this.#continuation.isStale) {
          throw new Interruption("fileMoved", "another process has written the file meanwhile");
        }
        this.#startedMs = performance.now();
        this.#continuation.begin(start, state, started.oldest);
        this.#starts++;
        this.#state = state;
        const outageMs = again ? performance.now() - this.#lostMs : undefined;
        news.streaming(started, from, pace.horizon, outageMs);
      };
      const { temporary } = started;
      const parts = { target, statement, pace, temporary, check: start.check, onStart, news };
      const stream = new WalStream(parts, state, this.#phases);
      this.#stream = stream;
      try {
        return await stream.run(client, stop);
      } catch (error) {
        throw await explainRefusal(client, target, started, error);
      } finally {
        this.#stream = undefined;
        this.#writing = stream.pending;
        this.#continuation.end(state, started);
        state.ledger.disconnect();
        state.resume.disconnect();
      }
    } finally {
      clearTimeout(patience);
      await disconnect(client);
    }
  }
}

/** libpq waits for ever by default. That is appropriate only while a user watches. */
function withPatience(target: ConnectionTarget): ConnectionTarget {
  const { connectTimeoutMs } = target;
  return connectTimeoutMs > 0 ? target : { ...target, connectTimeoutMs: START_PATIENCE_MS };
}
