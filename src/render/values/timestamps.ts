import type { ByteWriter } from "../bytes/byte-writer.ts";
import { writeString } from "../bytes/json-text.ts";
import { areDigits } from "../bytes/numbers.ts";
import type { ValueEncoder } from "./value-encoder.ts";

const QUOTE = 0x22;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const LETTER_B = 0x42;
const LETTER_C = 0x43;
const LETTER_T = 0x54;
/** `2026-11-24 10:57:43` */
const SECONDS_BYTES = 19;
/** How many digits a year may have beyond four. */
const LONGER_YEAR_MAX = 2;
const FRACTION_DIGITS_MAX = 6;
/** `.123456+05:30:15 BC`, the zone's minutes, and the quotes. */
const REST_BYTES_MAX = 24;

/** `2026-11-24 10:57:43.1 BC` → `"2026-11-24T10:57:43.1 BC"`. Infinity and other text is not changed. */
export const writeTimestamp: ValueEncoder = (out, bytes, view, start, end) => {
  if (!writeMoment(out, bytes, view, start, end, false)) writeString(out, bytes, view, start, end);
};

/**
 * Like writeTimestamp, with the zone's minutes: row_to_json always prints them, the ISO DateStyle only if they are not
 * 0: `10:57:43+00` → `10:57:43+00:00`.
 */
export const writeTimestampTz: ValueEncoder = (out, bytes, view, start, end) => {
  if (!writeMoment(out, bytes, view, start, end, true)) writeString(out, bytes, view, start, end);
};

/** Returns false, and has written nothing, if bytes[start, end) are not a timestamp of that kind. */
function writeMoment(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  zoned: boolean,
): boolean {
  let at = start;
  // Skips to the year's last four digits. The words are then YYYY, -MM-, DD h, h:mm and m:ss.
  while (at + SECONDS_BYTES <= end && bytes[at + 4] !== MINUS && at - start < LONGER_YEAR_MAX) {
    if (!isDigit(bytes[at++]!)) return false;
  }
  const second = at + SECONDS_BYTES;
  if (second > end) return false;
  const year = view.getInt32(at);
  const date = view.getInt32(at + 4);
  const dayHour = view.getInt32(at + 8);
  const minute = view.getInt32(at + 12);
  const last = view.getInt32(at + 15);
  if (
    !areDigits(year) ||
    (date & 0xff0000ff) !== 0x2d00002d ||
    (dayHour & 0x0000ff00) !== 0x00002000 ||
    (minute & 0x00ff0000) !== 0x003a0000 ||
    (last & 0x00ff0000) !== 0x003a0000 ||
    !areDigits(date ^ 0x1d00001d) ||
    !areDigits(dayHour ^ 0x00001000) ||
    !areDigits(minute ^ 0x000a0000) ||
    !areDigits(last ^ 0x000a0000)
  ) {
    return false;
  }
  const before = out.offset;
  out.reserve(end - start + REST_BYTES_MAX);
  const { bytes: target, view: targetView } = out;
  let { offset } = out;
  target[offset++] = QUOTE;
  for (let digit = start; digit < at; digit++) target[offset++] = bytes[digit]!;
  targetView.setInt32(offset, year);
  targetView.setInt32(offset + 4, date);
  targetView.setInt32(offset + 8, dayHour);
  targetView.setInt32(offset + 12, minute);
  targetView.setInt32(offset + 15, last);
  target[offset + 10] = LETTER_T;
  out.offset = offset + SECONDS_BYTES;
  if (writeRest(out, bytes, second, end, zoned)) return true;
  out.offset = before;
  return false;
}

/** Writes a fraction, the zone, the era, and the closing quote. The caller has reserved the space. */
function writeRest(
  out: ByteWriter,
  bytes: Uint8Array,
  start: number,
  end: number,
  zoned: boolean,
): boolean {
  const target = out.bytes;
  let { offset } = out;
  let at = start;
  if (at < end && bytes[at] === POINT) {
    const last = Math.min(end, at + 1 + FRACTION_DIGITS_MAX);
    do target[offset++] = bytes[at++]!;
    while (at < last && isDigit(bytes[at]!));
    if (at < start + 2) return false;
  }
  if (zoned) {
    const stop = zoneEnd(bytes, at, end);
    if (stop === -1) return false;
    const hoursOnly = stop === at + 3;
    while (at < stop) target[offset++] = bytes[at++]!;
    if (hoursOnly) {
      target[offset++] = COLON;
      target[offset++] = ZERO;
      target[offset++] = ZERO;
    }
  }
  if (at < end) {
    if (at + 3 !== end || !isBc(bytes, at)) return false;
    while (at < end) target[offset++] = bytes[at++]!;
  }
  target[offset++] = QUOTE;
  out.offset = offset;
  return true;
}

/** `+00`, `-05:30` or `+05:30:15`. Returns where it ends, or -1. */
function zoneEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start + 3 > end || (bytes[start] !== PLUS && bytes[start] !== MINUS)) return -1;
  if (!isDigit(bytes[start + 1]!) || !isDigit(bytes[start + 2]!)) return -1;
  let at = start + 3;
  while (at + 3 <= end && at < start + 9 && bytes[at] === COLON) {
    if (!isDigit(bytes[at + 1]!) || !isDigit(bytes[at + 2]!)) return -1;
    at += 3;
  }
  return at;
}

function isBc(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === SPACE && bytes[at + 1] === LETTER_B && bytes[at + 2] === LETTER_C;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
