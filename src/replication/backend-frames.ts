import { ByteReader } from "../pgoutput/reader.ts";

const TYPE_AND_LENGTH_BYTES = 5;
const COPY_DATA = 0x64; // d

export interface FrameReceiver {
  /**
   * One CopyData payload: what is between the reader's offset and its end. The bytes are valid during
   * the call only. False: no more of them.
   */
  copyData(payload: ByteReader): boolean;
  /** Any other message, whole, with type and length. */
  other(message: Uint8Array): void;
}

/**
 * Cuts what the socket gives into the messages of the protocol (manual: Message Flow). All that are whole
 * in a chunk are passed on where they lie; only one that the chunk's end cuts is copied and kept.
 */
export class BackendFrames {
  readonly #receiver: FrameReceiver;
  readonly #reader = new ByteReader();
  /** The beginning of a message whose rest is to come; as long as the message, once that is known. */
  #carry = new Uint8Array();
  #carried = 0;
  #stopped = false;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  push(chunk: Uint8Array): void {
    let at = this.#carried === 0 ? 0 : this.#complete(chunk);
    this.#reader.attach(chunk);
    const { view } = this.#reader;
    while (at + TYPE_AND_LENGTH_BYTES <= chunk.length) {
      const end = at + 1 + view.getUint32(at + 1);
      if (end > chunk.length) break;
      this.#deliver(at, end);
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  /** Fills up the carried message from the chunk's beginning; returns how much of it that took. */
  #complete(chunk: Uint8Array): number {
    let taken = 0;
    if (this.#carried < TYPE_AND_LENGTH_BYTES) {
      taken = this.#fill(chunk, 0, TYPE_AND_LENGTH_BYTES);
      if (this.#carried < TYPE_AND_LENGTH_BYTES) return taken;
      this.#enlarge();
    }
    taken += this.#fill(chunk, taken, this.#carry.length);
    if (this.#carried === this.#carry.length) {
      this.#reader.attach(this.#carry);
      this.#deliver(0, this.#carry.length);
      this.#carried = 0;
    }
    return taken;
  }

  #fill(chunk: Uint8Array, from: number, upTo: number): number {
    const length = Math.min(upTo - this.#carried, chunk.length - from);
    this.#carry.set(chunk.subarray(from, from + length), this.#carried);
    this.#carried += length;
    return length;
  }

  #keep(chunk: Uint8Array, from: number): void {
    this.#carry = new Uint8Array(TYPE_AND_LENGTH_BYTES);
    this.#carried = 0;
    const taken = this.#fill(chunk, from, TYPE_AND_LENGTH_BYTES);
    if (this.#carried < TYPE_AND_LENGTH_BYTES) return;
    this.#enlarge();
    this.#fill(chunk, from + taken, this.#carry.length);
  }

  /** Type and length are there: makes room for the whole message. */
  #enlarge(): void {
    const length = 1 + new DataView(this.#carry.buffer).getUint32(1);
    const whole = new Uint8Array(Math.max(length, TYPE_AND_LENGTH_BYTES));
    whole.set(this.#carry);
    this.#carry = whole;
  }

  #deliver(start: number, end: number): void {
    const reader = this.#reader;
    if (reader.view.getUint8(start) !== COPY_DATA) {
      this.#receiver.other(reader.bytes.subarray(start, end));
      return;
    }
    if (this.#stopped) return;
    reader.offset = start + TYPE_AND_LENGTH_BYTES;
    reader.end = end;
    this.#stopped = !this.#receiver.copyData(reader);
  }
}
