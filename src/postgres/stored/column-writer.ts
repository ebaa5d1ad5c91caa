/*
 * A stored value → the column of a TupleData that pgoutput would send: its text.
 * Law: text as the server prints it, or stored bytes of an unknown type, or nothing; damaged bytes never throw.
 * Way in: columnWriter().
 */
import { NONE, UNKNOWN } from "../../known.ts";
import { DecodeError } from "../../errors.ts";
import { ColumnKind } from "../messages/tags.ts";
import { onlyElement } from "../types/arrays.ts";
import {
  CONVERTED_BYTES_MAX,
  type DiskForm,
  DiskReader,
  type ToUtf8,
  UnknownType,
} from "../types/disk-reader.ts";
import { toUtf8 } from "./encodings.ts";
import { fastArray } from "../types/fast-arrays.ts";
import { int32At } from "../types/integers.ts";
import { builtinNamed } from "../types/table.ts";
import { copyText } from "../types/texts.ts";
import { FAST_BYTES_MAX, type FastWriter } from "../types/type.ts";
import { DEPTH_MAX, baseType, isBuiltinScalar, isPlainArray, storedForm } from "./stored-forms.ts";
import type { TupleWriter } from "./tuple-writer.ts";
import type { MissingValue, TypeSource } from "./type-source.ts";

/**
 * Writes the value bytes[start, end) (without a varlena's header, detoasted and decompressed) as a column: its text, as
 * the server prints it. If the text cannot be determined (an unknown type or encoding), it writes the stored bytes as
 * `b` and calls types.unknownType(). Returns false without writing anything if the bytes are not a value of the type:
 * the row is then unknown.
 */
export type ColumnWriter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
) => boolean;

/** Uses what `types` says now: create it again when the catalogue changes. */
export function columnWriter(typeOid: number, types: TypeSource): ColumnWriter {
  const convert = textConverter(types, typeOid);
  const { text } = storedForm(typeOid, types);
  const slow = formWriter(text, types, new DiskReader(convert));
  const fast = fastWriter(typeOid, types, convert === undefined)?.write;
  if (fast === copyText) return writeText;
  if (fast === undefined) return slow;
  return (bytes, start, end, out) => {
    const at = out.open(ColumnKind.text, FAST_BYTES_MAX);
    if (fast(bytes, start, end, out)) {
      out.close(at);
      return true;
    }
    out.cancel(at);
    return slow(bytes, start, end, out);
  };
}

/** Writes a column that the stored tuple lacks. Returns false as a ColumnWriter does. */
export type MissingWriter = (out: TupleWriter) => boolean;

/** For attributes that were added after the tuple was written; uses what `types` says now, as columnWriter() does. */
export function missingWriter(
  missing: MissingValue,
  typeOid: number,
  types: TypeSource,
): MissingWriter {
  if (missing === NONE) {
    return (out) => {
      out.null();
      return true;
    };
  }
  if (missing === UNKNOWN) return () => false;
  if (typeof missing === "string") {
    const text = Buffer.from(missing);
    return (out) => writeText(text, 0, text.length, out);
  }
  const value = elementOf(missing, typeOid, types);
  const write = columnWriter(typeOid, types);
  return (out) => value !== undefined && write(value, 0, value.length, out);
}

/** The only element of a stored array. Undefined if it is damaged. */
function elementOf(
  missing: Uint8Array,
  typeOid: number,
  types: TypeSource,
): Uint8Array | undefined {
  let value: Uint8Array | undefined;
  const { layout } = storedForm(typeOid, types);
  const text: DiskForm = (reader) => {
    value = reader.take(reader.end - reader.offset);
    return "";
  };
  const reader = new DiskReader(undefined);
  reader.attach(missing);
  try {
    onlyElement(reader, typeOid, { layout, text });
    return value;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** Writes the value of missingWriter() once. */
export function writeMissing(
  missing: MissingValue,
  typeOid: number,
  types: TypeSource,
  out: TupleWriter,
): boolean {
  return missingWriter(missing, typeOid, types)(out);
}

/** Undefined if text is sent as it is stored. */
function textConverter({ encoding }: TypeSource, typeOid: number): ToUtf8 | undefined {
  const convert = toUtf8(encoding);
  const unconvertible = new UnknownType(typeOid, true);
  return (
    convert &&
    ((text) => {
      const converted = convert(text);
      if (converted === undefined) throw unconvertible;
      return converted;
    })
  );
}

/** @param isUtf8 whether text is sent as it is stored */
function fastWriter(
  typeOid: number,
  types: TypeSource,
  isUtf8: boolean,
  depth = 0,
): { readonly write: FastWriter; readonly isPlain?: boolean | undefined } | undefined {
  const type = baseType(typeOid, types);
  // An array of a forged catalogue may be its own element.
  if (type === undefined || depth > DEPTH_MAX) return undefined;
  if (isBuiltinScalar(type)) {
    const { isPlain, isUtf8: needsUtf8, write } = builtinNamed(type.name) ?? {};
    return write === undefined || (needsUtf8 && !isUtf8) ? undefined : { write, isPlain };
  }
  if (type.kind === "e") return { write: enumWriter(types) };
  if (!isPlainArray(type)) return undefined;
  const element = fastWriter(type.element, types, isUtf8, depth + 1);
  const layout = types.type(type.element);
  if (element === undefined || layout === undefined) return undefined;
  const { isPlain, write } = element;
  return { write: fastArray(write, type.element, layout, type.delimiter, isPlain !== true) };
}

/** UInt32 pg_enum's oid */
function enumWriter(types: TypeSource): FastWriter {
  const written = new Map<number, { readonly label: string; readonly bytes: Uint8Array }>();
  return (bytes, start, end, out) => {
    if (end - start !== 4) return false;
    const oid = int32At(bytes, start) >>> 0;
    // Looked up for each value: it may have been renamed.
    const label = types.enumLabel(oid);
    if (label === undefined) return false;
    let known = written.get(oid);
    if (known?.label !== label) written.set(oid, (known = { label, bytes: Buffer.from(label) }));
    return copyText(known.bytes, 0, known.bytes.length, out);
  };
}

const writeText: ColumnWriter = (bytes, start, end, out) => {
  const at = out.open(ColumnKind.text, end - start);
  copyText(bytes, start, end, out);
  out.close(at);
  return true;
};

function formWriter(form: DiskForm, types: TypeSource, reader: DiskReader): ColumnWriter {
  return (bytes, start, end, out) => {
    if (end - start > CONVERTED_BYTES_MAX) return false;
    let text: string;
    try {
      reader.attachRange(bytes, start, end);
      text = form(reader);
    } catch (error) {
      if (error instanceof UnknownType) {
        types.unknownType(error.oid, error.isText);
        const at = out.open(ColumnKind.binary, end - start);
        copyText(bytes, start, end, out);
        out.close(at);
        return true;
      }
      // RangeError: a damaged value may require a text longer than a string can be.
      if (error instanceof DecodeError || error instanceof RangeError) return false;
      throw error;
    }
    if (reader.offset !== end) return false;
    const at = out.open(ColumnKind.text, text.length);
    out.offset += out.bytes.write(text, at, "latin1");
    out.close(at);
    return true;
  };
}
