/* Writes bytes of output: the buffer, JSON strings and numbers, UTF-8. */

import { type Global, loadKernel } from "../../kernels.ts";

const FIRST_CAPACITY_BYTES = 64 * 1024;
/** For a value from here on, the buffer becomes memory of WebAssembly: large values are escaped there. */
const LARGE_BYTES = 64 * 1024;
const WASM_BYTES_MAX = 1024 * 1024 * 1024;
const HEX_DIGITS = Buffer.from("0123456789ABCDEF", "latin1");

/** Texts become words here. */
let scratch = new Float64Array(64);
let scratchBytes = Buffer.from(scratch.buffer);

/**
 * A text that is written often, kept as the words that it is copied by. Each eight bytes are a double here. None may be
 * a NaN, which might not keep its bits: that takes a byte 7F or FF, and no text that may be printed has these. Each
 * column of thousands of tables has one, and an array of numbers takes a third of the memory of a Float64Array.
 */
export class Piece {
  words: number[] = [];
  length = 0;

  constructor(text: string) {
    this.#reserve(Buffer.byteLength(text));
    scratchBytes.write(text);
    this.#copy();
  }

  /** Replaces the text by another one, of ASCII. For short texts a loop is faster than calls into native code. */
  rewriteAscii(text: string): void {
    this.#reserve(text.length);
    const bytes = scratchBytes;
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    this.#copy();
  }

  #reserve(length: number): void {
    this.length = length;
    if (length <= scratchBytes.length) return;
    scratch = new Float64Array(Math.ceil(length / 8));
    scratchBytes = Buffer.from(scratch.buffer);
  }

  #copy(): void {
    const count = Math.ceil(this.length / 8);
    for (let at = this.length; at < count * 8; at++) scratchBytes[at] = 0;
    const { words } = this;
    const known = words.length;
    for (let index = 0; index < count; index++) words[index] = scratch[index]!;
    // A copy has no room to grow.
    if (count > known) this.words = words.slice();
  }
}

export function piece(text: string): Piece {
  return new Piece(text);
}

const QUOTE = 0x22;
/** Splits an LSN without bigint arithmetic. */
const HALVES = new DataView(new ArrayBuffer(8));

/** The byte order of this machine: loads and stores then swap nothing. */
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** src/kernel/text.ts. Offsets are those of its memory. */
export interface TextKernel {
  escape(start: number, end: number, to: number): number;
  readonly stopped: Global;
}

type Memory = Pick<ByteWriter, "bytes" | "view" | "kernel">;

/** Memory of a kernel. */
interface Home {
  readonly bytes: Buffer;
  readonly kernel: TextKernel;
}

/** A buffer that grows as it is written, and starts over when it is taken. */
export class ByteWriter {
  /** Valid until the next reserve(): growing replaces it. */
  bytes: Buffer;
  view: DataView;
  /** It has the bytes in its memory. Undefined: they are in no kernel's. */
  kernel: TextKernel | undefined;
  #kept: Memory | undefined;
  /** The offset of the next byte. Code that moves it has reserved the space before. */
  offset = 0;

  /** Where it writes again once what it has written would fit there. */
  readonly #home: Home | undefined;
  /** What it grew to beyond that, to be used again: V8 collects a kernel's memory late. */
  #spare: Memory | undefined;

  /** @param to it writes there, as long as there is room */
  constructor(to: number | Home = FIRST_CAPACITY_BYTES) {
    this.#home = typeof to === "number" ? undefined : to;
    this.bytes = typeof to === "number" ? Buffer.allocUnsafeSlow(to) : to.bytes;
    this.kernel = this.#home?.kernel;
    this.view = viewOf(this.bytes);
  }

  /** Makes room for `length` more bytes. */
  reserve(length: number): void {
    const needed = this.offset + length;
    const { bytes } = this;
    if (needed <= bytes.length) return;
    if (this.#spare !== undefined && needed <= this.#spare.bytes.length) {
      this.#use(this.#spare);
    } else {
      const isLarge = length >= LARGE_BYTES || this.kernel !== undefined;
      this.bytes = this.#allocate(Math.max(needed, bytes.length * 2), isLarge);
      this.view = viewOf(this.bytes);
    }
    bytes.copy(this.bytes, 0, 0, this.offset);
  }

