import type { DecodeError } from "../../errors.ts";
import { ByteReader } from "../reader.ts";

/**
 * Reads the binary form of a type, as the server's send function writes it, and gives the text form,
 * as its output function does. One character is one byte, so that text which is not UTF-8 stays as it came.
 * Throws a DecodeError where the bytes do not fit.
 */
export type TextForm = (reader: BinaryReader) => string;

/** The cursor that values are read with: numbers as the send functions write them, and fields within fields. */
export class BinaryReader extends ByteReader {
  int16(): number {
    return this.view.getInt16(this.advance(2));
  }

  int64(): bigint {
    return this.view.getBigInt64(this.advance(8));
  }

  uint64(): bigint {
    return this.view.getBigUint64(this.advance(8));
  }

  float4(): number {
    return this.view.getFloat32(this.advance(4));
  }

  float8(): number {
    return this.view.getFloat64(this.advance(8));
  }

  /** How many of something follow, each of `bytesEach` bytes at least: no more than there is room for. */
  count(bytesEach: number): number {
    const count = this.uint32();
    if (count * bytesEach > this.end - this.offset) throw this.truncated(1);
    return count;
  }

  /** The next `length` bytes as characters. */
  characters(length: number): string {
    return asBuffer(this.take(length)).toString("latin1");
  }

  /** All that is left. */
  rest(): string {
    return this.characters(this.end - this.offset);
  }

  /** NUL-terminated. */
  cstring(): string {
    const nul = this.bytes.indexOf(0, this.offset);
    if (nul === -1 || nul >= this.end) throw this.truncated(1);
    const text = this.characters(nul - this.offset);
    this.offset = nul + 1;
    return text;
  }

  hex(length: number): string {
    return asBuffer(this.take(length)).toString("hex");
  }

  /** Int32 length, or -1 for NULL: undefined  Byten, which `form` has to read to their end */
  field(form: TextForm): string | undefined {
    const length = this.uint32();
    if (length === 0xffffffff) return undefined;
    const outerEnd = this.end;
    const start = this.advance(length);
    this.offset = start;
    this.end = start + length;
    const text = form(this);
    if (this.offset !== this.end) throw this.unfit();
    this.end = outerEnd;
    return text;
  }

  /** The bytes are not of the type that they should be. */
  unfit(): DecodeError {
    return this.invalid("not a value of its type", this.offset);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
