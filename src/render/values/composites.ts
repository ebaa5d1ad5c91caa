import type { ByteWriter } from "../bytes/byte-writer.ts";
import { writeString } from "../bytes/json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const OPEN = 0x28; // (
const CLOSE = 0x29; // )
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const JSON_OPEN = 0x7b;
const JSON_CLOSE = 0x7d;
const NULL = Buffer.from("null", "latin1");

export interface FieldEncoder {
  /** `"name":` */
  readonly key: Uint8Array;
  readonly encode: ValueEncoder;
}

/** The characters for which record_out quotes a field. */
const QUOTED_ONLY = new Uint8Array(256);
for (const byte of Buffer.from('(),"\\ \t\n\v\f\r', "latin1")) QUOTED_ONLY[byte] = 1;

/** Converts the text form of composite types (manual: Composite Type Input and Output Syntax) to JSON objects. */
export function compositeEncoder(fields: readonly FieldEncoder[]): ValueEncoder {
  return (out, bytes, view, start, end) => {
    const before = out.offset;
    if (writeComposite(out, bytes, view, start, end, fields)) return;
    // The type was altered since it was looked up: the text is better than half an object.
    out.offset = before;
    writeString(out, bytes, view, start, end);
  };
}

function writeComposite(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  fields: readonly FieldEncoder[],
): boolean {
  if (end - start < 2 || bytes[start] !== OPEN || bytes[end - 1] !== CLOSE) return false;
  const close = end - 1;
  let at = start + 1;
  out.byte(JSON_OPEN);
  for (const [index, field] of fields.entries()) {
    if (index > 0) {
      if (at >= close || bytes[at] !== COMMA) return false;
      at++;
      out.byte(COMMA);
    }
    out.copy(field.key);
    const stop = writeField(out, bytes, view, at, close, field.encode);
    if (stop === -1) return false;
    at = stop;
  }
  out.byte(JSON_CLOSE);
  return at === close;
}

/** Writes a field: an empty field is NULL, the empty string is `""`. Returns where the field ends, or -1. */
function writeField(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  close: number,
  encode: ValueEncoder,
): number {
  if (start === close || bytes[start] === COMMA) {
    out.copy(NULL);
    return start;
  }
  if (bytes[start] === QUOTE) {
    const stop = endOfQuoted(bytes, start, close);
    if (stop === -1) return -1;
    const plain = unquote(bytes, start + 1, stop - 1);
    encode(out, plain, new DataView(plain.buffer, plain.byteOffset, plain.length), 0, plain.length);
    return stop;
  }
  let at = start;
  while (at < close && QUOTED_ONLY[bytes[at]!] === 0) at++;
  if (at === start) return -1;
  encode(out, bytes, view, start, at);
  return at;
}

/** The offset behind the closing quote for the quote at `open`; -1 if there is none. */
function endOfQuoted(bytes: Uint8Array, open: number, close: number): number {
  let at = open + 1;
  while (at < close) {
    const byte = bytes[at];
    if (byte === BACKSLASH || (byte === QUOTE && bytes[at + 1] === QUOTE)) at += 2;
    else if (byte === QUOTE) return at + 1;
    else at++;
  }
  return -1;
}

/** Inside of quotes `""` means `"` and `\\` means `\`. */
function unquote(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const plain = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH || (bytes[at] === QUOTE && bytes[at + 1] === QUOTE)) at++;
    plain[length++] = bytes[at]!;
  }
  return plain.subarray(0, length);
}
