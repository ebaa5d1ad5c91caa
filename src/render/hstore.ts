import type { ByteWriter } from "./byte-writer.ts";
import { writeString } from "./json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ARROW = Buffer.from("=>", "latin1");
const SEPARATOR = Buffer.from(", ", "latin1");
const NULL = Buffer.from("NULL", "latin1");
const JSON_NULL = Buffer.from("null", "latin1");
const KEY_END = Buffer.from(": ", "latin1");

/** `"a"=>"1", "b"=>NULL` as hstore_to_json prints it: `{"a": "1", "b": null}`. */
export const writeHstore: ValueEncoder = (out, bytes, view, start, end) => {
  const before = out.offset;
  if (writePairs(out, bytes, start, end)) return;
  out.offset = before;
  writeString(out, bytes, view, start, end);
};

function writePairs(out: ByteWriter, bytes: Uint8Array, start: number, end: number): boolean {
  out.byte(0x7b);
  let at = start;
  while (at < end) {
    if (at > start) {
      if (!startsWith(bytes, at, end, SEPARATOR)) return false;
      at += SEPARATOR.length;
      out.copy(SEPARATOR);
    }
    at = writeQuoted(out, bytes, at, end);
    if (at === -1 || !startsWith(bytes, at, end, ARROW)) return false;
    at += ARROW.length;
    out.copy(KEY_END);
    if (startsWith(bytes, at, end, NULL)) {
      at += NULL.length;
      out.copy(JSON_NULL);
    } else {
      at = writeQuoted(out, bytes, at, end);
      if (at === -1) return false;
    }
  }
  out.byte(0x7d);
  return true;
}

/** Writes the text in quotes at `open`, in which `\` escapes; returns where it ends, or -1. */
function writeQuoted(out: ByteWriter, bytes: Uint8Array, open: number, end: number): number {
  if (open >= end || bytes[open] !== QUOTE) return -1;
  const plain = Buffer.allocUnsafe(end - open);
  let length = 0;
  for (let at = open + 1; at < end; at++) {
    if (bytes[at] === QUOTE) {
      const view = new DataView(plain.buffer, plain.byteOffset, length);
      writeString(out, plain, view, 0, length);
      return at + 1;
    }
    if (bytes[at] === BACKSLASH) at++;
    plain[length++] = bytes[at] ?? 0;
  }
  return -1;
}

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  return text.every((byte, index) => bytes[at + index] === byte);
}
