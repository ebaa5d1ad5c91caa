import { DecodeError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import { decodeName } from "./names.ts";

/**
 * A bounds-checked cursor over bytes that the caller owns. Every read either stays before `end` or throws a DecodeError
 * that says how many bytes are missing.
 */
export class ByteReader {
  bytes: Uint8Array = new Uint8Array();
  view: DataView = new DataView(this.bytes.buffer);
  offset = 0;
  end = 0;
  /** The name of what is being decoded, for errors. */
  subject = "";

  constructor(bytes?: Uint8Array) {
    if (bytes !== undefined) this.attach(bytes);
  }

  /** Reads `bytes` from now on, without copying them. */
  attach(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.offset = 0;
    this.end = bytes.byteLength;
  }

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }

  uint16(): number {
    return this.view.getUint16(this.advance(2));
  }

  int32(): number {
    return this.view.getInt32(this.advance(4));
  }

  /** xids and oids are unsigned. */
  uint32(): number {
    return this.view.getUint32(this.advance(4));
  }

  lsn(): Lsn {
    return this.view.getBigUint64(this.advance(8)) as Lsn;
  }

  time(): PgTime {
    return this.view.getBigInt64(this.advance(8)) as PgTime;
  }

  /** NUL-terminated. */
  string(): string {
    return decodeName(this.stringBytes());
  }

  /** A view of a NUL-terminated string, without the NUL. */
  stringBytes(): Uint8Array {
    const start = this.offset;
    const nul = this.bytes.indexOf(0, start);
    if (nul === -1 || nul >= this.end) throw this.truncated(1);
    this.offset = nul + 1;
    return this.bytes.subarray(start, nul);
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    const start = this.advance(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Steps over `length` bytes and returns where they start. */
  advance(length: number): number {
    const start = this.offset;
    const missing = start + length - this.end;
    if (missing > 0) throw this.truncated(missing);
    this.offset = start + length;
    return start;
  }

  truncated(missing: number): DecodeError {
    const bytes = missing === 1 ? "1 byte" : `${missing} bytes`;
    return new DecodeError(`${this.subject}: ${bytes} missing`, this.end, missing);
  }

  /** The fault is the byte at `offset`. */
  invalid(what: string, offset: number): DecodeError {
    return new DecodeError(`${this.subject}: ${what}`, offset);
  }
}
