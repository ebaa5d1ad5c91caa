import type { ByteWriter } from "../bytes/byte-writer.ts";
import { writeString } from "../bytes/json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }
const JSON_OPEN = 0x5b; // [
const JSON_CLOSE = 0x5d; // ]
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const EQUALS = 0x3d;
const COLON = 0x3a;
const MINUS = 0x2d;
const SPACE = 0x20;
const NULL = Buffer.from("null", "latin1");
/** The server's MAXDIM. */
const DIMENSIONS_MAX = 6;
/** The characters, besides the delimiter, for which array_out quotes an element. */
const QUOTED_ONLY = Buffer.from('{}"\\ \t\n\v\f\r', "latin1");

/** The element's encoder by the array's, where a comma separates elements. */
export const elementEncoders = new WeakMap<ValueEncoder, ValueEncoder>();

/** Converts the text form of arrays (manual: Array Input and Output Syntax) to JSON arrays of the same nesting. */
export function arrayEncoder(element: ValueEncoder, delimiter: string): ValueEncoder {
  const delimiterByte = delimiter.charCodeAt(0);
  /** By byte: 1 if it ends an element without quotes. */
  const ends = new Uint8Array(256);
  for (const byte of [...QUOTED_ONLY, delimiterByte]) ends[byte] = 1;
  const encode: ValueEncoder = (out, bytes, view, start, end) => {
    const before = out.offset;
    if (writeArray(out, bytes, view, start, end, element, ends, delimiterByte)) return;
    // Not array_out's form: the text is better than half an array.
    out.offset = before;
    writeString(out, bytes, view, start, end);
  };
  if (delimiter === ",") elementEncoders.set(encode, element);
  return encode;
}

/** Converts `1 2 3` to a JSON array. */
export function vectorEncoder(element: ValueEncoder): ValueEncoder {
  return (out, bytes, view, start, end) => {
    const before = out.offset;
    out.byte(JSON_OPEN);
    for (let at = start; at < end;) {
      let stop = at;
      while (stop < end && bytes[stop] !== SPACE) stop++;
      if (stop === at || stop === end - 1) {
        // Two spaces, or one at an end: not a vector.
        out.offset = before;
        return writeString(out, bytes, view, start, end);
      }
      if (at > start) out.byte(COMMA);
      element(out, bytes, view, at, stop);
      at = stop + 1;
    }
    out.byte(JSON_CLOSE);
  };
}

/** Returns false if the bytes are not array_out's form; it may have written a part by then. */
function writeArray(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  element: ValueEncoder,
  ends: Uint8Array,
  delimiter: number,
): boolean {
  let at = bytes[start] === JSON_OPEN ? endOfBounds(bytes, start, end) : start;
  if (at === -1) return false;
  if (end - at === 2 && bytes[at] === OPEN && bytes[at + 1] === CLOSE) {
    out.byte(JSON_OPEN);
    out.byte(JSON_CLOSE);
    return true;
  }
  let depth = 0;
  /** The depth of the first element, which all others must have. */
  let elementDepth = 0;
  /** True behind an opening brace or a delimiter. */
  let expected = true;
  while (at < end) {
    const byte = bytes[at]!;
    if (!expected) {
      if (byte === CLOSE) depth--;
      else if (byte === delimiter) expected = true;
      else return false;
      out.byte(expected ? COMMA : JSON_CLOSE);
      at++;
      if (depth === 0) return at === end;
    } else if (byte === OPEN) {
      if (depth === DIMENSIONS_MAX || (elementDepth > 0 && depth >= elementDepth)) return false;
      depth++;
      out.byte(JSON_OPEN);
      at++;
    } else {
      if (elementDepth === 0) elementDepth = depth;
      if (depth === 0 || depth !== elementDepth) return false;
      at =
        byte === QUOTE
          ? writeQuoted(out, bytes, view, at, end, element)
          : writePlain(out, bytes, view, at, end, element, ends);
      if (at === -1) return false;
      expected = false;
    }
  }
  return false;
}

/** `[2:3][-1:0]=`: bounds that do not start at 1, which JSON cannot express. Returns where they end, or -1. */
function endOfBounds(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] === JSON_OPEN) {
    const colon = endOfInteger(bytes, at + 1, end);
    if (colon === -1 || bytes[colon] !== COLON) return -1;
    const close = endOfInteger(bytes, colon + 1, end);
    if (close === -1 || bytes[close] !== JSON_CLOSE) return -1;
    at = close + 1;
  }
  return at < end && bytes[at] === EQUALS ? at + 1 : -1;
}

/** -1 if there is no integer, or nothing follows it. */
function endOfInteger(bytes: Uint8Array, start: number, end: number): number {
  const digits = bytes[start] === MINUS ? start + 1 : start;
  let at = digits;
  while (at < end && bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++;
  return at > digits && at < end ? at : -1;
}

/** Writes the element that starts with the quote at `open`. Returns where it ends, or -1. */
function writeQuoted(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  open: number,
  end: number,
  element: ValueEncoder,
): number {
  let escapes = 0;
  let close = open + 1;
  while (close < end && bytes[close] !== QUOTE) {
    if (bytes[close] === BACKSLASH) {
      escapes++;
      close++;
    }
    close++;
  }
  if (close >= end) return -1;
  if (escapes === 0) element(out, bytes, view, open + 1, close);
  else {
    const plain = Buffer.allocUnsafe(close - open - 1 - escapes);
    let length = 0;
    for (let at = open + 1; at < close; at++) {
      if (bytes[at] === BACKSLASH) at++;
      plain[length++] = bytes[at]!;
    }
    const plainView = new DataView(plain.buffer, plain.byteOffset, plain.length);
    element(out, plain, plainView, 0, plain.length);
  }
  return close + 1;
}

/** Writes the element without quotes that starts at `start`. Returns where it ends, or -1. */
function writePlain(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  element: ValueEncoder,
  ends: Uint8Array,
): number {
  let at = start;
  while (at < end && ends[bytes[at]!] === 0) at++;
  if (at === start) return -1;
  if (isNull(bytes, start, at)) out.copy(NULL);
  else element(out, bytes, view, start, at);
  return at;
}

/** NULL without quotes; a string "NULL" is quoted. array_out writes it in capitals only. */
function isNull(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    bytes[start] === 0x4e &&
    bytes[start + 1] === 0x55 &&
    bytes[start + 2] === 0x4c &&
    bytes[start + 3] === 0x4c
  );
}
