import { DecodeError } from "../../errors.ts";
import type { WalPosition } from "../../postgres/messages/messages.ts";
import { ByteReader } from "../../postgres/bytes/reader.ts";
import {
  type CaptureListener,
  type CaptureReaderOptions,
  PIECE_BYTES,
  SEARCH_BYTES,
} from "./capture-reader.ts";
import { ChunkedReader, type Decoded } from "./chunks.ts";
import { Damage, decodeErrorOf } from "./damage.ts";
import { WholeMessages } from "./whole-messages.ts";

/** What differs between the framed formats: where the bytes of the frames are. */
export interface FrameLayout {
  /** Reads what precedes the first frame. */
  readPreamble(reader: ByteReader): void;
  /** Reads the head of the frame at `reader.offset` and returns the offset of the frame's end. */
  frameEnd(reader: ByteReader): number;
  /**
   * Whether the bytes from `start`, where frameEnd() left the reader, can belong to this frame, whose end is far away.
   */
  mayGoOn(bytes: Uint8Array, start: number): boolean;
  /** The first byte of the message in the whole frame at `start`. */
  tagOf(bytes: Uint8Array, start: number): number | undefined;
  /** Moves the reader to the frame's message; `reader.end` is the frame's end. Null if the frame has no message. */
  readHead(reader: ByteReader, listener: CaptureListener): WalPosition | null;
  /** Whether a frame certainly starts at `start`; also false if there are too few bytes to decide. */
  isFrame(bytes: Uint8Array, start: number): boolean;
  /** How many bytes isFrame() looks at. */
  readonly headBytes: number;
  /** The error at the end of a capture whose frames are all whole, if something is still missing. */
  readonly missingAtEnd: DecodeError | undefined;
}

/**
 * If a frame lacks more bytes than this, its bytes are checked before waiting for the rest: its length may be damaged.
 */
const FAR_BYTES = 1 << 16;

/** Reads captures whose frames contain the length of each message. */
export class FrameReader extends ChunkedReader {
  readonly #layout: FrameLayout;
  readonly #listener: CaptureListener;
  readonly #messages: WholeMessages;
  readonly #damage: Damage;
  readonly #reader = new ByteReader();
  #begun = false;
  /** True after damage, until the start of the next frame is found. */
  #lost = false;

  constructor(layout: FrameLayout, options: CaptureReaderOptions) {
    super();
    this.#layout = layout;
    this.#listener = options.listener;
    this.#messages = new WholeMessages(options.keepGoing);
    this.#damage = new Damage(options, this.#messages);
  }

  protected override *decode(
    bytes: Uint8Array,
    base: number,
    final: boolean,
  ): Generator<void, Decoded, void> {
    const reader = this.#reader;
    reader.attach(bytes);
    while (reader.offset < bytes.length) {
      if (this.#lost && !(yield* this.#find(final))) break;
      const missing = this.#frames(base, final);
      if (missing > 0) return { consumed: reader.offset, missing };
      yield;
    }
    if (final) this.#end(base + bytes.length);
    return { consumed: reader.offset, missing: this.#lost ? 1 : 0 };
  }

  /** The hot loop: decodes up to the end of the bytes, of a step, or to damage. Returns how many bytes are missing. */
  #frames(base: number, final: boolean): number {
    const reader = this.#reader;
    const layout = this.#layout;
    const bytesEnd = reader.bytes.length;
    const pieceEnd = Math.min(bytesEnd, reader.offset + PIECE_BYTES);
    let start = reader.offset;
    /** The end of the frame if it is whole. */
    let wholeEnd = 0;
    try {
      while (reader.offset < pieceEnd) {
        start = reader.offset;
        wholeEnd = 0;
        reader.end = bytesEnd;
        if (!this.#begun) {
          layout.readPreamble(reader);
          this.#begun = true;
          continue;
        }
        reader.subject = "frame";
        const end = layout.frameEnd(reader);
        if (end > bytesEnd) {
          if (end - bytesEnd > FAR_BYTES && !layout.mayGoOn(reader.bytes, reader.offset)) {
            throw reader.invalid(`longer than what is in it`, start);
          }
          throw reader.truncated(end - bytesEnd);
        }
        wholeEnd = end;
        reader.end = end;
        const position = layout.readHead(reader, this.#listener);
        if (position !== null) {
          const message = this.#messages.decode(reader, position);
          this.#damage.ended(base + start);
          this.#listener.message(message);
        } else {
          this.#messages.unsettle();
        }
        reader.offset = end;
      }
      return 0;
    } catch (error) {
      const fault = decodeErrorOf(error);
      reader.offset = start;
      const whole = wholeEnd > 0;
      if (fault.missing > 0 && !whole && !final) return Math.min(fault.missing, FAR_BYTES);
      // Bytes missing inside a whole frame are not missing at the capture's end.
      const known =
        whole && fault.missing > 0 ? new DecodeError(fault.message, fault.offset) : fault;
      this.#damage.found(known, base, base + start);
      const missing = wholeEnd + layout.headBytes - bytesEnd;
      if (whole && missing > 0 && !final) return missing;
      this.#pass(start, wholeEnd);
      this.#begun = true;
      return 0;
    }
  }

  /**
   * Skips only this frame if another one follows it; otherwise only one byte, since its length may be damaged.
   * `wholeEnd` is 0 if the frame is not whole.
   */
  #pass(start: number, wholeEnd: number): void {
    const reader = this.#reader;
    const { bytes } = reader;
    const layout = this.#layout;
    const alone = wholeEnd > 0 && (wholeEnd === bytes.length || layout.isFrame(bytes, wholeEnd));
    reader.offset = alone ? wholeEnd : start + 1;
    this.#damage.lost(bytes.subarray(start, reader.offset), alone);
    this.#messages.passedOver(alone ? layout.tagOf(bytes, start) : undefined);
    this.#lost = !alone;
  }

  /** Finds the next frame after damage. False if these bytes contain none. */
  *#find(final: boolean): Generator<void, boolean, void> {
    const reader = this.#reader;
    const layout = this.#layout;
    const { bytes } = reader;
    const end = final ? bytes.length : bytes.length - layout.headBytes;
    while (reader.offset < end) {
      const from = reader.offset;
      const stop = Math.min(end, from + SEARCH_BYTES);
      let at = from;
      while (at < stop && !layout.isFrame(bytes, at)) at++;
      this.#lost = at === stop;
      this.#damage.lost(bytes.subarray(from, at), !this.#lost);
      reader.offset = at;
      if (!this.#lost) return true;
      yield;
    }
    return false;
  }

  #end(offset: number): void {
    const missing = this.#layout.missingAtEnd;
    if (missing !== undefined) this.#damage.found(missing, offset, offset);
    this.#damage.ended(offset);
  }
}
