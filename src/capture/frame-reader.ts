import { DecodeError } from "../errors.ts";
import type { WalPosition } from "../pgoutput/messages.ts";
import { ByteReader } from "../pgoutput/reader.ts";
import type { CaptureListener, CaptureReader, CaptureReaderOptions } from "./capture-reader.ts";
import { ChunkJoiner, type Decoded } from "./chunks.ts";
import { Damage, decodeErrorOf } from "./damage.ts";
import { WholeMessages } from "./whole-messages.ts";

/** Where the bytes of the frames are: what differs from one framed format to the other. */
export interface FrameLayout {
  /** Steps over what stands before the first frame. */
  readPreamble(reader: ByteReader): void;
  /** Reads the head of the frame at `reader.offset` and returns where the frame ends. */
  frameEnd(reader: ByteReader): number;
  /** Steps to the frame's message; `reader.end` is the frame's end. Null: there is none in it. */
  readHead(reader: ByteReader, listener: CaptureListener): WalPosition | null;
  /** Whether a frame starts at `start`, beyond doubt: false too if too few bytes are there to tell. */
  isFrame(bytes: Uint8Array, start: number): boolean;
  /** How many bytes isFrame() looks at. */
  readonly headBytes: number;
  /** What is missing at the end of a capture whose frames are all whole. */
  readonly missingAtEnd: DecodeError | undefined;
}

/** Captures whose frames tell how long each message is. */
export class FrameReader implements CaptureReader {
  readonly #layout: FrameLayout;
  readonly #listener: CaptureListener;
  readonly #damage: Damage;
  readonly #joiner = new ChunkJoiner((bytes, base, final) => this.#decode(bytes, base, final));
  readonly #messages = new WholeMessages();
  readonly #reader = new ByteReader();
  #begun = false;
  /** After damage: where the next frame starts is to be found out. */
  #lost = false;

  constructor(layout: FrameLayout, options: CaptureReaderOptions) {
    this.#layout = layout;
    this.#listener = options.listener;
    this.#damage = new Damage(options);
  }

  push(chunk: Uint8Array): void {
    this.#joiner.push(chunk);
  }

  end(): void {
    this.#joiner.end();
  }

  #decode(bytes: Uint8Array, base: number, final: boolean): Decoded {
    const reader = this.#reader;
    reader.attach(bytes);
    while (reader.offset < bytes.length) {
      if (this.#lost && !this.#find(final)) break;
      const missing = this.#frames(base, final);
      if (missing > 0) return { consumed: reader.offset, missing };
    }
    if (final) this.#end(base + bytes.length);
    return { consumed: reader.offset, missing: this.#lost ? 1 : 0 };
  }

  /** The hot loop: decodes to the end of the bytes or to damage. Returns how many bytes are missing. */
  #frames(base: number, final: boolean): number {
    const reader = this.#reader;
    const layout = this.#layout;
    const bytesEnd = reader.bytes.length;
    let start = reader.offset;
    let whole = false;
    try {
      while (reader.offset < bytesEnd) {
        start = reader.offset;
        whole = false;
        reader.end = bytesEnd;
        if (!this.#begun) {
          layout.readPreamble(reader);
          this.#begun = true;
          continue;
        }
        reader.subject = "frame";
        const end = layout.frameEnd(reader);
        if (end > bytesEnd) throw reader.truncated(end - bytesEnd);
        whole = true;
        reader.end = end;
        const position = layout.readHead(reader, this.#listener);
        if (position !== null) {
          const message = this.#messages.decode(reader, position);
          this.#damage.mended(base + start);
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
      if (fault.missing > 0 && !whole && !final) return fault.missing;
      // What is missing inside a whole frame is not missing at the capture's end.
      const known = whole ? new DecodeError(fault.message, fault.offset) : fault;
      this.#damage.found(known, base, base + start);
      this.#begun = true;
      reader.offset = start + 1;
      this.#lost = true;
      return 0;
    }
  }

  /** Finds the next frame after damage, whose length may be what is damaged. False: there is none in these bytes. */
  #find(final: boolean): boolean {
    const reader = this.#reader;
    const { bytes } = reader;
    const end = final ? bytes.length : bytes.length - this.#layout.headBytes;
    while (reader.offset < end && !this.#layout.isFrame(bytes, reader.offset)) reader.offset++;
    this.#lost = reader.offset >= end;
    return !this.#lost;
  }

  #end(offset: number): void {
    const missing = this.#layout.missingAtEnd;
    if (missing !== undefined) this.#damage.found(missing, offset, offset);
    this.#damage.mended(offset);
  }
}
