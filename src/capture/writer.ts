import { LENGTH_BYTES, METADATA_TAG, WALCTL_MAGIC } from "./formats/walctl-format.ts";

const BUFFER_BYTES_MIN = 1 << 16;

/**
 * Turns frames into the bytes of a walctl capture. It writes no file itself: the caller takes the bytes collected so
 * far. Reading them back gives the same frames.
 */
export class CaptureWriter {
  #buffer = new Uint8Array(BUFFER_BYTES_MIN);
  #view = new DataView(this.#buffer.buffer);
  #length = 0;

  constructor() {
    this.#buffer.set(WALCTL_MAGIC);
    this.#length = WALCTL_MAGIC.length;
  }

  /** Appends a CopyData payload as received: `w` or `k`, including its header. */
  frame(payload: Uint8Array): void {
    const at = this.#extend(payload.length);
    this.#buffer.set(payload, at);
  }

  /** Appends what decoding needs beyond the stream. */
  metadata(json: unknown): void {
    const text = Buffer.from(JSON.stringify(json));
    const at = this.#extend(1 + text.length);
    this.#buffer[at] = METADATA_TAG;
    this.#buffer.set(text, at + 1);
  }

  /** Returns the bytes collected since the last call. The next frame may overwrite them. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** Writes the length field of a frame of `length` bytes and returns the offset for these bytes. */
  #extend(length: number): number {
    const at = this.#length + LENGTH_BYTES;
    this.#reserve(at + length);
    this.#view.setUint32(this.#length, length);
    this.#length = at + length;
    return at;
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
    this.#view = new DataView(grown.buffer);
  }
}
