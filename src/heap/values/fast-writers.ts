/** The most frequent types, written without a string in between. What is rare of them is left to the form. */
import type { TupleWriter } from "./tuple-writer.ts";
import { SHORT_NEGATIVE, shortScale, shortWeight } from "./scalars.ts";

/**
 * Writes the text of bytes[start, end) at `out.offset`, where there is room for FAST_BYTES_MAX. Returns false, and has moved nothing,
 * where it is left to the type's form: something rare, or damaged.
 */
export type FastWriter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
) => boolean;

export const FAST_BYTES_MAX = 64;

const ZERO = 0x30;
const MINUS = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const SPACE = 0x20;
const PLUS = 0x2b;

/** By the type's name in pg_catalog. */
export const FAST_WRITERS = new Map<string, FastWriter>([
  ["bool", bool],
  ["int2", int2],
  ["int4", int4],
  ["oid", uint4],
  ["xid", uint4],
  ["int8", int8],
  ["float8", float8],
  ["numeric", numeric],
  ["date", date],
  ["timestamp", timestamp],
  ["timestamptz", timestamptz],
  ["uuid", uuid],
]);

function bool(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  const value = bytes[start]!;
  if (end - start !== 1 || value > 1) return false;
  out.bytes[out.offset++] = value === 1 ? 0x74 : 0x66;
  return true;
}

function int2(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 2) return false;
  writeInteger(out, ((bytes[start]! | (bytes[start + 1]! << 8)) << 16) >> 16);
  return true;
}

function int4(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 4) return false;
  writeInteger(out, int32At(bytes, start));
  return true;
}

function uint4(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 4) return false;
  writeInteger(out, int32At(bytes, start) >>> 0);
  return true;
}

function int8(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  const value = end - start === 8 ? int64At(bytes, start) : NaN;
  if (!Number.isSafeInteger(value)) return false;
  writeInteger(out, value);
  return true;
}

/** Between these JavaScript prints a double as the server does. */
const SAME_FROM = 1e-4;
const SAME_BELOW = 1e15;
const scratch = new DataView(new ArrayBuffer(8));

function float8(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 8) return false;
  scratch.setInt32(0, int32At(bytes, start), true);
  scratch.setInt32(4, int32At(bytes, start + 4), true);
  const value = scratch.getFloat64(0, true);
  const magnitude = Math.abs(value);
  if (!(magnitude >= SAME_FROM && magnitude < SAME_BELOW)) return false;
  if (Number.isInteger(value)) writeInteger(out, value);
  else writeAscii(out, String(value));
  return true;
}

/** Groups of four digits that a double holds exactly, on either side of the point. */
const SIDE_GROUPS_MAX = 3;
const GROUP = 10_000;
const LONG_BIT = 0x8000;
const SPECIAL_MASK = 0xc000;

/** Short ones of few digits: what numeric() of scalars.ts reads. */
function numeric(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  const header = bytes[start]! | (bytes[start + 1]! << 8);
  const weight = shortWeight(header);
  const scale = shortScale(header);
  const groups = ((end - start) >> 1) - 1;
  const fractionGroups = (scale + 3) >> 2;
  if (
    ((end - start) & 1) !== 0 ||
    (header & SPECIAL_MASK) !== LONG_BIT ||
    groups < 0 ||
    weight >= SIDE_GROUPS_MAX ||
    weight < -SIDE_GROUPS_MAX - 1 ||
    fractionGroups > SIDE_GROUPS_MAX ||
    groups > weight + 1 + fractionGroups
  ) {
    return false;
  }
  let whole = 0;
  let fraction = 0;
  for (let power = Math.max(weight, 0); power >= -fractionGroups; power--) {
    const index = weight - power;
    let group = 0;
    if (index >= 0 && index < groups) {
      const at = start + 2 + 2 * index;
      group = bytes[at]! | (bytes[at + 1]! << 8);
      if (group >= GROUP) return false;
    }
    if (power >= 0) whole = whole * GROUP + group;
    else fraction = fraction * GROUP + group;
  }
  if ((header & SHORT_NEGATIVE) !== 0) out.bytes[out.offset++] = MINUS;
  writeInteger(out, whole);
  if (scale > 0) {
    out.bytes[out.offset++] = POINT;
    const digits = fractionGroups * 4;
    writePadded(out, fraction, digits);
    out.offset -= digits - scale;
  }
  return true;
}

const DAY_US = 86_400_000_000;

function date(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  return end - start === 4 && writeDay(out, int32At(bytes, start));
}

