import type { DecodeError } from "../../errors.ts";
import { ByteReader } from "../bytes/reader.ts";

/**
 * Reads the binary form of a type, as the server's send function writes it, and returns the text form, as its output
 * function writes it. One character stands for one byte, so that text that is not UTF-8 is preserved. Throws a
 * DecodeError if the bytes do not fit the type.
 */
export type TextForm = (reader: BinaryReader) => string;

/** The cursor for values: numbers as the send functions write them, and fields within fields. */
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

  /** Reads a count of items that take at least `bytesEach` bytes each; the remaining bytes must have room for them. */
  count(bytesEach: number): number {
    const count = this.uint32();
    if (count * bytesEach > this.end - this.offset) throw this.truncated(1);
    return count;
  }

  /** Reads the next `length` bytes as characters. */
  characters(length: number): string {
    return asBuffer(this.take(length)).toString("latin1");
  }

  /** The remaining bytes. */
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

  /** Int32 length, or -1 for NULL (undefined)  Byten, which `form` has to read completely */
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

  /** The same for a field that cannot be NULL. */
  present(form: TextForm): string {
    const text = this.field(form);
    if (text === undefined) throw this.unfit();
    return text;
  }

  /** The fault when the bytes are not a value of the type. */
  unfit(): DecodeError {
    return this.invalid("not a value of its type", this.offset);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
