import type { Client } from "pg";
import { DecodeError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { PgoutputDecoder } from "../../pgoutput/decoder.ts";
import { isRowChange } from "../../pgoutput/changes.ts";
import type {
  OtherMessage,
  PgoutputMessage,
  RelationMessage,
  RowChange,
  TypeMessage,
} from "../../pgoutput/messages.ts";
import type { ByteReader } from "../../pgoutput/reader.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { AnchorCheck } from "../start/anchor-check.ts";
import type { Verdict } from "../connection/backend-frames.ts";
import { ConsumerError, ofConsumer } from "../start/consumer.ts";
import type { Gap } from "../start/continuity.ts";
import {
  FrameTag,
  encodeStreamAbort,
  readPrimaryKeepalive,
  readXLogData,
} from "../delivery/frame.ts";
import { GapError } from "../start/gap-error.ts";
import { Liveness } from "./liveness.ts";
import { StallWatch } from "./stall-watch.ts";
import { ConnectionEnded, LeftForStall, ServerSilent } from "./errors.ts";
import type { RolledBack } from "../start/unfinished.ts";
import type { SessionNews } from "../start/options.ts";
import type { StreamPace } from "./pace.ts";
import type { StreamState } from "../start/state.ts";
import type { ConnectionTarget } from "../target/target.ts";
import { CopyBoth, type CopyBothReceiver } from "./transport.ts";
import { unlessAborted, within } from "../connection/within.ts";

/** Why a stream ended in good order. */
export type StreamEnd = "stopped" | "limit" | "endpos";

/** What a stream begins with. */
interface StreamStart {
  readonly target: ConnectionTarget;
  /** START_REPLICATION. */
  readonly statement: string;
  readonly pace: StreamPace;
  /** The slot goes with the connection. */
  readonly temporary: boolean;
  /** Whether the log is the one that was received. */
  readonly check: AnchorCheck | undefined;
  /** The server has accepted the statement. */
  readonly onStart: () => void;
  readonly warn: SessionNews["warn"];
}

/** A message that cannot be passed on yet. */
interface Held {
  readonly message: PgoutputMessage;
  /** It is only what a transaction announces that is itself a repetition. */
  readonly announced: boolean;
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
  readonly #start: StreamStart;
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
  readonly #stallWatch: StallWatch;
  readonly #left: Promise<void>;
  /** No feedback: nobody sees whether the server waits for us, so that it has to be able to give us up. */
  #silenced = false;
  readonly #acknowledger: Acknowledger;
  /** Until it is sure that the log is the one that was received. */
  #check: AnchorCheck | undefined;

  constructor(start: StreamStart, state: StreamState) {
    this.#state = state;
    this.#start = start;
    this.#check = start.check;
    state.feedback.hold(start.check !== undefined);
    this.#copy = new CopyBoth(start.statement, this);
    this.#acknowledger = new Acknowledger(state, {
      send: (status) => this.#copy.send(status),
      fail: (error) => this.#fail(error),
    });
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.#finished.catch(() => {});
    let leave!: () => void;
    this.#left = new Promise((resolve) => (leave = resolve));
    const onServerWaits = (reason: string): void => {
      this.#fail(new LeftForStall(reason));
      leave();
    };
    this.#stallWatch = new StallWatch({
      target: start.target,
      pid: start.pace.pid,
      onServerWaits,
      onUnseen: (reason) => (start.temporary ? this.#silence(reason) : onServerWaits(reason)),
    });
  }

  /**
   * Streams until there is a reason to end, and then leaves in good order: with a last status, having read to
   * the server's own end of the copy. Rejects when the connection is lost or the consumer fails.
   */
  async run(client: Client, stop: AbortSignal): Promise<StreamEnd> {
    const { pace } = this.#start;
    const onStop = (): void => this.#finish("stopped");
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) onStop();
    client.query(this.#copy);
    this.#liveness = new Liveness(pace.walSenderTimeoutMs, performance.now());
    const statusTimer = setInterval(() => this.#tick(), pace.statusIntervalMs);
    try {
      const end = await Promise.race([this.#finished, this.#lost()]);
      // A reader that is only slow gets all that was meant for it, unless a signal is more urgent.
      if (end !== "stopped") await unlessAborted(Promise.race([this.#pending, this.#left]), stop);
      await within(this.#pending, WRITE_GRACE_MS);
      if (end !== "stopped" && this.#pending === undefined) await this.#lastConfirmations(stop);
      return end;
    } finally {
      clearInterval(statusTimer);
      stop.removeEventListener("abort", onStop);
      this.#stallWatch.end();
      await this.#leave();
    }
  }

  /** The write that was under way when the connection was lost. */
  get pending(): Promise<void> | undefined {
    return this.#pending;
  }

  started(): void {
    try {
      this.#start.onStart();
    } catch (error) {
      // What is in the same chunk must not be passed on.
      this.#over = true;
      this.#fail(new ConsumerError(error));
    }
  }

  copyData(payload: ByteReader): Verdict {
    if (this.#over) return "stop";
    // An empty payload has the next message's type there.
    const tag = payload.offset < payload.end ? payload.view.getUint8(payload.offset) : undefined;
    switch (tag) {
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
      default:
        throw new DecodeError(`unknown streaming header ${tag ?? "of no bytes"}`, payload.offset);
    }
    if (this.#end !== undefined) return "stop";
    return this.#preparing === undefined ? "next" : "hold";
  }

  readDone(): void {
    this.#liveness?.heard(performance.now());
    if (this.#over) return;
    const mark = this.#state.ledger.mark();
    try {
      const writing = ofConsumer(() => this.#state.consumer.flush());
      this.#state.confirmed?.confirmations.printed();
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
    if (this.#state.resume.repeating && announces(message)) return this.#announce(message, payload);
    if (this.#check !== undefined && this.#parts(this.#check.message(message))) return;
    const { consumer, limits, resume } = this.#state;
    const { repeated, continued, rolledBack } = resume.judge(message);
    this.#voidRolledBack(rolledBack);
    if (repeated) return;
    this.#end = limits.endsBefore(message);
    if (this.#end !== undefined) return;
    if (message.kind === "stream_start" && message.firstSegment && continued) {
      // What was passed on of it stands: it must not look like a new beginning.
      const later = this.#frame(payload).slice();
      later[later.length - 1] = 0;
      consumer.frame?.(later);
      return this.#pass({ ...message, firstSegment: false });
    }
    this.#prepare(message, payload, false);
  }

  /**
   * A transaction that is repeated announces what later rows rely on: it is known, and not printed again. A capture, which
   * may be a new one, gets it, outside of transactions; then it is printed as well.
   */
  #announce(message: RelationMessage | TypeMessage, payload: ByteReader): void {
    const captured = this.#state.consumer.frame !== undefined;
    this.#prepare({ ...message, transaction: null }, payload, !captured);
  }

  #prepare(message: OtherMessage, payload: ByteReader, announced: boolean): void {
    const { consumer } = this.#state;
    const ready = consumer.prepare(message);
    if (ready === undefined) {
      consumer.frame?.(this.#frame(payload));
      this.#pass(message, announced);
    } else this.#preparing = { message, announced, frame: this.#frame(payload), ready };
  }

  /** Whether the log turns out not to be the one that was received. */
  #parts(gap: Gap | undefined): boolean {
    if (gap !== undefined) {
      this.stopWith(new GapError(gap));
      return true;
    }
    if (this.#check?.pending === false) {
      this.#check = undefined;
      this.#state.feedback.hold(false);
    }
    return false;
  }

  /** Ends the stream with what was received before: nothing that comes later is passed on or confirmed. */
  stopWith(error: Error): void {
    if (this.#over) return;
    this.readDone();
    this.#over = true;
    this.#fail(error);
  }

  /** The hot path: rows come by the million, and whatever only other messages do is not asked of them. */
  #change(change: RowChange, payload: ByteReader): void {
    const { consumer, limits, resume } = this.#state;
    const { repeated, rolledBack } = resume.judgeChange(change.transaction?.xid, change.position);
    if (rolledBack.length > 0) this.#voidRolledBack(rolledBack);
    if (repeated) return;
    if (limits.reached) {
      this.#end = "limit";
      return;
    }
    if (this.#decoder.streaming) {
      const ready = consumer.prepareStreamed(change);
      if (ready !== undefined) {
        this.#preparing = { message: change, announced: false, frame: this.#frame(payload), ready };
        return;
      }
    }
    // A view for each row would cost as much as the row.
    if (consumer.frame !== undefined) consumer.frame(this.#frame(payload));
    if (consumer.change(change)) limits.change();
  }

  /** As it came, header included. */
  #frame(payload: ByteReader): Uint8Array {
    return payload.bytes.subarray(this.#frameStart, payload.end);
  }

  #pass(message: PgoutputMessage, announced = false): void {
    const { confirmed, consumer, ledger, limits } = this.#state;
    if (isRowChange(message)) {
      if (consumer.change(message)) limits.change();
      return;
    }
    if (announced) return consumer.announce(message);
    consumer.message(message);
    const end = ledger.message(message);
    if (end !== undefined) confirmed?.confirmations.commit(end);
    this.#end = limits.endsAfter(message);
  }

  /** In the place of the server, which did not tell: the changes were passed on, and do not count. */
  #voidRolledBack(rolledBack: readonly RolledBack[]): void {
    for (const { xid, subxid } of rolledBack) {
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
    if (this.#check !== undefined && !ledger.transactionOpen) {
      if (this.#parts(this.#check.keepalive(walEnd))) return;
    }
    ledger.keepalive(walEnd);
    if (ledger.transactionOpen) return;
    if (limits.endsAt(walEnd)) this.#end ??= "endpos";
    this.#state.consumer.idle?.();
  }

  /** The socket is not read while the write is under way: that is all the backpressure there is, and enough. */
  async #awaitWrite(writing: Promise<void>, mark: Lsn): Promise<void> {
    this.#pending = writing;
    this.#pause();
    try {
      await writing;
      this.#pending = undefined;
      this.#acknowledger.written(mark);
      this.#resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Reads nothing more before the held message can be passed on and what came before it is written. */
  async #awaitPreparation(): Promise<void> {
    const held = this.#preparing;
    if (held === undefined) return;
    this.#pause();
    try {
      await Promise.all([held.ready, this.#pending]);
      if (this.#over) return;
      this.#preparing = undefined;
      this.#state.consumer.frame?.(held.frame);
      this.#pass(held.message, held.announced);
      this.#copy.proceed();
      this.#resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  get #paused(): boolean {
    return this.#pending !== undefined || this.#preparing !== undefined;
  }

  #pause(): void {
    this.#copy.pause();
    this.#stallWatch.begin();
  }

  /** Unless there is something else that has to be done before more is read. */
  #resume(): void {
    if (this.#paused || this.#over) return;
    this.#liveness?.heard(performance.now());
    this.#stallWatch.end();
    this.#silenced = false;
    this.#copy.resume();
  }

  #silence(reason: string): void {
    if (this.#silenced) return;
    this.#silenced = true;
    this.#start.warn({
      message: `the reader stalls, and the server cannot be asked whether it waits for that: ${reason}`,
      detail:
        "The server is no longer told that somebody is there. After wal_sender_timeout it may end the connection, and the temporary slot goes with that.",
      hint: "A slot of its own (--slot) outlives the connection.",
    });
  }

  /** While nothing is read, a server that is silent cannot be told from one that waits. */
  #tick(): void {
    if (this.#silenced) return;
    const unread = this.#paused || this.#end !== undefined;
    const verdict = unread ? "alive" : this.#liveness?.verdict(performance.now());
    if (verdict === "gone") return this.#fail(new ServerSilent());
    if (verdict === "silent") this.#acknowledger.askForReply();
    this.#acknowledger.signOfLife();
  }

  /** The ledger knows of something new to confirm. */
  confirmNow(): void {
    if (!this.#over) this.#acknowledger.sendStatus();
  }

  /** Nothing is read meanwhile: the server would decode for nobody. */
  async #lastConfirmations(stop: AbortSignal): Promise<void> {
    const { confirmed } = this.#state;
    if (confirmed === undefined) return;
    this.#pause();
    await unlessAborted(Promise.race([ofConsumer(() => confirmed.finish(stop)), this.#left]), stop);
  }

  async #lost(): Promise<never> {
    await this.#copy.ended;
    // The walsender of a stopping server ends the copy without an error.
    throw new ConnectionEnded();
  }

  async #leave(): Promise<void> {
    this.#over = true;
    const acknowledger = this.#acknowledger;
    this.#state.confirmed?.poll();
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

function announces(message: OtherMessage): message is RelationMessage | TypeMessage {
  return message.kind === "relation" || message.kind === "type";
}
