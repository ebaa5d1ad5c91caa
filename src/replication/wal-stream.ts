import type { Client } from "pg";
import type { Lsn } from "../lsn.ts";
import { pgTimeFromUnixMs } from "../pg-time.ts";
import { PgoutputDecoder } from "../pgoutput/decoder.ts";
import type { PgoutputMessage, StreamAbort } from "../pgoutput/messages.ts";
import type { ByteReader } from "../pgoutput/reader.ts";
import type { Verdict } from "./backend-frames.ts";
import type { Confirmations } from "./confirmations.ts";
import type { Feedback } from "./feedback.ts";
import {
  FrameTag,
  encodeStandbyStatusUpdate,
  encodeStreamAbort,
  readPrimaryKeepalive,
  readXLogData,
} from "./frame.ts";
import type { Ledger } from "./ledger.ts";
import type { Limits } from "./limits.ts";
import { Liveness } from "./liveness.ts";
import type { Resume } from "./resume.ts";
import { StopSentinel } from "./stop-sentinel.ts";
import type { ConnectionTarget } from "./target.ts";
import { CopyBoth, type CopyBothReceiver } from "./transport.ts";
import { unlessAborted, within } from "./within.ts";

/** Where messages go. */
export interface StreamConsumer {
  /** Whether it is one to be printed: only these count for a limit. What it views lives as long as the call. */
  message(message: PgoutputMessage): boolean;
  /**
   * Undefined: the message can be taken now. Else nothing else is handed over until the promise is fulfilled,
   * and then this message.
   */
  prepare(message: PgoutputMessage): Promise<void> | undefined;
  /**
   * Writes what came since the last flush. Undefined: written. Until a promise is fulfilled nothing else is
   * handed over. Throws or rejects when it cannot be written.
   */
  flush(): Promise<void> | undefined;
  /** Makes durable what has been flushed. Undefined: there is nothing to be done for that. */
  sync(): Promise<void> | undefined;
  /** A frame of the stream as it came, before its message is handed over: a capture wants it. */
  readonly frame: ((payload: Uint8Array) => void) | undefined;
}

/** Why a stream ended in good order. */
export type StreamEnd = "stopped" | "limit" | "endpos";

/** What outlives a connection. */
export interface StreamState {
  readonly consumer: StreamConsumer;
  readonly ledger: Ledger;
  readonly feedback: Feedback;
  readonly resume: Resume;
  readonly limits: Limits;
  /** The consumer's own, in the place of what was written. */
  readonly confirmations: Confirmations | undefined;
}

/** How often something should be heard. */
export interface StreamPace {
  readonly statusIntervalMs: number;
  /** 0: the server waits for us for ever. */
  readonly walSenderTimeoutMs: number;
}