  #use({ bytes, view, kernel }: Memory): void {
    this.bytes = bytes;
    this.view = view;
    this.kernel = kernel;
  }

  #allocate(capacity: number, isLarge: boolean): Buffer {
    this.kernel = undefined;
    if (isLarge && capacity <= WASM_BYTES_MAX) {
      try {
        const { buffer, exports } = loadKernel("text", capacity);
        this.kernel = exports as TextKernel;
        return Buffer.from(buffer);
      } catch {
        // The address space may be limited; it takes far more of that than of memory.
      }
    }
    return Buffer.allocUnsafeSlow(capacity);
  }

  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.offset++] = byte;
  }

  /** Writes eight bytes at a time. Up to seven bytes too many are overwritten by what comes next. */
  piece({ words, length }: Piece): void {
    this.reserve(length + 7);
    const { view } = this;
    let { offset } = this;
    const end = offset + length;
    for (let index = 0; offset < end; index++) {
      view.setFloat64(offset, words[index]!, LITTLE_ENDIAN);
      offset += 8;
    }
    this.offset = end;
  }

  /**
   * Writes the `length` bytes from `start` on again. As with a Piece, no eight of them may form a NaN, nor the last
   * ones together with up to seven that follow.
   */
  repeat(start: number, length: number): void {
    this.reserve(length + 7);
    const { view, offset } = this;
    for (let at = 0; at < length; at += 8) {
      view.setFloat64(offset + at, view.getFloat64(start + at, LITTLE_ENDIAN), LITTLE_ENDIAN);
    }
    this.offset = offset + length;
  }

  /** Overwrites the last `digits` bytes before `end` with hexadecimal digits of the value. */
  rewriteHex(end: number, value: number, digits: number): void {
    const { bytes } = this;
    let left = value;
    for (let at = end - 1; at >= end - digits; at--) {
      bytes[at] = HEX_DIGITS[left & 15]!;
      left >>>= 4;
    }
  }

  /** Copies bytes that need no escapes. */
  copy(source: Uint8Array, start = 0, end = source.length): void {
    const length = end - start;
    this.reserve(length);
    const { bytes } = this;
    let { offset } = this;
    if (length < 48) {
      // Up to the length of a key or a number, a loop is faster than the call into native code.
      for (let at = start; at < end; at++) bytes[offset++] = source[at]!;
      this.offset = offset;
    } else {
      bytes.set(source.subarray(start, end), offset);
      this.offset = offset + length;
    }
  }

  /** Copies text eight bytes at a time; as with a Piece, none may be 7F or FF. `view` is a view of `source`. */
  copyText(source: Uint8Array, view: DataView, start: number, end: number): void {
    const length = end - start;
    this.reserve(length);
    const { bytes, view: target, offset } = this;
    this.offset = offset + length;
    if (length < 8) {
      for (let at = 0; at < length; at++) bytes[offset + at] = source[start + at]!;
      return;
    }
    const last = length - 8;
    for (let at = 0; at < last; at += 8) {
      target.setFloat64(offset + at, view.getFloat64(start + at, LITTLE_ENDIAN), LITTLE_ENDIAN);
    }
    // The last eight bytes, some of which may have been copied already.
    target.setFloat64(offset + last, view.getFloat64(start + last, LITTLE_ENDIAN), LITTLE_ENDIAN);
  }

  /** Writes text as UTF-8. */
  text(text: string): void {
    this.reserve(text.length * 3);
    this.offset += this.bytes.write(text, this.offset, "utf8");
  }

  /** `"16/B374D848"` */
  lsn(lsn: bigint): void {
    HALVES.setBigUint64(0, lsn);
    this.position(HALVES.getUint32(0), HALVES.getUint32(4));
  }

  /** Like lsn(), from the two halves. */
  position(high: number, low: number): void {
    this.reserve(19);
    this.bytes[this.offset++] = QUOTE;
    this.#hex(high);
    this.bytes[this.offset++] = 0x2f; // /
    this.#hex(low);
    this.bytes[this.offset++] = QUOTE;
  }

  /** Writes elsewhere from now on, so that the bytes taken last stay as they are until keep() is called again. */
  keep(): void {
    const kept = { bytes: this.bytes, view: this.view, kernel: this.kernel };
    this.bytes = this.#kept?.bytes ?? Buffer.allocUnsafeSlow(FIRST_CAPACITY_BYTES);
    this.view = this.#kept?.view ?? viewOf(this.bytes);
    this.kernel = this.#kept?.kernel;
    this.#kept = kept;
  }

  /** The bytes written since the last call; the next write may overwrite them. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.offset);
    this.offset = 0;
    const home = this.#home;
    if (home !== undefined && this.bytes !== home.bytes && taken.length < home.bytes.length) {
      this.#spare = { bytes: this.bytes, view: this.view, kernel: this.kernel };
      this.#use({ ...home, view: viewOf(home.bytes) });
    }
    return taken;
  }

  #hex(value: number): void {
    let shift = 28;
    while (shift > 0 && value >>> shift === 0) shift -= 4;
    for (; shift >= 0; shift -= 4) {
      this.bytes[this.offset++] = HEX_DIGITS[(value >>> shift) & 15]!;
    }
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
