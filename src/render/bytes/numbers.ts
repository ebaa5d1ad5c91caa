import type { ByteWriter } from "./byte-writer.ts";

const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_E = 0x65;
const LOWER_CASE = 0x20;

/** The number of significant digits that every double keeps (DBL_DIG): shorter numbers need no further check. */
const DOUBLE_DIGITS = 15;

/**
 * Whether bytes[start, end) are a JSON number. The server's numeric types always print one, except NaN and the
 * infinities. Every byte is checked, since a damaged capture may contain anything.
 */
export function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  return start < end && numberEnd(bytes, start, end) === end;
}

/** The end of the JSON number that starts at `start`; -1 if there is none. */
export function numberEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start;
  const whole = at;
  at = skipDigits(bytes, at, end);
  if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return -1;
  if (at < end && bytes[at] === POINT) {
    const fraction = at + 1;
    at = skipDigits(bytes, fraction, end);
    if (at === fraction) return -1;
  }
  if (at < end && (bytes[at]! | LOWER_CASE) === LETTER_E) {
    at++;
    if (at < end && (bytes[at] === PLUS || bytes[at] === MINUS)) at++;
    const exponent = at;
    at = skipDigits(bytes, exponent, end);
    if (at === exponent) return -1;
  }
  return at;
}

/**
 * Copies a whole number without sign, the most common kind, four digits at a time. For any other value it returns false
 * and has copied nothing.
 */
export function copyDigits(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): boolean {
  const length = end - start;
  if (length < 4) return copyFewDigits(out, bytes, start, end);
  if (bytes[start] === ZERO) return false;
  out.reserve(length);
  const { offset, view: target } = out;
  const last = length - 4;
  for (let at = 0; at < last; at += 4) {
    const word = view.getInt32(start + at);
    if (!areDigits(word)) return false;
    target.setInt32(offset + at, word);
  }
  // The last four digits, some of which may have been copied already.
  const word = view.getInt32(start + last);
  if (!areDigits(word)) return false;
  target.setInt32(offset + last, word);
  out.offset = offset + length;
  return true;
}

/** Copies up to three digits. */
function copyFewDigits(out: ByteWriter, bytes: Uint8Array, start: number, end: number): boolean {
  if (start === end || (bytes[start] === ZERO && end - start > 1)) return false;
  out.reserve(end - start);
  const { bytes: target } = out;
  let { offset } = out;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte < ZERO || byte > NINE) return false;
    target[offset++] = byte;
  }
  out.offset = offset;
  return true;
}

/** Whether each of the word's four bytes is 30 to 39: its upper half is 3, and still is after adding 6. */
export function areDigits(word: number): boolean {
  return (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030;
}

/** Whether JSON.parse preserves the number: the same digits, apart from redundant zeros. */
export function isExactDouble(bytes: Uint8Array, start: number, end: number): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  // With an exponent it may be out of range despite few digits: 1e400.
  if (text.length <= DOUBLE_DIGITS && !/e/i.test(text)) return true;
  const number = Number(text);
  if (!Number.isFinite(number)) return false;
  if (/^-?\d+$/.test(text)) return BigInt(text) === BigInt(number);
  return canonical(text) === canonical(String(number));
}

function skipDigits(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}

/** Sign, significant digits, and the power of ten of the last one: equal for equal numbers. */
function canonical(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text);
  if (match === null) return text;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