/** A message that cannot be passed on yet. */
interface Held {
  readonly message: PgoutputMessage;
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
  #askForReply = false;
  #liveness: Liveness | undefined;
  #pending: Promise<void> | undefined;
  #preparing: Held | undefined;
  #syncing: Promise<void> | undefined;
  #confirmTimer: NodeJS.Timeout | undefined;
  readonly #sentinel: StopSentinel;

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
      clearTimeout(this.#confirmTimer);
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
        const frame = payload.offset;
        const position = readXLogData(payload);
        this.#receive(
          this.#decoder.decodeFrame(payload, position),
          payload.bytes.subarray(frame, payload.end),
        );
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
      if (writing === undefined) this.#deliver(mark);
      else void this.#awaitWrite(writing, mark);
    } catch (error) {
      this.#fail(error);
    }
    if (this.#preparing !== undefined) void this.#awaitPreparation();
    if (this.#replyRequested) this.#sendStatus();
    if (this.#end !== undefined) this.#finish(this.#end);
  }

  #receive(message: PgoutputMessage, frame: Uint8Array): void {
    const { consumer, limits, resume } = this.#state;
    const repeated = resume.repeats(message);
    for (const { xid, subxid } of resume.rolledBack) this.#voidSubtransaction(xid, subxid);
    if (repeated) return;
    if (message.kind === "stream_start" && message.firstSegment && resume.continued) {
      // What was passed on of it stands: it must not look like a new beginning.
      const later = frame.slice();
      later[later.length - 1] = 0;
      return this.#pass({ ...message, firstSegment: false }, later);
    }
    this.#end = limits.endsBefore(message);
    if (this.#end !== undefined) return;
    const ready = consumer.prepare(message);
    if (ready === undefined) this.#pass(message, frame);
    else this.#preparing = { message, frame, ready };
  }

  #pass(message: PgoutputMessage, frame: Uint8Array): void {
    const { consumer, ledger, limits, confirmations } = this.#state;
    consumer.frame?.(frame);
    const printed = consumer.message(message);
    const end = ledger.message(message);
    if (end !== undefined) confirmations?.commit(end);
    this.#end = limits.endsAfter(message, printed);
  }

  /** In the place of the server, which did not tell: the changes were passed on, and do not count. */
  #voidSubtransaction(xid: number, subxid: number): void {
    const message: StreamAbort = {
      kind: "stream_abort",
      position: { high: 0, low: 0 },
      transaction: { xid, commitTime: null },
      subxid,
      abortLsn: null,
      abortTime: null,
    };
    this.#pass(message, encodeStreamAbort(xid, subxid));
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
      this.#deliver(mark);
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
      this.#pass(held.message, held.frame);
      this.#copy.proceed();
      if (this.#pending === undefined && this.#preparing === undefined) this.#copy.resume();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** All up to the mark has been written. */
  #deliver(mark: Lsn): void {
    const { confirmations, feedback, ledger } = this.#state;
    confirmations?.written();
    ledger.write(mark);
    if (this.#over || this.#confirmTimer !== undefined) return;
    const dueInMs = feedback.dueInMs(ledger.written, performance.now());
    if (dueInMs === 0) this.#confirm();
    else if (dueInMs !== undefined) {
      this.#confirmTimer = setTimeout(() => this.#confirm(), dueInMs);
    }
  }

  /** While a write is blocked nothing is read, so that a server that is silent cannot be told from one that waits. */
  #tick(): void {
    const verdict =
      this.#pending === undefined ? this.#liveness?.verdict(performance.now()) : "alive";
    if (verdict === "gone") return this.#fail(new ServerSilent());
    this.#askForReply = verdict === "silent";
    this.#confirm();
  }

  /** Sends a status that confirms what was written, which is made durable before. */
  #confirm(): void {
    clearTimeout(this.#confirmTimer);
    this.#confirmTimer = undefined;
    if (this.#syncing !== undefined) return;
    const { consumer, confirmations, ledger } = this.#state;
    if (confirmations !== undefined) return this.#sendStatus();
    const { written } = ledger;
    const syncing = consumer.sync();
    if (syncing === undefined) {
      ledger.deliver(written);
      this.#sendStatus();
    } else {
      this.#syncing = this.#confirmDurable(syncing, written);
    }
  }

  async #confirmDurable(syncing: Promise<void>, written: Lsn): Promise<void> {
    try {
      await syncing;
      this.#state.ledger.deliver(written);
      this.#sendStatus();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#syncing = undefined;
    }
  }

  /** The ledger knows of something new to confirm. */
  confirmNow(): void {
    if (!this.#over) this.#sendStatus();
  }

  #sendStatus(): void {
    this.#replyRequested = false;
    const { feedback, ledger } = this.#state;
    const status = {
      ...feedback.status(ledger, performance.now()),
      replyRequested: this.#askForReply,
    };
    this.#askForReply = false;
    this.#copy.send(encodeStandbyStatusUpdate(status, pgTimeFromUnixMs(Date.now())));
  }

  async #lost(): Promise<never> {
    await this.#copy.ended;
    // The walsender of a stopping server ends the copy without an error.
    throw new ConnectionEnded();
  }

  async #leave(): Promise<void> {
    this.#over = true;
    await within(this.#syncing, WRITE_GRACE_MS);
    this.#confirm();
    await within(this.#syncing, WRITE_GRACE_MS);
    this.#copy.finish();
    this.#copy.resume();
    await within(
      this.#copy.ended.catch(() => {}),
      END_GRACE_MS,
    );
  }
}

/** Nothing has come for so long that the connection must be lost. */
class ServerSilent extends Error {
  override readonly name = "ServerSilent";
  readonly code = "ETIMEDOUT";

  constructor() {
    super("the server has been silent for too long");
  }
}

/** The server ended the stream. It does when it stops. */
class ConnectionEnded extends Error {
  override readonly name = "ConnectionEnded";
  readonly code = "57P01";

  constructor() {
    super("the server ended the stream");
  }
}
