/*
 * A stored value → the column of a TupleData that pgoutput would send: its text.
 * Law: text as the server prints it, or stored bytes of an unknown type, or nothing; damaged bytes never throw.
 * Way in: columnWriter().
 */
import { DecodeError } from "../../errors.ts";
import { ColumnKind } from "../../pgoutput/tags.ts";
import { onlyElement } from "./containers.ts";
import {
  CONVERTED_BYTES_MAX,
  type DiskForm,
  DiskReader,
  type ToUtf8,
  UnknownType,
} from "./disk-reader.ts";
import { toUtf8 } from "./encodings.ts";
import { FAST_BYTES_MAX, FAST_WRITERS } from "./fast-writers.ts";
import { baseType, storedForm } from "./stored-forms.ts";
import type { TupleWriter } from "./tuple-writer.ts";
import type { MissingValue, TypeSource } from "./type-source.ts";

/**
 * Writes the value bytes[start, end) (of a varlena: behind its header, detoasted and decompressed) as a column: its text, as the
 * server prints it. Where that cannot be told (the type is not known, or text of an encoding) it comes as `b` with its stored bytes,
 * and types.unknownType() is called. Returns
 * false, and has written nothing, where the bytes are no value of the type: then the row is not known.
 */
export type ColumnWriter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
) => boolean;

/** Types of pg_catalog whose payload is their text. */
const TEXT_TYPES = new Set(["text", "varchar", "bpchar", "json", "xml"]);

/** By what `types` says now: make it again when the catalogue changes. */
export function columnWriter(typeOid: number, types: TypeSource): ColumnWriter {
  const convert = toUtf8(types.encoding);
  const base = baseType(typeOid, types);
  if (base !== undefined && TEXT_TYPES.has(base))
    return textWriter(convert, () => types.unknownType(typeOid));
  if (base === "bytea") return writeHex;
  const { text } = storedForm(typeOid, types);
  const write = formWriter(text, types, new DiskReader(convert, typeOid));
  const fast = base === undefined ? undefined : FAST_WRITERS.get(base);
  if (fast === undefined) return write;
  return (bytes, start, end, out) => {
    const at = out.open(ColumnKind.text, FAST_BYTES_MAX);
    if (fast(bytes, start, end, out)) {
      out.close(at);
      return true;
    }
    out.cancel(at);
    return write(bytes, start, end, out);
  };
}

/** Writes what an attribute is in a tuple that was stored before it was added. Returns false as a ColumnWriter does. */
export function writeMissing(
  missing: MissingValue,
  typeOid: number,
  types: TypeSource,
  out: TupleWriter,
): boolean {
  if (missing === undefined) {
    out.null();
    return true;
  }
  if (typeof missing === "string") return copyText(Buffer.from(missing), out);
  const element = storedForm(typeOid, types);
  const form: DiskForm = (reader) => onlyElement(reader, typeOid, element);
  const write = formWriter(form, types, new DiskReader(toUtf8(types.encoding), typeOid));
  return write(missing, 0, missing.length, out);
}

function textWriter(convert: ToUtf8 | undefined, unconvertible: () => void): ColumnWriter {
  if (convert === undefined) {
    return (bytes, start, end, out) => copyText(bytes, out, start, end);
  }
  return (bytes, start, end, out) => {
    const text = convert(bytes.subarray(start, end));
    if (text !== undefined) return copyText(text, out);
    unconvertible();
    writeBytes(ColumnKind.binary, bytes, start, end, out);
    return true;
  };
}

function copyText(bytes: Uint8Array, out: TupleWriter, start = 0, end = bytes.length): boolean {
  writeBytes(ColumnKind.text, bytes, start, end, out);
  return true;
}

function formWriter(form: DiskForm, types: TypeSource, reader: DiskReader): ColumnWriter {
  return (bytes, start, end, out) => {
    if (end - start > CONVERTED_BYTES_MAX) return false;
    let text: string;
    try {
      reader.attachRange(bytes, start, end);
      text = form(reader);
    } catch (error) {
      if (error instanceof UnknownType) {
        types.unknownType(error.oid);
        writeBytes(ColumnKind.binary, bytes, start, end, out);
        return true;
      }
      // RangeError: a damaged value may ask for a text that is longer than a string can be.
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

const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, "0");
  return (digits.charCodeAt(0) << 8) | digits.charCodeAt(1);
});

/** `\xdead`, without a string: it may be longer than a string can be. */
const writeHex: ColumnWriter = (bytes, start, end, out) => {
  const at = out.open(ColumnKind.text, 2 + 2 * (end - start));
  const { view } = out;
  let { offset } = out;
  view.setUint16(offset, 0x5c78);
  for (let index = start; index < end; index++) {
    offset += 2;
    view.setUint16(offset, HEX_PAIRS[bytes[index]!]!);
  }
  out.offset = offset + 2;
  out.close(at);
  return true;
};

/** A call into native code costs more than a loop over so few bytes. */
const LOOP_BYTES_MAX = 32;

function writeBytes(
  kind: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
): void {
  const length = end - start;
  const at = out.open(kind, length);
  const target = out.bytes;
  if (length > LOOP_BYTES_MAX) target.set(bytes.subarray(start, end), at);
  else for (let index = 0; index < length; index++) target[at + index] = bytes[start + index]!;
  out.offset += length;
  out.close(at);
}
