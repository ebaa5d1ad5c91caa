import type { ByteWriter } from "./byte-writer.ts";
import { safeJson } from "./json-line.ts";
import { isUtf8Text } from "./utf8.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const DEL = 0x7f;
/** The first byte of U+0080 to U+00BF; U+0080 to U+009F are the C1 control characters. */
const C1_LEAD = 0xc2;
const C1_FIRST = 0x80;
const C1_LAST = 0x9f;
/** `\u001f` in place of one byte. */
const ESCAPE_BYTES_MAX = 6;
/** From this length on, values have a loop of their own. */
const LONG_BYTES = 128;
/** From this length on, a kernel is worth its calls. */
const LARGE_BYTES = 2048;
/** Enough for a call to cost little; with its escapes a piece stays in the processor's cache. */
const PIECE_BYTES = 16 * 1024;
/** The kernel reads and writes sixteen bytes at a time. */
const PIECE_MARGIN_BYTES = 32;

const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");
/** The second byte of the short escapes: \b \t \n \f \r \" \\ */
const SHORT_ESCAPES = new Uint8Array(0x80);
for (const [code, letter] of [
  [0x08, "b"],
  [0x09, "t"],
  [0x0a, "n"],
  [0x0c, "f"],
  [0x0d, "r"],
  [QUOTE, '"'],
  [BACKSLASH, "\\"],
] as const) {
  SHORT_ESCAPES[code] = letter.charCodeAt(0);
}

/** How a byte is treated when it is copied into JSON. */
const PLAIN = 0;
const NOT_ASCII = 1;
/** It may be the first byte of a C1 control character. */
const LEAD = 2;
/** It has to be escaped inside of a string. */
const QUOTING = 3;
const CONTROL = 4;
const MEANINGS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === C1_LEAD) return LEAD;
  if (byte > DEL) return NOT_ASCII;
  if (byte < SPACE || byte === DEL) return CONTROL;
  return byte === QUOTE || byte === BACKSLASH ? QUOTING : PLAIN;
});

/** The JSON form of a string, for names and other short text. No control character stays raw, including DEL and C1. */
export function jsonString(text: string): string {
  return safeJson(text);
}

/**
 * Writes bytes[start, end) as a JSON string, or as `{"bytes_base64":…}` if they are not UTF-8: a server with
 * server_encoding SQL_ASCII sends bytes as it stores them.
 */
export function writeString(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): void {
  out.reserve(end - start + ESCAPE_BYTES_MAX);
  const before = out.offset;
  out.bytes[out.offset++] = QUOTE;
  const plainEnd = end - start < LONG_BYTES ? copyPlain(out, bytes, view, start, end) : start;
  const ascii = plainEnd === end || writeEscaped(out, bytes, view, plainEnd, end);
  out.byte(QUOTE);
  if (!ascii && !isUtf8Text(bytes, start, end)) {
    out.offset = before;
    writeBase64(out, "bytes_base64", bytes.subarray(start, end));
  }
}

/** `{"key":"…"}` */
export function writeBase64(out: ByteWriter, key: string, bytes: Uint8Array): void {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  out.text(`{"${key}":"${base64}"}`);
}

/**
 * Copies four bytes at a time, up to a word that contains a byte to escape; returns the offset of that word, or `end`.
 * Most values are copied completely by this. The caller has reserved the space.
 */
function copyPlain(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): number {
  const { bytes: target, view: targetView } = out;
  let { offset } = out;
  let at = start;
  while (at + 4 <= end) {
    const word = view.getInt32(at);
    if (specialsInString(word) !== 0) break;
    targetView.setInt32(offset, word);
    at += 4;
    offset += 4;
  }
  const left = end - at;
  if (left > 0 && left < 4 && at > start) {
    // The last word again, including bytes before it that are already copied.
    const word = view.getInt32(end - 4);
    if (specialsInString(word) === 0) {
      targetView.setInt32(offset + left - 4, word);
      at = end;
      offset += left;
    }
  }
  while (at < end && at < start + 4 && MEANINGS[bytes[at]!] === PLAIN) {
    target[offset++] = bytes[at++]!;
  }
  out.offset = offset;
  return at;
}

/** Like copyPlain, sixteen bytes at a time, for long values. Merged into one function both would be slower. */
function copyLong(out: ByteWriter, view: DataView, start: number, end: number): number {
  const { view: targetView } = out;
  let { offset } = out;
  let at = start;
  while (at + 16 <= end) {
    const first = view.getInt32(at);
    const second = view.getInt32(at + 4);
    const third = view.getInt32(at + 8);
    const fourth = view.getInt32(at + 12);
    const specials =
      specialsInString(first) |
      specialsInString(second) |
      specialsInString(third) |
      specialsInString(fourth);
    if (specials !== 0) break;
    targetView.setInt32(offset, first);
    targetView.setInt32(offset + 4, second);
    targetView.setInt32(offset + 8, third);
    targetView.setInt32(offset + 12, fourth);
    at += 16;
    offset += 16;
  }
  out.offset = offset;
  return at;
}

