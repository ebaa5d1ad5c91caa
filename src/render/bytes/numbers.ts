import type { ByteWriter } from "./byte-writer.ts";

const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_E = 0x65;
const LOWER_CASE = 0x20;

/** Significant digits that every double keeps (DBL_DIG): shorter numbers need no closer look. */
const DOUBLE_DIGITS = 15;

/**
 * Whether bytes[start, end) are a JSON number: what the server's numeric types print is, but for NaN and
 * the infinities. All of it is looked at, since a damaged capture may hold anything.
 */
export function isNumber(bytes: Uint8Array, start: number, end: number): boolean {
  return start < end && numberEnd(bytes, start, end) === end;
}

/** Where the JSON number ends that starts at `start`; -1 when none does. */
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
 * Copies a whole number without sign, as most are, four digits at a time. Returns false, and has copied nothing, for
 * any other value.
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
  // The last four, of which some may have been copied.
  const word = view.getInt32(start + last);
  if (!areDigits(word)) return false;
  target.setInt32(offset + last, word);
  out.offset = offset + length;
  return true;
}

/** Up to three. */
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

/** Whether each of the word's four bytes is 30 to 39: its upper half is 3, and stays so when 6 is added. */
export function areDigits(word: number): boolean {
  return (word & 0xf0f0f0f0) === 0x30303030 && ((word + 0x06060606) & 0xf0f0f0f0) === 0x30303030;
}

/** Whether JSON.parse gives the number back as it is: the same digits, but for zeros that mean nothing. */
export function isExactDouble(bytes: Uint8Array, start: number, end: number): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  // With an exponent it may be out of range, as few digits as it has: 1e400.
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

/** Sign, significant digits and the power of ten of the last one: equal for equal numbers. */
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
