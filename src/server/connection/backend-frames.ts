import { ByteReader } from "../../postgres/bytes/reader.ts";
import { LENGTH_BYTES, ProtocolViolation, longestMessage } from "./backend-messages.ts";

const TYPE_AND_LENGTH_BYTES = 5;
const COPY_DATA = 0x64; // d
/** Enough for most messages; the buffer grows for longer ones. */
const CARRY_BYTES = 64 * 1024;
/** Longer messages get memory only as their bytes arrive: a length that a server merely claims allocates nothing. */
const TRUSTED_BYTES = 16 * 1024 * 1024;

/** What follows a payload: the next one, none until proceed(), or no more at all. */
export type Verdict = "next" | "hold" | "stop";

export interface FrameReceiver {
  /**
   * Takes one CopyData payload: the bytes between the reader's offset and its end. They do not change until the
   * receiver asks for the next one.
   */
  copyData(payload: ByteReader): Verdict;
  /** Takes any other message, whole, with type and length. */
  other(message: Uint8Array): void;
}

/**
 * Splits the socket's bytes into messages of the protocol (manual: Message Flow). Whole messages in a chunk are passed
 * on in place; only one that the chunk's end cuts is copied and kept.
 */
export class BackendFrames {
  readonly #receiver: FrameReceiver;
  readonly #reader = new ByteReader();
  /**
   * Contains the beginning of a message whose rest has not arrived. One buffer serves all of them: they may be large.
   */
  #carry = new Uint8Array(CARRY_BYTES);
  #carried = 0;
  #verdict: Verdict = "next";
  /** The rest of the chunk in which a payload was held. */
  #held: Uint8Array | undefined;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** Do not call it while a payload is held. */
  push(chunk: Uint8Array): void {
    const at = this.#carried === 0 ? 0 : this.#complete(chunk);
    if (this.#verdict === "hold") this.#held = chunk.subarray(at);
    else this.#drain(chunk, at);
  }

  /** Continues behind the payload that was held. */
  proceed(): void {
    const held = this.#held ?? new Uint8Array();
    this.#held = undefined;
    this.#verdict = "next";
    this.#drain(held, 0);
  }

  #drain(chunk: Uint8Array, from: number): void {
    this.#reader.attach(chunk);
    const { view } = this.#reader;
    let at = from;
    while (at + TYPE_AND_LENGTH_BYTES <= chunk.length) {
      const length = view.getUint32(at + 1);
      const end = at + 1 + length;
      if (end > chunk.length) break;
      if (length < LENGTH_BYTES) throw new ProtocolViolation(view.getUint8(at), length);
      this.#deliver(at, end);
      at = end;
      if (this.#verdict === "hold") {
        this.#held = chunk.subarray(at);
        return;
      }
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  /** Completes the carried message from the start of the chunk; returns how many bytes of the chunk that took. */
  #complete(chunk: Uint8Array): number {
    let taken = 0;
    if (this.#carried < TYPE_AND_LENGTH_BYTES) {
      taken = this.#fill(chunk, 0, TYPE_AND_LENGTH_BYTES);
      if (this.#carried < TYPE_AND_LENGTH_BYTES) return taken;
    }
    const length = this.#carriedLength();
    taken += this.#fill(chunk, taken, length);
    if (this.#carried === length) {
      this.#reader.attach(this.#carry);
      this.#deliver(0, length);
      this.#carried = 0;
    }
    return taken;
  }

  #keep(chunk: Uint8Array, from: number): void {
    const taken = this.#fill(chunk, from, TYPE_AND_LENGTH_BYTES);
    if (this.#carried === TYPE_AND_LENGTH_BYTES) {
      this.#fill(chunk, from + taken, this.#carriedLength());
    }
  }

  /** Carries bytes of the chunk until there are `upTo` bytes. */
  #fill(chunk: Uint8Array, from: number, upTo: number): number {
    const length = Math.min(upTo - this.#carried, chunk.length - from);
    const needed = upTo <= TRUSTED_BYTES ? upTo : this.#carried + length;
    if (needed > this.#carry.length) {
      const larger = new Uint8Array(Math.max(needed, this.#carry.length * 2));
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(chunk.subarray(from, from + length), this.#carried);
    this.#carried += length;
    return length;
  }

  /** The length of the whole carried message; its type and length have arrived. */
  #carriedLength(): number {
    const view = new DataView(this.#carry.buffer);
    const type = view.getUint8(0);
    const length = view.getUint32(1);
    if (length < LENGTH_BYTES || length > longestMessage(type))
      throw new ProtocolViolation(type, length);
    return 1 + length;
  }

  #deliver(start: number, end: number): void {
    const reader = this.#reader;
    if (reader.view.getUint8(start) !== COPY_DATA) {
      this.#receiver.other(reader.bytes.subarray(start, end));
      return;
    }
    if (this.#verdict === "stop") return;
    reader.offset = start + TYPE_AND_LENGTH_BYTES;
    reader.end = end;
    this.#verdict = this.#receiver.copyData(reader);
  }
}
