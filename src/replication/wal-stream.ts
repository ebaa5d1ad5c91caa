import type { Client } from "pg";
import type { Lsn } from "../lsn.ts";
import { PgoutputDecoder } from "../pgoutput/decoder.ts";
import { isRowChange } from "../pgoutput/changes.ts";
import type { OtherMessage, PgoutputMessage, RowChange } from "../pgoutput/messages.ts";
import type { ByteReader } from "../pgoutput/reader.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Verdict } from "./backend-frames.ts";
import { FrameTag, encodeStreamAbort, readPrimaryKeepalive, readXLogData } from "./frame.ts";
import { Liveness } from "./liveness.ts";
import { StopSentinel } from "./stop-sentinel.ts";
import { ConnectionEnded, ServerSilent } from "./stream-errors.ts";
import type { StreamPace } from "./stream-pace.ts";
import type { StreamState } from "./stream-state.ts";
import type { ConnectionTarget } from "./target.ts";
import { CopyBoth, type CopyBothReceiver } from "./transport.ts";
import { unlessAborted, within } from "./within.ts";

/** Why a stream ended in good order. */
export type StreamEnd = "stopped" | "limit" | "endpos";

/** A message that cannot be passed on yet. */
interface Held {
  readonly message: OtherMessage;
  readonly frame: Uint8Array;
  readonly ready: Promise<void>;
}

/** Together less than the second in which a signal is answered. */
const WRITE_GRACE_MS = 300;
const END_GRACE_MS = 400;

/**
 * One START_REPLICATION on one connection: every message to the consumer, a batch for each read from the
 * socket; and feedback, which a write that is blocked does not hold up.
 */
export class WalStream implements CopyBothReceiver {
  readonly #state: StreamState;
  readonly #copy: CopyBoth;
  readonly #decoder = new PgoutputDecoder();
  readonly #onStart: () => void;
  readonly #finished: Promise<StreamEnd>;
  #finish!: (end: StreamEnd) => void;
  #fail!: (error: unknown) => void;
  #end: StreamEnd | undefined;
  #over = false;
  #replyRequested = false;
  #liveness: Liveness | undefined;
  /** Of the payload that is being received. */
  #frameStart = 0;
  #pending: Promise<void> | undefined;
  #preparing: Held | undefined;
  readonly #sentinel: StopSentinel;
  readonly #acknowledger: Acknowledger;

