import type { Client } from "pg";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import type { Verdict } from "../connection/backend-frames.ts";
import { deferred, unlessAborted, within } from "../connection/within.ts";
import { Interruption } from "../query/causes.ts";
import type { AnchorCheck } from "../start/anchor-check.ts";
import { ConsumerError, ofConsumer } from "../start/consumer.ts";
import { GapError } from "../start/gap-error.ts";
import type { SessionNews } from "../start/options.ts";
import type { StreamState } from "../start/state.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { Acknowledger } from "./acknowledger.ts";
import { Intake, type StreamEnd } from "./intake.ts";
import { Liveness } from "./liveness.ts";
import type { StreamPace } from "./pace.ts";
import type { Phases } from "./phases.ts";
import { StallWatch } from "./stall-watch.ts";
import { CopyBoth, type CopyBothReceiver } from "./transport.ts";

/** The parameters of one stream. */
interface StreamStart {
  readonly target: ConnectionTarget;
  /** The START_REPLICATION statement. */
  readonly statement: string;
  readonly pace: StreamPace;
  /** The slot ends with the connection. */
  readonly temporary: boolean;
  /** Checks whether the log is the one received before. */
  readonly check: AnchorCheck | undefined;
  /** Called when the server has accepted the statement. */
  readonly onStart: () => void;
  readonly news: SessionNews;
}

/** While a write is pending, so many bytes are rendered for the next one: the server then need not wait for a pipe. */
const AHEAD_BYTES = 64 * 1024;

/** At the end nothing takes longer: the write, its sync and the sync of the rest, the end of the copy. */
const WRITE_GRACE_MS = 300;
const SYNC_GRACE_MS = 600;
const END_GRACE_MS = 400;

/**
 * One START_REPLICATION on one connection. It passes every message to the consumer, one batch for each read of the
 * socket, and sends feedback, which a blocked write does not delay.
 */
export class WalStream implements CopyBothReceiver {
  readonly #state: StreamState;
  readonly #copy: CopyBoth;
  readonly #start: StreamStart;
  readonly #finished = deferred<StreamEnd>();
  readonly #phases: Phases;
  #liveness: Liveness | undefined;
  #pending: Promise<void> | undefined;
  readonly #stallWatch: StallWatch;
  /** The server must not wait for the reader any longer. */
  readonly #left = deferred();
  /** No feedback is sent: we cannot see whether the server waits for us, so its timeout has to work. */
  #silenced = false;
  readonly #acknowledger: Acknowledger;
  readonly #intake: Intake;