function timestamp(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 8) return false;
  const micros = int64At(bytes, start);
  if (!Number.isSafeInteger(micros)) return false;
  let day = Math.floor(micros / DAY_US);
  let ofDay = micros - day * DAY_US;
  // The quotient may have been rounded up.
  if (ofDay < 0) {
    day--;
    ofDay += DAY_US;
  }
  if (!writeDay(out, day)) return false;
  out.bytes[out.offset++] = SPACE;
  writeTime(out, ofDay);
  return true;
}

function timestamptz(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (!timestamp(bytes, start, end, out)) return false;
  out.bytes[out.offset++] = PLUS;
  out.bytes[out.offset++] = ZERO;
  out.bytes[out.offset++] = ZERO;
  return true;
}

/** Of the years 1 to 9999, from 2000-01-01; beyond these there is more to write. */
const FIRST_DAY = -730_119;
const LAST_DAY = 2_921_939;
/** From 0000-03-01 to 2000-01-01; years that begin in March have their leap day at the end. */
const EPOCH_DAYS = 730_425;
const ERA_DAYS = 146_097;

function writeDay(out: TupleWriter, sinceEpoch: number): boolean {
  if (sinceEpoch < FIRST_DAY || sinceEpoch > LAST_DAY) return false;
  const days = sinceEpoch + EPOCH_DAYS;
  const era = (days / ERA_DAYS) | 0;
  const ofEra = days - era * ERA_DAYS;
  const yearOfEra =
    ((ofEra - ((ofEra / 1460) | 0) + ((ofEra / 36_524) | 0) - ((ofEra / 146_096) | 0)) / 365) | 0;
  const ofYear = ofEra - (365 * yearOfEra + (yearOfEra >> 2) - ((yearOfEra / 100) | 0));
  const month = ((5 * ofYear + 2) / 153) | 0;
  const afterNewYear = month >= 10;
  writePadded(out, yearOfEra + era * 400 + (afterNewYear ? 1 : 0), 4);
  out.bytes[out.offset++] = MINUS;
  writePadded(out, afterNewYear ? month - 9 : month + 3, 2);
  out.bytes[out.offset++] = MINUS;
  writePadded(out, ofYear - (((153 * month + 2) / 5) | 0) + 1, 2);
  return true;
}

/** `10:57:43.1` */
function writeTime(out: TupleWriter, micros: number): void {
  const seconds = Math.floor(micros / 1_000_000);
  let fraction = micros - seconds * 1_000_000;
  writePadded(out, (seconds / 3600) | 0, 2);
  out.bytes[out.offset++] = COLON;
  writePadded(out, ((seconds / 60) | 0) % 60, 2);
  out.bytes[out.offset++] = COLON;
  writePadded(out, seconds % 60, 2);
  if (fraction === 0) return;
  let digits = 6;
  for (; fraction % 10 === 0; fraction /= 10) digits--;
  out.bytes[out.offset++] = POINT;
  writePadded(out, fraction, digits);
}

const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");
const UUID_BYTES = 16;

function uuid(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== UUID_BYTES) return false;
  const target = out.bytes;
  let { offset } = out;
  for (let index = 0; index < UUID_BYTES; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) target[offset++] = MINUS;
    const byte = bytes[start + index]!;
    target[offset++] = HEX_DIGITS[byte >> 4]!;
    target[offset++] = HEX_DIGITS[byte & 15]!;
  }
  out.offset = offset;
  return true;
}

/** A whole number that a double holds exactly. */
function writeInteger(out: TupleWriter, value: number): void {
  let left = value;
  if (left < 0) {
    out.bytes[out.offset++] = MINUS;
    left = -left;
  }
  let digits = 1;
  for (let bound = 10; bound <= left; bound *= 10) digits++;
  writePadded(out, left, digits);
}

const INT32_LIMIT = 0x80000000;

/** The last `digits` digits. */
function writePadded(out: TupleWriter, value: number, digits: number): void {
  const target = out.bytes;
  const first = out.offset;
  let at = first + digits;
  out.offset = at;
  let left = value;
  // Arithmetic on whole numbers of 32 bits is a good deal faster.
  while (left >= INT32_LIMIT && at > first) {
    const rest = Math.floor(left / 10);
    target[--at] = ZERO + (left - rest * 10);
    left = rest;
  }
  while (at > first) {
    const rest = (left / 10) | 0;
    target[--at] = ZERO + (left - rest * 10);
    left = rest;
  }
}

function writeAscii(out: TupleWriter, text: string): void {
  const target = out.bytes;
  let { offset } = out;
  for (let at = 0; at < text.length; at++) target[offset++] = text.charCodeAt(at);
  out.offset = offset;
}

function int32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Exact where it is a safe integer, and no safe integer where it is not. */
function int64At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at + 4) * 0x1_0000_0000 + (int32At(bytes, at) >>> 0);
}
