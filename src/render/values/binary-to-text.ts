import { DecodeError } from "../../errors.ts";
import type { ColumnValue } from "../../pgoutput/tuple.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { BinaryReader, type TextForm } from "../../pgoutput/values/binary-reader.ts";
import * as scalar from "../../pgoutput/values/scalars.ts";
import { textFormOf } from "../../pgoutput/values/text-forms.ts";

/**
 * Gives the text form of a value that came in its type's binary form, byte for byte what the server sends
 * as text under the settings that walctl pins; perhaps a view of what was given. Undefined: it cannot be
 * told, or the bytes are not of the type.
 */
export type BinaryToText = (bytes: Uint8Array) => Uint8Array | undefined;

/** Of the text types, and so the way of most bytes. */
export const SAME_BYTES: BinaryToText = (bytes) => bytes;

/** More would not fit into a JavaScript string when each byte becomes two. */
const CONVERTED_BYTES_MAX = 2 ** 28 - 64;

const PIECE_BYTES = 1024 * 1024;

/** One for all: what it is made of costs more than most values do. */
const reader = new BinaryReader();

export function binaryToText(typeOid: number, types: TypeRegistry): BinaryToText {
  const form = types.binaryForm === "stored" ? undefined : textFormOf(typeOid, types);
  switch (form) {
    case undefined:
      return () => undefined;
    case scalar.text:
      return SAME_BYTES;
    case scalar.versioned:
      return withoutVersion;
    case scalar.bytea:
      return hexDigits;
    default:
      return (bytes) => convert(bytes, form);
  }
}

/** The value as text, where its binary form is known: for a person. */
export function asText(value: ColumnValue, typeOid: number, types: TypeRegistry): ColumnValue {
  if (value.kind !== "binary") return value;
  const bytes = binaryToText(typeOid, types)(value.bytes);
  return bytes === undefined ? value : { kind: "text", bytes };
}

function withoutVersion(bytes: Uint8Array): Uint8Array | undefined {
  return bytes[0] === 1 ? bytes.subarray(1) : undefined;
}

/** In pieces: as one string the largest would be too long. */
function hexDigits(bytes: Uint8Array): Uint8Array {
  const text = Buffer.allocUnsafe(2 + bytes.length * 2);
  text.write("\\x", "latin1");
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    const piece = Buffer.from(
      bytes.buffer,
      bytes.byteOffset + at,
      Math.min(PIECE_BYTES, bytes.length - at),
    );
    text.write(piece.toString("hex"), 2 + at * 2, "latin1");
  }
  return text;
}

function convert(bytes: Uint8Array, form: TextForm): Uint8Array | undefined {
  if (bytes.length > CONVERTED_BYTES_MAX) return undefined;
  reader.attach(bytes);
  try {
    const text = form(reader);
    return reader.offset === reader.end ? Buffer.from(text, "latin1") : undefined;
  } catch (error) {
    // RangeError: a damaged value may ask for a text that is longer than a string can be.
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}
