import type { ByteReader } from "../bytes/reader.ts";
import { ColumnKind } from "./tags.ts";

/**
 * The columns of a row as they are in the message: a view that readers walk in place. It lives as long as `bytes`; code
 * that keeps it longer has to copy it.
 */
export interface TupleData {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** The kind byte of the first column. */
  readonly start: number;
  readonly columnCount: number;
}

export type ColumnValue =
  | { readonly kind: "null" }
  | { readonly kind: "unchanged" }
  /** The type's text or binary form: a view. */
  | { readonly kind: "text" | "binary"; readonly bytes: Uint8Array };

/** MaxHeapAttributeNumber: no table has more columns. */
export const COLUMNS_MAX = 1600;

const NULL: ColumnValue = { kind: "null" };
const UNCHANGED: ColumnValue = { kind: "unchanged" };

const FAR_BYTES = 1 << 24;
/** MaxAllocSize */
const VALUE_BYTES_MAX = 0x3fffffff;

export function tooManyColumns(reader: ByteReader, count: number): Error {
  return reader.invalid(`${count} columns, more than a table can have`, reader.offset - 2);
}

/** Int16 columns  { Byte1('n') | Byte1('u') | Byte1('t') Int32 length  Byten | Byte1('b') Int32 length  Byten }×n */
export function readTuple(reader: ByteReader): TupleData {
  const columnCount = reader.uint16();
  if (columnCount > COLUMNS_MAX) throw tooManyColumns(reader, columnCount);
  const start = reader.offset;
  for (let column = 0; column < columnCount; column++) {
    const kind = reader.uint8();
    if (kind === ColumnKind.text || kind === ColumnKind.binary) {
      const length = reader.uint32();
      const end = reader.offset + length;
      if (end > reader.end) throw valueMissing(reader, kind, length);
      reader.offset = end;
    } else if (kind !== ColumnKind.null && kind !== ColumnKind.unchanged) {
      throw reader.invalid(
        `column ${column + 1} is of the unknown kind ${quoteByte(kind)}`,
        reader.offset - 1,
      );
    }
  }
  return { bytes: reader.bytes, view: reader.view, start, columnCount };
}

/**
 * No server sends text that contains a NUL. If many bytes of a text are missing and those present contain a NUL, the
 * length is wrong: waiting for its end would fill the memory.
 */
function valueMissing(reader: ByteReader, kind: number, length: number): Error {
  const missing = reader.offset + length - reader.end;
  if (kind === ColumnKind.text && length <= VALUE_BYTES_MAX && missing > FAR_BYTES) {
    const nul = reader.bytes.subarray(0, reader.end).indexOf(0, reader.offset);
    if (nul !== -1) return reader.invalid("text that holds the byte 0x00", nul);
  }
  return reader.truncated(missing);
}

/** Yields the columns one by one. What reads rows by the million walks the bytes itself, or with a ColumnCursor. */
export function* columnValues(tuple: TupleData): Generator<ColumnValue, void, undefined> {
  const cursor = new ColumnCursor();
  cursor.attach(tuple);
  for (let column = 0; column < tuple.columnCount; column++) {
    cursor.next();
    yield cursor.value();
  }
}

/** Steps through a tuple's columns without an object for each. */
export class ColumnCursor {
  /** Of the column that next() stepped to. */
  kind = 0;
  /** Its value is between the two; null and unchanged have none. */
  start = 0;
  end = 0;
  bytes!: Uint8Array;
  #view!: DataView;

  attach({ bytes, view, start }: TupleData): void {
    this.bytes = bytes;
    this.#view = view;
    this.end = start;
  }

  next(): void {
    this.kind = this.#view.getUint8(this.end);
    this.start = this.end + 1;
    this.end = this.start;
    if (!this.hasValue) return;
    this.start += 4;
    this.end = this.start + this.#view.getUint32(this.start - 4);
  }

  get hasValue(): boolean {
    return this.kind === ColumnKind.text || this.kind === ColumnKind.binary;
  }

  value(): ColumnValue {
    const { kind } = this;
    if (kind === ColumnKind.null) return NULL;
    if (kind === ColumnKind.unchanged) return UNCHANGED;
    const bytes = this.bytes.subarray(this.start, this.end);
    return { kind: kind === ColumnKind.text ? "text" : "binary", bytes };
  }

  /** Byte for byte: NULL and the empty string differ. */
  equals(other: ColumnCursor): boolean {
    if (!this.hasValue || !other.hasValue) return this.kind === other.kind;
    if (this.end - this.start !== other.end - other.start) return false;
    const { bytes } = other;
    const offset = other.start - this.start;
    for (let at = this.start; at < this.end; at++) {
      if (this.bytes[at] !== bytes[at + offset]) return false;
    }
    return true;
  }
}

/** Where the byte after its last column is. */
export function tupleEnd({ view, start, columnCount }: TupleData): number {
  let at = start;
  for (let column = 0; column < columnCount; column++) {
    const kind = view.getUint8(at++);
    if (kind === ColumnKind.text || kind === ColumnKind.binary) at += 4 + view.getUint32(at);
  }
  return at;
}

/** `'n'` for a printable byte, otherwise `0x00`. */
export function quoteByte(byte: number): string {
  return byte > 0x20 && byte < 0x7f
    ? `'${String.fromCharCode(byte)}'`
    : `0x${byte.toString(16).padStart(2, "0")}`;
}
