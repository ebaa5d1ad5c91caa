import type { Lsn } from "../../lsn.ts";
import { BinaryReader } from "./binary-reader.ts";
import type { AttributeLayout } from "../tuples/tuple.ts";
import { varlenaEnd, varlenaForm, varlenaPayload } from "../tuples/varlena.ts";

/** A varlena's header: alignment inside of it counts from its start. */
export const VARLENA_HEADER_BYTES = 4;

/** Above this a JavaScript string of two characters for each byte would be too long. */
export const CONVERTED_BYTES_MAX = 2 ** 28 - 64;

/** Reads a stored value and returns its text, as a TextForm does. */
export type DiskForm = (reader: DiskReader) => string;

/** A type's layout and text form. */
export interface StoredForm {
  readonly layout: AttributeLayout;
  readonly text: DiskForm;
}

/**
 * Converts the database's text to UTF-8.
 * @throws UnknownType if it cannot be converted
 */
export type ToUtf8 = (text: Uint8Array) => Uint8Array;

/** Thrown for a value of a type whose text form is unknown. */
export class UnknownType extends Error {
  readonly oid: number;
  /** It is a text that cannot be converted. */
  readonly isText: boolean;

  constructor(oid: number, isText = false) {
    super(`type ${oid}: how its values are stored is not known`);
    this.oid = oid;
    this.isText = isText;
  }
}

/** Reads stored values: little-endian, aligned, text in the database's encoding. Most types are otherwise as they are sent. */
export class DiskReader extends BinaryReader {
  /** Undefined if the text is UTF-8, or is sent as it is. */
  readonly toUtf8: ToUtf8 | undefined;

  constructor(toUtf8: ToUtf8 | undefined) {
    super();
    this.toUtf8 = toUtf8;
  }

  /** Reads bytes[start, end) from now on. */
  attachRange(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) this.attach(bytes);
    this.offset = start;
    this.end = end;
  }

  override uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }

  override int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }

  override uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }

  override lsn(): Lsn {
    return this.uint64() as Lsn;
  }

  override int16(): number {
    return this.view.getInt16(this.advance(2), true);
  }

  override int64(): bigint {
    return this.view.getBigInt64(this.advance(8), true);
  }

  override uint64(): bigint {
    return this.view.getBigUint64(this.advance(8), true);
  }

  override float4(): number {
    return this.view.getFloat32(this.advance(4), true);
  }

  override float8(): number {
    return this.view.getFloat64(this.advance(8), true);
  }

  override characters(length: number): string {
    if (this.toUtf8 === undefined) return super.characters(length);
    const text = this.toUtf8(this.take(length));
    return Buffer.from(text.buffer, text.byteOffset, text.length).toString("latin1");
  }

  /** Steps to the next multiple of `align` from `origin`. */
  alignTo(align: number, origin: number): void {
    this.advance(-(this.offset - origin) & (align - 1));
  }

  /** Reads the next value of a container, whose alignment counts from `origin`; `form` has to read it to its end. */
  stored({ align, length }: AttributeLayout, origin: number, form: DiskForm): string {
    // A varlena that is short is not aligned; a zero there is padding.
    if (length !== -1 || this.bytes[this.offset] === 0) this.alignTo(align, origin);
    const start = this.offset;
    if (length !== -1) return this.within(start, start + length, form);
    const end = varlenaEnd(this.bytes, start, this.end);
    if (end === -1) throw this.unfit();
    return this.varlena(start, end, form);
  }

  /** Reads the varlena bytes[start, end), whose payload `form` has to read to its end. */
  varlena(start: number, end: number, form: DiskForm): string {
    const kind = varlenaForm(this.bytes, start);
    if (kind === "plain") return this.within(start + VARLENA_HEADER_BYTES, end, form);
    if (kind === "short") return this.within(start + 1, end, form);
    const payload = varlenaPayload(this.bytes, start, end);
    if (payload === undefined || payload.length > CONVERTED_BYTES_MAX) throw this.unfit();
    const text = this.elsewhere(payload, form);
    this.offset = end;
    return text;
  }

  /** Reads `payload`, which `form` has to read to its end; then continues where it was. */
  elsewhere(payload: Uint8Array, form: DiskForm): string {
    const { bytes, view, end, offset } = this;
    this.attach(payload);
    const text = form(this);
    if (this.offset !== this.end) throw this.unfit();
    this.bytes = bytes;
    this.view = view;
    this.offset = offset;
    this.end = end;
    return text;
  }

  /** Reads bytes[start, end), which `form` has to read to their end, and continues behind them. */
  within(start: number, end: number, form: DiskForm): string {
    const outerEnd = this.end;
    if (start > end || end > outerEnd) throw this.unfit();
    this.offset = start;
    this.end = end;
    const text = form(this);
    if (this.offset !== end) throw this.unfit();
    this.end = outerEnd;
    return text;
  }
}