/** Escapes a large value, piece by piece, by the kernel that has the output's memory. Returns how far it came. */
function escapeLarge(out: ByteWriter, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const length = Math.min(PIECE_BYTES, end - at);
    out.reserve(ESCAPE_BYTES_MAX * length + PIECE_MARGIN_BYTES);
    const { kernel } = out;
    if (kernel === undefined) break;
    const memory = out.bytes.byteOffset;
    const raw = out.offset + (ESCAPE_BYTES_MAX - 1) * length + PIECE_MARGIN_BYTES / 2;
    out.bytes.set(bytes.subarray(at, at + length), raw);
    const written = kernel.escape(memory + raw, memory + raw + length, memory + out.offset);
    out.offset = written - memory;
    const read = kernel.stopped.value - memory - raw;
    at += read;
    // A character may be in two pieces.
    if (read === 0 || read < length - 3) break;
  }
  return at;
}

/** Copies four bytes at a time as long as none needs an escape. Returns whether everything is known to be UTF-8. */
function writeEscaped(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): boolean {
  let ascii = true;
  let at = start;
  if (out.kernel !== undefined && end - start >= LARGE_BYTES) {
    at = escapeLarge(out, bytes, start, end);
    // The kernel has checked that what it wrote is UTF-8.
    if (at === end) return true;
  }
  out.reserve(end - at + ESCAPE_BYTES_MAX);
  while (at < end) {
    if (end - at >= LONG_BYTES) at = copyLong(out, view, at, end);
    const { bytes: target, view: targetView } = out;
    let { offset } = out;
    while (at + 4 <= end) {
      const word = view.getInt32(at);
      if (specialsInString(word) !== 0) break;
      targetView.setInt32(offset, word);
      at += 4;
      offset += 4;
    }
    // The word that contains a special byte, or the last bytes.
    const stop = at + 4 < end ? at + 4 : end;
    while (at < stop) {
      const byte = bytes[at]!;
      const meaning = MEANINGS[byte]!;
      if (meaning !== PLAIN) {
        if (meaning === NOT_ASCII) ascii = false;
        else if (meaning === LEAD) {
          ascii = false;
          if (isC1(bytes, at, end)) break;
        } else {
          const short = SHORT_ESCAPES[byte]!;
          if (short === 0 || offset + end - at + ESCAPE_BYTES_MAX >= target.length) break;
          target[offset++] = BACKSLASH;
          target[offset++] = short;
          at++;
          continue;
        }
      }
      target[offset++] = byte;
      at++;
    }
    out.offset = offset;
    if (at >= stop) continue;
    at += writeSpecial(out, bytes, at);
    out.reserve(end - at + ESCAPE_BYTES_MAX);
  }
  return ascii;
}

/** Writes the character at `at`, which has to be escaped, and returns how many bytes it took. */
export function writeSpecial(out: ByteWriter, bytes: Uint8Array, at: number): number {
  const byte = bytes[at]!;
  out.reserve(ESCAPE_BYTES_MAX);
  const short = byte < DEL ? SHORT_ESCAPES[byte]! : 0;
  out.bytes[out.offset++] = BACKSLASH;
  if (short !== 0) {
    out.bytes[out.offset++] = short;
    return 1;
  }
  const long = byte === C1_LEAD;
  // The code point of C2 80 to C2 9F is the second byte.
  const code = long ? bytes[at + 1]! : byte;
  out.bytes[out.offset++] = 0x75; // u
  out.bytes[out.offset++] = 0x30; // 0
  out.bytes[out.offset++] = 0x30; // 0
  out.bytes[out.offset++] = HEX_DIGITS[code >> 4]!;
  out.bytes[out.offset++] = HEX_DIGITS[code & 15]!;
  return long ? 2 : 1;
}

/** Whether the lead byte at `at` begins a C1 control character. */
export function isC1(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] !== C1_LEAD || at + 1 >= end) return false;
  return bytes[at + 1]! >= C1_FIRST && bytes[at + 1]! <= C1_LAST;
}

/** Not 0 if one of the word's bytes is a control character, DEL, not ASCII, a quote or a backslash. */
function specialsInString(word: number): number {
  return (
    (word |
      (word + 0x01010101) |
      (word - 0x20202020) |
      ((word ^ 0x22222222) - 0x01010101) |
      ((word ^ 0x5c5c5c5c) - 0x01010101)) &
    0x80808080
  );
}
