import { DecodeError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { type Boundary, boundaryOf } from "../../pgoutput/boundary.ts";
import { isRowChange } from "../../pgoutput/changes.ts";
import { PgoutputDecoder } from "../../pgoutput/decoder.ts";
import type {
  OtherMessage,
  PgoutputMessage,
  RelationMessage,
  RowChange,
  TypeMessage,
} from "../../pgoutput/messages.ts";
import type { ByteReader } from "../../pgoutput/reader.ts";
import { streamAbort } from "../../pgoutput/streams.ts";
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
  readonly frame: Uint8Array;
  readonly pass: () => void;
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

  /** Passes on the held message, which is ready now. */
  release(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#state.consumer.frame?.(held.frame);
    held.pass();
  }

  #receive(message: PgoutputMessage, payload: ByteReader): void {
    if (isRowChange(message)) return this.#change(message, payload);
    if (this.#state.resume.repeating && announces(message)) return this.#announce(message, payload);
    const boundary = boundaryOf(message);
    if (this.#check !== undefined && this.#parts(this.#check.message(message, boundary))) return;
    const { consumer, limits, resume } = this.#state;
    const { repeated, continued, rolledBack } = resume.judge(message, boundary);
    if (this.#voidRolledBack(rolledBack) || repeated) return;
    this.#end = limits.endsBefore(boundary);
    if (this.#end !== undefined) return;
    const ready = consumer.prepare(message);
    if (ready !== undefined)
      return this.#hold(ready, payload, this.#pass.bind(this, message, boundary));
    const continues = message.kind === "stream_start" && message.firstSegment && continued;
    // The blocks passed on before stay valid, so this must not look like a new beginning.
    if (continues) consumer.note?.({ stream_continues: message.transaction.xid });
    consumer.frame?.(this.#frame(payload));
    this.#pass(continues ? { ...message, firstSegment: false } : message, boundary);
  }

  /**
   * A repeated transaction announces relations and types that later rows need. They are remembered and not printed
   * again. A capture may be a new file: it gets the message, outside of transactions, and then it is printed too.
   */
  #announce(message: RelationMessage | TypeMessage, payload: ByteReader): void {
    const { consumer } = this.#state;
    const outside = { ...message, transaction: null };
    const how = consumer.frame === undefined ? "announce" : "message";
    const ready = consumer.prepare(outside);
    if (ready !== undefined) return this.#hold(ready, payload, () => consumer[how](outside));
    consumer.frame?.(this.#frame(payload));
    consumer[how](outside);
  }

  /** @param pass without closures over a parameter of the hot path, which would cost each call an object */
  #hold(ready: Promise<void>, payload: ByteReader, pass: () => void): void {
    this.#held = { ready, frame: this.#frame(payload), pass };
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
  #change(change: RowChange, payload: ByteReader): void {
    const { consumer, limits, resume } = this.#state;
    const { repeated, rolledBack } = resume.judgeChange(change.transaction?.xid, change.position);
    if (rolledBack.length > 0 && this.#voidRolledBack(rolledBack)) return;
    if (repeated) return;
    if (limits.reached) {
      this.#end = "limit";
      return;
    }
    if (this.#decoder.streaming) {
      const ready = consumer.prepareStreamed(change);
      if (ready !== undefined) return this.#hold(ready, payload, this.#passRow.bind(this, change));
    }
    // A view for each row would cost as much as the row, so it is made only if needed.
    if (consumer.frame !== undefined) consumer.frame(this.#frame(payload));
    this.#passRow(change);
  }

  #passRow(change: RowChange): void {
    if (this.#state.consumer.change(change)) this.#state.limits.change();
  }

  /** The payload as received, including its header. */
  #frame(payload: ByteReader): Uint8Array {
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

function announces(message: OtherMessage): message is RelationMessage | TypeMessage {
  return message.kind === "relation" || message.kind === "type";
}
