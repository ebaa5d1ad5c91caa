import { DecodeError } from "../../errors.ts";
import type { ColumnValue } from "../../postgres/messages/tuple.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { BinaryReader, type TextForm } from "../../postgres/types/binary-reader.ts";
import { versioned } from "../../postgres/types/json.ts";
import { bytea, sameBytes } from "../../postgres/types/texts.ts";
import { textFormOf } from "../../postgres/messages/text-forms.ts";

/**
 * Returns the text form of a value in its type's binary form. It equals, byte for byte, what the server sends as text
 * under the settings that walctl sets; it may be a view of the input. Undefined if the text form is not known, or the
 * bytes are not a value of the type.
 */
export type BinaryToText = (bytes: Uint8Array) => Uint8Array | undefined;

/** For the text types, which carry most bytes. */
export const SAME_BYTES: BinaryToText = (bytes) => bytes;

/** With more, a JavaScript string of two characters for each byte would be too long. */
const CONVERTED_BYTES_MAX = 2 ** 28 - 64;

const PIECE_BYTES = 1024 * 1024;

/** One for all values: creating it costs more than reading most values. */
const reader = new BinaryReader();

export function binaryToText(typeOid: number, types: TypeRegistry): BinaryToText {
  const form = types.binaryForm === "stored" ? undefined : textFormOf(typeOid, types);
  switch (form) {
    case undefined:
      return () => undefined;
    case sameBytes:
      return SAME_BYTES;
    case versioned:
      return withoutVersion;
    case bytea:
      return hexDigits;
    default:
      return (bytes) => convert(bytes, form);
  }
}

/** The value as text if its binary form is known; for output to people. */
export function asText(value: ColumnValue, typeOid: number, types: TypeRegistry): ColumnValue {
  if (value.kind !== "binary") return value;
  const bytes = binaryToText(typeOid, types)(value.bytes);
  return bytes === undefined ? value : { kind: "text", bytes };
}

function withoutVersion(bytes: Uint8Array): Uint8Array | undefined {
  return bytes[0] === 1 ? bytes.subarray(1) : undefined;
}

/** In pieces: the largest value as one string would be too long. */
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
    // RangeError: a damaged value may require a text longer than a string can be.
    if (error instanceof DecodeError || error instanceof RangeError) return undefined;
    throw error;
  }
}
