import type { ByteWriter } from "./byte-writer.ts";
import { writeString } from "./json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }
const JSON_OPEN = 0x5b; // [
const JSON_CLOSE = 0x5d; // ]
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const EQUALS = 0x3d;
const SPACE = 0x20;
const NULL = Buffer.from("null", "latin1");

/** The text form of arrays (manual: Array Input and Output Syntax) as JSON arrays, nested as they are. */
export function arrayEncoder(element: ValueEncoder, delimiter: string): ValueEncoder {
  const delimiterByte = delimiter.charCodeAt(0);
  return (out, bytes, view, start, end) => {
    const before = out.offset;
    if (writeArray(out, bytes, view, start, end, element, delimiterByte)) return;
    // Not what array_out prints: rather the text than half an array.
    out.offset = before;
    writeString(out, bytes, view, start, end);
  };
}

/** `1 2 3` as a JSON array. */
export function vectorEncoder(element: ValueEncoder): ValueEncoder {
  return (out, bytes, view, start, end) => {
    out.byte(JSON_OPEN);
    for (let at = start; at < end;) {
      let stop = at;
      while (stop < end && bytes[stop] !== SPACE) stop++;
      if (at > start) out.byte(COMMA);
      element(out, bytes, view, at, stop);
      at = stop + 1;
    }
    out.byte(JSON_CLOSE);
  };
}

function writeArray(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  element: ValueEncoder,
  delimiter: number,
): boolean {
  let at = start;
  if (bytes[at] === JSON_OPEN) {
    // Bounds that do not start at 1: [2:3]={…}. JSON has no place for them.
    at = bytes.indexOf(EQUALS, at) + 1;
    if (at === 0 || at > end) return false;
  }
  let depth = 0;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === OPEN) {
      depth++;
      out.byte(JSON_OPEN);
      at++;
    } else if (byte === CLOSE) {
      depth--;
      out.byte(JSON_CLOSE);
      at++;
      if (depth === 0) return at === end;
    } else if (depth === 0) {
      return false;
    } else if (byte === delimiter) {
      out.byte(COMMA);
      at++;
    } else if (byte === QUOTE) {
      at = writeQuoted(out, bytes, view, at, end, element);
      if (at === -1) return false;
    } else {
      const stop = endOfPlain(bytes, at, end, delimiter);
      if (isNull(bytes, at, stop)) out.copy(NULL);
      else element(out, bytes, view, at, stop);
      at = stop;
    }
  }
  return false;
}

/** Writes the element that starts with the quote at `open`; returns where it ends, or -1. */
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

function endOfPlain(bytes: Uint8Array, start: number, end: number, delimiter: number): number {
  let at = start;
  while (at < end && bytes[at] !== delimiter && bytes[at] !== CLOSE) at++;
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
