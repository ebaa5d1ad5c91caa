import { writeString } from "../bytes/json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { isUtf8Text } from "../bytes/utf8.ts";

const [OPEN, CLOSE, COMMA, SPACE] = [0x7b, 0x7d, 0x2c, 0x20];
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ARROW = Buffer.from("=>", "latin1");
const SEPARATOR = Buffer.from(", ", "latin1");
const NULL = Buffer.from("NULL", "latin1");
const JSON_NULL = Buffer.from("null", "latin1");
const KEY_END = Buffer.from(": ", "latin1");

/** Converts `"a"=>"1", "b"=>NULL` to hstore_to_json's form: `{"a": "1", "b": null}`. */
export const writeHstore: ValueEncoder = (out, bytes, view, start, end) => {
  const before = out.offset;
  const valid = readPairs(bytes, start, end, (key, value, index) => {
    out.byte(index === 0 ? OPEN : COMMA);
    if (index > 0) out.byte(SPACE);
    writeString(out, key, viewOf(key), 0, key.length);
    out.copy(KEY_END);
    if (value === null) out.copy(JSON_NULL);
    else writeString(out, value, viewOf(value), 0, value.length);
  });
  if (!valid) {
    out.offset = before;
    return writeString(out, bytes, view, start, end);
  }
  if (start === end) out.byte(OPEN);
  out.byte(CLOSE);
};

/**
 * Passes the pairs to `visit`, unescaped. Returns false if the bytes are not hstore_out's form, or JSON cannot express
 * them: a key is not UTF-8, or occurs twice.
 */
export function readPairs(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (key: Uint8Array, value: Uint8Array | null, index: number) => void,
): boolean {
  const keys = new Set<string>();
  let at = start;
  while (at < end) {
    if (at > start) {
      if (!startsWith(bytes, at, end, SEPARATOR)) return false;
      at += SEPARATOR.length;
    }
    const keyEnd = endOfQuoted(bytes, at, end);
    if (keyEnd === -1 || !startsWith(bytes, keyEnd, end, ARROW)) return false;
    const key = unquote(bytes, at + 1, keyEnd - 1);
    const text = key.toString("latin1");
    if (keys.has(text) || !isUtf8Text(key, 0, key.length)) return false;
    at = keyEnd + ARROW.length;
    const isNull = startsWith(bytes, at, end, NULL);
    const valueEnd = isNull ? at + NULL.length : endOfQuoted(bytes, at, end);
    if (valueEnd === -1) return false;
    visit(key, isNull ? null : unquote(bytes, at + 1, valueEnd - 1), keys.size);
    keys.add(text);
    at = valueEnd;
  }
  return true;
}

/** The offset behind the closing quote for the quote at `open`; -1 if there is none. */
function endOfQuoted(bytes: Uint8Array, open: number, end: number): number {
  if (open >= end || bytes[open] !== QUOTE) return -1;
  for (let at = open + 1; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++;
    else if (bytes[at] === QUOTE) return at + 1;
  }
  return -1;
}

/** Inside of quotes `\` escapes. */
function unquote(bytes: Uint8Array, start: number, end: number): Buffer {
  const plain = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    if (bytes[at] === BACKSLASH) at++;
    plain[length++] = bytes[at]!;
  }
  return plain.subarray(0, length);
}

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  return text.every((byte, index) => bytes[at + index] === byte);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