  constructor(start: StreamStart, state: StreamState, phases: Phases) {
    this.#state = state;
    this.#start = start;
    this.#phases = phases;
    this.#intake = new Intake(state, start.check, (gap) => {
      if (gap === undefined) phases.enter("streaming");
      else this.stopWith(new GapError(gap));
    });
    this.#copy = new CopyBoth(start.statement, this);
    this.#acknowledger = new Acknowledger(state, {
      send: (status) => this.#copy.send(status),
      fail: (error) => this.#finished.reject(error),
    });
    const onServerWaits = (reason: string): void => {
      const message = `disconnected, because the reader stalls and the server must not wait for it: ${reason}`;
      this.#finished.reject(new Interruption("readerStalls", message));
      this.#left.resolve();
    };
    this.#stallWatch = new StallWatch({
      target: start.target,
      pid: start.pace.pid,
      onServerWaits,
      onUnseen: (reason) => (start.temporary ? this.#silence(reason) : onServerWaits(reason)),
    });
  }

  /**
   * Streams until there is a reason to end, then ends the stream properly: it sends a last status and reads up to the
   * server's own end of the copy. Rejects if the connection is lost or the consumer fails.
   */
  async run(client: Client, stop: AbortSignal): Promise<StreamEnd> {
    const { pace } = this.#start;
    const onStop = (): void => this.#finished.resolve("stopped");
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
    this.#phases.enter("starting");
    client.query(this.#copy);
    this.#liveness = new Liveness(pace.walSenderTimeoutMs, performance.now());
    const statusTimer = setInterval(() => this.#tick(), pace.statusIntervalMs);
    try {
      const end = await Promise.race([this.#finished.promise, this.#lost()]);
      // A slow reader gets everything, unless a signal comes.
      if (end !== "stopped")
        await unlessAborted(Promise.race([this.#pending, this.#left.promise]), stop);
      await within(this.#pending, WRITE_GRACE_MS);
      if (end !== "stopped" && this.#pending === undefined) {
        await this.#lastConfirmations(stop);
        await unlessAborted(this.#acknowledger.syncAll(), stop);
      }
      return end;
    } finally {
      clearInterval(statusTimer);
      stop.removeEventListener("abort", onStop);
      this.#stallWatch.end();
      await this.#leave();
    }
  }

  /** The write that was in progress when the connection was lost. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  started(): void {
    try {
      this.#phases.enter(this.#start.check === undefined ? "streaming" : "proving");
      this.#start.onStart();
    } catch (error) {
      this.#end(error instanceof Interruption ? error : new ConsumerError(error));
    }
  }

  copyData(payload: ByteReader): Verdict {
    const isOver = !this.#phases.isOpen || this.#intake.end !== undefined;
    return isOver ? "stop" : this.#intake.receive(payload);
  }

  readDone(): void {
    this.#liveness?.heard(performance.now());
    if (!this.#phases.isOpen) return;
    try {
      const writing = this.#pending === undefined ? this.#write() : undefined;
      if (writing !== undefined) void this.#awaitWrites(writing);
      if (this.#paused) this.#pause();
    } catch (error) {
      return this.#end(error);
    }
    const { held, end } = this.#intake;
    if (held !== undefined) void this.#awaitPreparation(held.ready);
    if (this.#intake.takeReplyRequest() && !this.#silenced) this.#acknowledger.sendStatus();
    if (end !== undefined) this.#finished.resolve(end);
  }

  /** Ends the stream with what was received so far: nothing that comes later is passed on or confirmed. */
  stopWith(error: Error): void {
    if (!this.#phases.isOpen) return;
    this.readDone();
    this.#end(error);
  }

  /** More may be read before run() rejects: it must neither be passed on nor count as written. */
  #end(error: unknown): void {
    this.#phases.leave();
    this.#finished.reject(error);
  }

  /** Begins to write everything that was rendered. Undefined: it is written. */
  #write(): Promise<void> | undefined {
    const { confirmed, consumer, ledger } = this.#state;
    const { ends } = ledger;
    const mark = ledger.mark();
    const writing = ofConsumer(() => consumer.flush(consumer.ahead !== undefined));
    confirmed?.confirmations.printed();
    if (writing !== undefined) return writing.then(() => this.#acknowledger.written(mark, ends));
    this.#acknowledger.written(mark, ends);
    return undefined;
  }

  /** Then writes what was rendered meanwhile. */
  async #awaitWrites(writing: Promise<void>): Promise<void> {
    const pending = deferred();
    this.#pending = pending.promise;
    try {
      for (let next: Promise<void> | undefined = writing; next !== undefined;) {
        // What the reader has not taken is not confirmed, and a server that stops would wait for that.
        this.#stallWatch.begin();
        await next;
        // Once run() has returned, the next stream writes.
        next = this.#phases.isOpen || this.#phases.at === "leaving" ? this.#write() : undefined;
        this.#resume();
      }
      this.#pending = undefined;
      this.#resume();
      pending.resolve();
    } catch (error) {
      pending.reject(error);
      this.#finished.reject(error);
    }
  }

  /** Reads nothing more until the held message can be passed on and what came before it is written. */
  async #awaitPreparation(ready: Promise<void>): Promise<void> {
    this.#pause();
    try {
      await Promise.all([ready, this.#pending]);
      if (!this.#phases.isOpen) return;
      this.#intake.release();
      this.#copy.proceed();
      this.#resume();
    } catch (error) {
      this.#finished.reject(error);
    }
  }

  /**
   * The socket is not read while a write is pending and the next one is large enough: this is the backpressure. Behind
   * the end nothing is read, which the server would decode in vain.
   */
  get #paused(): boolean {
    if (this.#intake.held !== undefined || this.#intake.end !== undefined) return true;
    return this.#pending !== undefined && (this.#state.consumer.ahead ?? Infinity) >= AHEAD_BYTES;
  }

  #pause(): void {
    this.#copy.pause();
    this.#stallWatch.begin();
  }

  /** Resumes reading, unless something else has to finish first. */
  #resume(): void {
    if (this.#paused || !this.#phases.isOpen) return;
    this.#liveness?.heard(performance.now());
    this.#stallWatch.end();
    this.#silenced = false;
    this.#copy.resume();
  }

  #silence(reason: string): void {
    if (this.#silenced) return;
    this.#silenced = true;
    this.#start.news.warn({
      message: `the reader stalls, and the server cannot be asked whether it waits for that: ${reason}`,
      detail:
        "The server is no longer told that somebody is there. After wal_sender_timeout it may end the connection, and the temporary slot goes with that.",
      hint: "A slot of its own (--slot) outlives the connection.",
    });
  }

  /** While nothing is read, silence does not mean that the server is gone. */
  #tick(): void {
    if (this.#silenced) return;
    const verdict = this.#paused ? "alive" : this.#liveness?.verdict(performance.now());
    if (verdict === "gone") {
      return this.#finished.reject(
        new Interruption("lost", "the server has been silent for too long"),
      );
    }
    if (verdict === "silent") this.#acknowledger.askForReply();
    this.#acknowledger.signOfLife();
  }

  /** The reply tells how far the server is. */
  askForReply(): void {
    this.#acknowledger.askForReply();
    this.confirmNow();
  }

  /** Call it when the ledger has something new to confirm. */
  confirmNow(): void {
    if (this.#phases.isOpen) this.#acknowledger.sendStatus();
  }

  /** Nothing is read meanwhile: the server would decode in vain. */
  async #lastConfirmations(stop: AbortSignal): Promise<void> {
    const { confirmed } = this.#state;
    if (confirmed === undefined) return;
    this.#pause();
    await unlessAborted(
      Promise.race([ofConsumer(() => confirmed.finish(stop)), this.#left.promise]),
      stop,
    );
  }

  async #lost(): Promise<never> {
    await this.#copy.ended;
    // The walsender of a stopping server ends the copy without an error.
    throw new Interruption("lost", "the server ended the stream");
  }

  async #leave(): Promise<void> {
    this.#phases.leave();
    this.#state.confirmed?.poll();
    this.#acknowledger.close();
    await within(this.#acknowledger.syncAll(), SYNC_GRACE_MS);
    this.#copy.finish();
    this.#copy.resume();
    const ended = this.#copy.ended.catch(() => {});
    await within(ended, END_GRACE_MS);
  }
}
