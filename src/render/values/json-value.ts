import type { ByteWriter } from "../bytes/byte-writer.ts";
import { CLEAN, NO_JSON, scanJson } from "../bytes/json-scan.ts";
import { isC1, writeSpecial, writeString } from "../bytes/json-text.ts";
import { isExactDouble, numberEnd } from "../bytes/numbers.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DEL = 0x7f;

/**
 * Copies bytes[start, end), which are JSON, with two changes: white space between tokens becomes spaces, so that the
 * value stays on one line, and DEL and C1 control characters are escaped. Bytes that are not JSON (from a damaged
 * capture) become a string, or base64 if they are not UTF-8.
 */
export const writeJson: ValueEncoder = (out, bytes, view, start, end) => {
  const found = scanJson(bytes, view, start, end);
  if (found === CLEAN) out.copyText(bytes, view, start, end);
  else if (found === NO_JSON) writeString(out, bytes, view, start, end);
  else writeControls(out, bytes, start, end);
};

/**
 * Inside of strings the only control characters are DEL and above; bytes below SPACE are white space between tokens.
 */
function writeControls(out: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
  for (let at = start; at < end;) {
    out.reserve(end - at);
    const target = out.bytes;
    let { offset } = out;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === DEL || isC1(bytes, at, end)) break;
      target[offset++] = byte < SPACE ? SPACE : byte;
    }
    out.offset = offset;
    if (at < end) at += writeSpecial(out, bytes, at);
  }
}

/** Like writeJson, but numbers that a JavaScript double does not hold exactly become strings. */
export const writeSafeJson: ValueEncoder = (out, bytes, view, start, end) => {
  const before = out.offset;
  writeJson(out, bytes, view, start, end);
  // The output is JSON, whatever the bytes were.
  const json = Buffer.from(out.bytes.subarray(before, out.offset));
  let copied = 0;
  out.offset = before;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!;
    if (byte === QUOTE) {
      at = endOfText(json, at);
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      const stop = numberEnd(json, at, json.length);
      if (!isExactDouble(json, at, stop)) {
        out.copy(json, copied, at);
        out.byte(QUOTE);
        out.copy(json, at, stop);
        out.byte(QUOTE);
        copied = stop;
      }
      at = stop - 1;
    }
  }
  out.copy(json, copied, json.length);
};

/** The offset of the closing quote for the quote at `open`. */
function endOfText(json: Uint8Array, open: number): number {
  let at = open + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
