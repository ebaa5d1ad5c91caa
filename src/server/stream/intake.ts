import { DecodeError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { type Boundary, boundaryOf } from "../../postgres/messages/boundary.ts";
import { isRowChange } from "../../postgres/messages/changes.ts";
import { PgoutputDecoder } from "../../postgres/messages/decoder.ts";
import type {
  OtherMessage,
  PgoutputMessage,
  RelationMessage,
  RowChange,
  TypeMessage,
} from "../../postgres/messages/messages.ts";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import { streamAbort } from "../../postgres/messages/streams.ts";
import type { Verdict } from "../connection/backend-frames.ts";
import { FrameTag, readPrimaryKeepalive, readXLogData } from "../delivery/frame.ts";
import type { AnchorCheck } from "../start/anchor-check.ts";
import { type Gap, otherTransaction } from "../start/continuity.ts";
import type { StreamState } from "../start/state.ts";
import type { RolledBack } from "../start/transaction.ts";

/** Why a stream ended without an error. */
export type StreamEnd = "stopped" | "limit" | "endpos";

/** A message that cannot be passed on yet. */
interface Held {
  readonly ready: Promise<void>;
  /** Call it when `ready` is fulfilled. */
  readonly take: () => void;
}

/**
 * Takes what one connection receives, payload by payload. It checks that the log is the one received before, leaves out
 * repetitions, stops at the limits, and passes the rest on to the consumer and the ledger.
 */
export class Intake {
  readonly #state: StreamState;
  readonly #decoder = new PgoutputDecoder();
  readonly #onChecked: (gap: Gap | undefined) => void;
  /** Set until it is certain that the log is the one received before. */
  #check: AnchorCheck | undefined;
  #end: StreamEnd | undefined;
  #held: Held | undefined;
  #replyRequested = false;
  /** The offset of the payload that is being received. */
  #frameStart = 0;

  /**
   * @param onChecked the check has ended. With a gap, the log is a different one, and nothing more may be passed on.
   */
  constructor(
    state: StreamState,
    check: AnchorCheck | undefined,
    onChecked: (gap: Gap | undefined) => void,
  ) {
    this.#state = state;
    this.#check = check;
    this.#onChecked = onChecked;
    state.feedback.hold(check !== undefined);
  }

  /** Undefined if no limit was reached. */
  get end(): StreamEnd | undefined {
    return this.#end;
  }

  /** The message that has to be released before more can be received. */
  get held(): Held | undefined {
    return this.#held;
  }

  /** Whether the server has asked for a reply since the last call. */
  takeReplyRequest(): boolean {
    const requested = this.#replyRequested;
    this.#replyRequested = false;
    return requested;
  }

  receive(payload: ByteReader): Verdict {
    // For an empty payload, the byte there is the next message's type.
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
    return this.#held === undefined ? "next" : "hold";
  }

  /** Takes the held message, which is ready now. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.take();
  }

  /** A message that has to wait is judged after that: a lost connection meanwhile leaves no trace of it. */
  #receive(message: PgoutputMessage, payload: ByteReader): void {
    if (isRowChange(message)) return this.#receiveChange(message, payload);
    const announces = message.kind === "relation" || message.kind === "type";
    if (announces && this.#state.resume.repeating) return this.#announce(message, payload);
    const boundary = boundaryOf(message);
    if (this.#check !== undefined && this.#parts(this.#check.message(message, boundary))) return;
    const ready = this.#state.consumer.prepare(message);
    const frame = this.#frame(payload);
    // Bound, not a closure: that would cost each call an object.
    if (ready === undefined) this.#take(message, boundary, frame);
    else this.#held = { ready, take: this.#take.bind(this, message, boundary, frame) };
  }

  #take(
    message: OtherMessage,
    boundary: Boundary | undefined,
    frame: Uint8Array | undefined,
  ): void {
    const { consumer, limits, resume } = this.#state;
    const { repeated, continued, rolledBack } = resume.judge(message, boundary);
    if (this.#voidRolledBack(rolledBack) || repeated) return;
    this.#end = limits.endsBefore(boundary);
    if (this.#end !== undefined) return;
    const continues = message.kind === "stream_start" && message.firstSegment && continued;
    // The blocks passed on before stay valid, so this must not look like a new beginning.
    if (continues) consumer.note?.({ stream_continues: message.transaction.xid });
    if (frame !== undefined) consumer.frame?.(frame);
    this.#pass(continues ? { ...message, firstSegment: false } : message, boundary);
  }

  /**
   * A repeated transaction announces relations and types that later rows need. They are remembered and not printed
   * again. A capture may be a new file: it gets the message, outside of transactions, and then it is printed too.
   */
  #announce(message: RelationMessage | TypeMessage, payload: ByteReader): void {
    const { consumer } = this.#state;
    const outside = { ...message, transaction: null };
    const frame = this.#frame(payload);
    const take = (): void => {
      if (frame === undefined) return consumer.announce(outside);
      consumer.frame?.(frame);
      consumer.message(outside);
    };
    const ready = consumer.prepare(outside);
    if (ready === undefined) take();
    else this.#held = { ready, take };
  }

  /** Returns true if the log is not the one received before. */
  #parts(gap: Gap | undefined): boolean {
    if (this.#check?.pending !== false) return false;
    if (gap === undefined) {
      this.#check = undefined;
      this.#state.feedback.hold(false);
    }
    this.#onChecked(gap);
    return gap !== undefined;
  }

  /** The hot path: rows come by the million, and skip every check that only other messages need. */
  #receiveChange(change: RowChange, payload: ByteReader): void {
    const { consumer } = this.#state;
    const ready = this.#decoder.streaming ? consumer.prepareStreamed(change) : undefined;
    const frame = this.#frame(payload);
    if (ready === undefined) this.#takeChange(change, frame);
    else this.#held = { ready, take: this.#takeChange.bind(this, change, frame) };
  }

  #takeChange(change: RowChange, frame: Uint8Array | undefined): void {
    const { consumer, limits, resume } = this.#state;
    const { repeated, rolledBack } = resume.judgeChange(change.transaction?.xid, change.position);
    if (rolledBack.length > 0 && this.#voidRolledBack(rolledBack)) return;
    if (repeated) return;
    if (limits.reached) {
      this.#end = "limit";
      return;
    }
    if (frame !== undefined) consumer.frame?.(frame);
    if (consumer.change(change)) limits.change();
  }

  /** The payload as received, including its header. A view of it costs as much as a row: only for a capture. */
  #frame(payload: ByteReader): Uint8Array | undefined {
    if (this.#state.consumer.frame === undefined) return undefined;
    return payload.bytes.subarray(this.#frameStart, payload.end);
  }

  #pass(message: OtherMessage, boundary: Boundary | undefined): void {
    const { confirmed, consumer, ledger, limits } = this.#state;
    consumer.message(message);
    const end = boundary && ledger.boundary(boundary);
    if (end !== undefined) confirmed?.confirmations.commit(end);
    this.#end = limits.endsAfter(boundary);
  }

  /**
   * Passes on Stream Aborts that the server does not send: changes that were passed on have been rolled back. Returns
   * true if the log is not the one received before.
   */
  #voidRolledBack(rolledBack: readonly RolledBack[]): boolean {
    if (rolledBack.length === 0) return false;
    const other = rolledBack.find(({ xid, subxid }) => xid === subxid);
    if (other !== undefined) {
      this.#onChecked(otherTransaction(other.xid));
      return true;
    }
    this.#state.consumer.note?.({ rolled_back: rolledBack });
    for (const { xid, subxid } of rolledBack) this.#pass(streamAbort(xid, subxid), undefined);
    return false;
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
}
