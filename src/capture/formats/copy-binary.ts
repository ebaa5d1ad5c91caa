import { DecodeError } from "../../errors.ts";
import { isKnownTag } from "../../postgres/messages/decoder.ts";
import type { WalPosition } from "../../postgres/messages/messages.ts";
import type { ByteReader } from "../../postgres/bytes/reader.ts";
import { NO_POSITION } from "../../postgres/messages/surroundings.ts";
import type { FrameLayout } from "./frame-reader.ts";
import { isCut } from "./trial.ts";

/** Its line ends and its byte above 0x7f reveal files that went through a text filter (manual: COPY, Binary Format). */
export const COPY_SIGNATURE: Uint8Array = Uint8Array.of(
  ...Buffer.from("PGCOPY\n", "latin1"),
  0xff,
  ...Buffer.from("\r\n\0", "latin1"),
);
const CRITICAL_FLAGS = 0xffff0000;
const TRAILER = 0xffff;
const NULL_LENGTH = 0xffffffff;
const FIELD_BYTES_MAX = 0x3fffffff;
const LSN_BYTES = 8;
/** The bytes before the message in a row of three fields. */
const ROW_HEAD_BYTES = 26;
/** PostgreSQL writes no header extension; those of other programs are skipped. */
const EXTENSION_BYTES_MAX = 1 << 16;

/**
 * Signature  Int32 flags  Int32 length  Byten extension
 * { Int16 fields  { Int32 length  Byten }×fields }×n  Int16 -1:
 * rows of (lsn, xid, data), or of data only.
 */
export class CopyBinaryLayout implements FrameLayout {
  readonly headBytes = ROW_HEAD_BYTES + 1;
  #ended = false;
  /** The position of the row that frameEnd() read last. */
  #position: WalPosition = NO_POSITION;

  get missingAtEnd(): DecodeError | undefined {
    return this.#ended ? undefined : new DecodeError("trailer: 2 bytes missing", 0, 2);
  }

  readPreamble(reader: ByteReader): void {
    reader.subject = "header";
    const start = reader.offset;
    const signature = reader.take(COPY_SIGNATURE.length);
    const wrong = signature.findIndex((byte, index) => byte !== COPY_SIGNATURE[index]);
    if (wrong !== -1) throw reader.invalid("not that of a binary COPY", start + wrong);
    const flagsAt = reader.offset;
    if ((reader.uint32() & CRITICAL_FLAGS) !== 0) throw reader.invalid("unknown flags", flagsAt);
    const extensionAt = reader.offset;
    const extension = reader.uint32();
    if (extension > EXTENSION_BYTES_MAX) {
      throw reader.invalid(`an extension of ${extension} bytes`, extensionAt);
    }
    reader.advance(extension);
  }

  frameEnd(reader: ByteReader): number {
    reader.subject = "row";
    const start = reader.offset;
    if (this.#ended) {
      // If a row follows after all, that was not the trailer.
      this.#ended = false;
      throw reader.invalid("after the trailer", start);
    }
    const fields = reader.uint16();
    if (fields === TRAILER) {
      this.#ended = true;
      return reader.offset;
    }
    if (fields !== 1 && fields !== 3) {
      throw reader.invalid(`${fields} fields, not lsn, xid, data`, start);
    }
    this.#position = NO_POSITION;
    if (fields === 3) {
      this.#position = this.#readLsn(reader);
      reader.advance(this.#fieldLength(reader));
    }
    const length = this.#fieldLength(reader);
    // The message starts here, so the reader stays.
    return reader.offset + length;
  }

  readHead(): WalPosition | null {
    return this.#ended ? null : this.#position;
  }

  mayGoOn(bytes: Uint8Array, start: number): boolean {
    return isCut(bytes, start);
  }

  tagOf(bytes: Uint8Array, start: number): number | undefined {
    return bytes[start + (bytes[start + 1] === 1 ? 6 : ROW_HEAD_BYTES)];
  }

  isFrame(bytes: Uint8Array, start: number): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
    if (view.byteLength === 2) return view.getUint16(0) === TRAILER;
    if (view.byteLength < 7) return false;
    const single = view.getUint16(0) === 1;
    if (!single) {
      if (view.byteLength < this.headBytes || view.getUint16(0) !== 3) return false;
      if (view.getUint32(2) !== LSN_BYTES || view.getUint32(14) !== 4) return false;
    }
    const lengthAt = single ? 2 : 22;
    return view.getUint32(lengthAt) <= FIELD_BYTES_MAX && isKnownTag(view.getUint8(lengthAt + 4));
  }

  #readLsn(reader: ByteReader): WalPosition {
    const { offset } = reader;
    if (this.#fieldLength(reader) !== LSN_BYTES) {
      throw reader.invalid("its first field is no pg_lsn", offset);
    }
    return { high: reader.uint32(), low: reader.uint32() };
  }

  #fieldLength(reader: ByteReader): number {
    const { offset } = reader;
    const length = reader.uint32();
    if (length === NULL_LENGTH) throw reader.invalid("a field is null", offset);
    if (length > FIELD_BYTES_MAX) throw reader.invalid(`a field of ${length} bytes`, offset);
    return length;
  }
}