  constructor(
    statement: string,
    target: ConnectionTarget,
    state: StreamState,
    onStart: () => void,
  ) {
    this.#state = state;
    this.#onStart = onStart;
    this.#sentinel = new StopSentinel(target, () => this.#fail(new ConnectionEnded()));
    this.#copy = new CopyBoth(statement, this);
    this.#acknowledger = new Acknowledger(state, {
      send: (status) => this.#copy.send(status),
      fail: (error) => this.#fail(error),
    });
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.#finished.catch(() => {});
  }

  /**
   * Streams until there is a reason to end, and then leaves in good order: with a last status, having read to
   * the server's own end of the copy. Rejects when the connection is lost or the consumer fails.
   */
  async run(client: Client, pace: StreamPace, stop: AbortSignal): Promise<StreamEnd> {
    const onStop = (): void => this.#finish("stopped");
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
    client.query(this.#copy);
    this.#liveness = new Liveness(pace.walSenderTimeoutMs, performance.now());
    const statusTimer = setInterval(() => this.#tick(), pace.statusIntervalMs);
    try {
      const end = await Promise.race([this.#finished, this.#lost()]);
      // A reader that is only slow gets all that was meant for it, unless a signal is more urgent.
      if (end !== "stopped") await unlessAborted(this.#pending, stop);
      await within(this.#pending, WRITE_GRACE_MS);
      return end;
    } finally {
      clearInterval(statusTimer);
      stop.removeEventListener("abort", onStop);
      this.#sentinel.rest();
      await this.#leave();
    }
  }

  /** The write that was under way when the connection was lost. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  started(): void {
    try {
      this.#onStart();
    } catch (error) {
      // What is in the same chunk must not be passed on.
      this.#over = true;
      this.#fail(error);
    }
  }

  copyData(payload: ByteReader): Verdict {
    if (this.#over) return "stop";
    switch (payload.view.getUint8(payload.offset)) {
      case FrameTag.xLogData: {
        this.#frameStart = payload.offset;
        const position = readXLogData(payload);
        this.#receive(this.#decoder.decodeFrame(payload, position), payload);
        break;
      }
      case FrameTag.primaryKeepalive: {
        this.#state.consumer.frame?.(payload.bytes.subarray(payload.offset, payload.end));
        const { walEnd, replyRequested } = readPrimaryKeepalive(payload);
        this.#replyRequested ||= replyRequested;
        this.#keepalive(walEnd);
        break;
      }
    }
    if (this.#end !== undefined) return "stop";
    return this.#preparing === undefined ? "next" : "hold";
  }

  readDone(): void {
    this.#liveness?.heard(performance.now());
    if (this.#over) return;
    const mark = this.#state.ledger.mark();
    try {
      const writing = this.#state.consumer.flush();
      if (writing === undefined) this.#acknowledger.written(mark);
      else void this.#awaitWrite(writing, mark);
    } catch (error) {
      // More may be read before anybody hears of it: that must not be passed on, and not look as if all were written.
      this.#over = true;
      this.#fail(error);
      return;
    }
    if (this.#preparing !== undefined) void this.#awaitPreparation();
    if (this.#replyRequested) this.#acknowledger.sendStatus();
    this.#replyRequested = false;
    if (this.#end !== undefined) this.#finish(this.#end);
  }

  #receive(message: PgoutputMessage, payload: ByteReader): void {
    if (isRowChange(message)) return this.#change(message, payload);
    const { consumer, limits, resume } = this.#state;
    const repeated = resume.repeats(message);
    this.#voidRolledBack();
    if (repeated) return;
    this.#end = limits.endsBefore(message);
    if (this.#end !== undefined) return;
    if (message.kind === "stream_start" && message.firstSegment && resume.continued) {
      // What was passed on of it stands: it must not look like a new beginning.
      const later = this.#frame(payload).slice();
      later[later.length - 1] = 0;
      consumer.frame?.(later);
      return this.#pass({ ...message, firstSegment: false });
    }
    const ready = consumer.prepare(message);
    if (ready === undefined) {
      consumer.frame?.(this.#frame(payload));
      this.#pass(message);
    } else this.#preparing = { message, frame: this.#frame(payload), ready };
  }

  /** The hot path: rows come by the million, and whatever only other messages do is not asked of them. */
  #change(change: RowChange, payload: ByteReader): void {
    const { consumer, limits, resume } = this.#state;
    const repeated = resume.repeatsChange(change);
    if (resume.rolledBack.length > 0) this.#voidRolledBack();
    if (repeated) return;
    if (limits.reached) {
      this.#end = "limit";
      return;
    }
    // A view for each row would cost as much as the row.
    if (consumer.frame !== undefined) consumer.frame(this.#frame(payload));
    if (consumer.change(change)) limits.change();
  }

  /** As it came, header included. */
  #frame(payload: ByteReader): Uint8Array {
    return payload.bytes.subarray(this.#frameStart, payload.end);
  }

  #pass(message: OtherMessage): void {
    const { consumer, ledger, limits, confirmations } = this.#state;
    consumer.message(message);
    const end = ledger.message(message);
    if (end !== undefined) confirmations?.commit(end);
    this.#end = limits.endsAfter(message);
  }

  /** In the place of the server, which did not tell: the changes were passed on, and do not count. */
  #voidRolledBack(): void {
    for (const { xid, subxid } of this.#state.resume.rolledBack) {
      this.#state.consumer.frame?.(encodeStreamAbort(xid, subxid));
      this.#pass({
        kind: "stream_abort",
        position: { high: 0, low: 0 },
        transaction: { xid, commitTime: null },
        subxid,
        abortLsn: null,
        abortTime: null,
      });
    }
  }

  #keepalive(walEnd: Lsn): void {
    const { ledger, limits } = this.#state;
    ledger.keepalive(walEnd);
    if (!ledger.transactionOpen && limits.endsAt(walEnd)) this.#end ??= "endpos";
  }

  /** The socket is not read while the write is under way: that is all the backpressure there is, and enough. */
  async #awaitWrite(writing: Promise<void>, mark: Lsn): Promise<void> {
    this.#copy.pause();
    this.#pending = writing;
    this.#sentinel.watch();
    try {
      await writing;
      this.#pending = undefined;
      this.#liveness?.heard(performance.now());
      this.#sentinel.rest();
      this.#acknowledger.written(mark);
      if (this.#preparing === undefined) this.#copy.resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads nothing more before the held message can be passed on and what came before it is written. */
  async #awaitPreparation(): Promise<void> {
    const held = this.#preparing;
    if (held === undefined) return;
    this.#copy.pause();
    try {
      await Promise.all([held.ready, this.#pending]);
      if (this.#over) return;
      this.#preparing = undefined;
      this.#state.consumer.frame?.(held.frame);
      this.#pass(held.message);
      this.#copy.proceed();
      if (this.#pending === undefined && this.#preparing === undefined) this.#copy.resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** While a write is blocked nothing is read, so that a server that is silent cannot be told from one that waits. */
  #tick(): void {
    const verdict =
      this.#pending === undefined ? this.#liveness?.verdict(performance.now()) : "alive";
    if (verdict === "gone") return this.#fail(new ServerSilent());
    if (verdict === "silent") this.#acknowledger.askForReply();
    this.#acknowledger.confirm();
  }

  /** The ledger knows of something new to confirm. */
  confirmNow(): void {
    if (!this.#over) this.#acknowledger.sendStatus();
  }

  async #lost(): Promise<never> {
    await this.#copy.ended;
    // The walsender of a stopping server ends the copy without an error.
    throw new ConnectionEnded();
  }

  async #leave(): Promise<void> {
    this.#over = true;
    const acknowledger = this.#acknowledger;
    acknowledger.close();
    await within(acknowledger.syncing, WRITE_GRACE_MS);
    acknowledger.confirm();
    await within(acknowledger.syncing, WRITE_GRACE_MS);
    this.#copy.finish();
    this.#copy.resume();
    await within(
      this.#copy.ended.catch(() => {}),
      END_GRACE_MS,
    );
  }
}
