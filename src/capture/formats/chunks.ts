import type { CaptureReader, Work } from "./capture-reader.ts";

/** How far a chunk was decoded, and the least number of bytes needed to continue. */
export interface Decoded {
  readonly consumed: number;
  readonly missing: number;
}

/**
 * Passes a capture's chunks to decode() without copying them. Only what the end of a chunk cuts off is kept and put
 * before the next chunk, so memory holds a chunk and one cut message.
 */
export abstract class ChunkedReader implements CaptureReader {
  readonly #carry = new Carry();
  /** The offset in the capture of the carried bytes; if there are none, of the next chunk. */
  #base = 0;
  #missing = 0;

  /**
   * Decodes the whole messages in `bytes`. `base` is the offset of the first byte in the capture; `final` means that no
   * bytes follow. The bytes may be overwritten once it returns.
   */
  protected abstract decode(
    bytes: Uint8Array,
    base: number,
    final: boolean,
  ): Generator<void, Decoded, void>;

  *push(chunk: Uint8Array): Work {
    const rest = this.#carry.length === 0 ? chunk : yield* this.#joined(chunk);
    if (rest.length === 0) return;
    const { consumed, missing } = yield* this.decode(rest, this.#base, false);
    this.#base += consumed;
    this.#missing = missing;
    this.#carry.append(rest.subarray(consumed));
  }

  *end(): Work {
    yield* this.decode(this.#carry.bytes(), this.#base, true);
  }

  /**
   * Completes the message that the last chunk cut off and returns the rest of this chunk. Each attempt decodes twice as
   * many bytes as the one before: a value of 100 MB must not be decoded again for every chunk.
   */
  *#joined(chunk: Uint8Array): Generator<void, Uint8Array, void> {
    const carry = this.#carry;
    let from = 0;
    while (from < chunk.length) {
      const wanted = Math.max(this.#missing, carry.length);
      const taken = Math.min(wanted, chunk.length - from);
      carry.append(chunk.subarray(from, from + taken));
      from += taken;
      this.#missing -= taken;
      if (this.#missing > 0) break;

      const { consumed, missing } = yield* this.decode(carry.bytes(), this.#base, false);
      this.#base += consumed;
      this.#missing = missing;
      const left = carry.length - consumed;
      if (left <= taken) {
        carry.clear();
        return chunk.subarray(from - left);
      }
      carry.discard(consumed);
    }
    return chunk.subarray(chunk.length);
  }
}

const CARRY_BYTES_MIN = 4096;

/** Bytes that are kept from one chunk to the next. */
class Carry {
  #buffer = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next change. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      // The buffer grows with the bytes received, never to the size in a length field: that may be damaged.
      const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2, CARRY_BYTES_MIN));
      grown.set(this.bytes());
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  discard(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  clear(): void {
    this.#length = 0;
  }
}
