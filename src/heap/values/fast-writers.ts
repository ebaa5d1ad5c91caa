/** Writes the most frequent types without an intermediate string. Rare values are left to the type's form. */
import { dropZeros, writeAscii, writeGroup, writeInteger, writePair } from "./digits.ts";
import { writeNumeric } from "./numeric.ts";
import type { TupleWriter } from "./tuple-writer.ts";

/**
 * Writes the text of bytes[start, end) at `out.offset`, where there is room for FAST_BYTES_MAX; reserves more itself.
 * Returns false, perhaps after writing something, if the value is rare or damaged: then the type's form is used.
 */
export type FastWriter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
) => boolean;

export const FAST_BYTES_MAX = 64;

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
  ["float4", float4],
  ["float8", float8],
  ["numeric", writeNumeric],
  ["date", date],
  ["timestamp", timestamp],
  ["timestamptz", timestamptz],
  ["time", time],
  ["uuid", uuid],
  ["bytea", bytea],
]);

/** Their texts contain nothing that an array would quote. */
export const NEVER_QUOTED: ReadonlySet<FastWriter> = new Set([
  ...[bool, int2, int4, uint4, int8, float4, float8, writeNumeric, date, time, uuid],
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
const FIXED_FROM = 1e-4;
const FLOAT8_BELOW = 1e15;
const FLOAT4_BELOW = 1e6;
const scratch = new DataView(new ArrayBuffer(8));
const POWERS_OF_10 = Array.from({ length: 16 }, (_, power) => 10 ** power);

function float8(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 8) return false;
  scratch.setInt32(0, int32At(bytes, start), true);
  scratch.setInt32(4, int32At(bytes, start + 4), true);
  const value = scratch.getFloat64(0, true);
  const magnitude = Math.abs(value);
  if (!(magnitude >= FIXED_FROM && magnitude < FLOAT8_BELOW)) return false;
  // A decimal of 15 digits at most that reads back as the value is the shortest one.
  if (magnitude < 1e9) {
    for (let decimals = 0; decimals <= 4; decimals++) {
      const power = POWERS_OF_10[decimals]!;
      const whole = Math.round(magnitude * power);
      if (whole / power === magnitude) {
        if (value < 0) out.bytes[out.offset++] = MINUS;
        writeDecimal(out, whole, decimals);
        return true;
      }
    }
  }
  writeAscii(out, String(value));
  return true;
}

const POWER_OF_TWO = 0x7fffff;
const FLOAT4_DIGITS_MAX = 9;
/** FLT_DIG: this many digits always survive. */
const FLOAT4_DIGITS_MIN = 6;

/** The fewest digits that read back as the value, and the closest such decimal. */
function float4(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== 4) return false;
  const bits = int32At(bytes, start);
  scratch.setInt32(0, bits, true);
  const value = scratch.getFloat32(0, true);
  const magnitude = Math.abs(value);
  if (!(magnitude >= FIXED_FROM && magnitude < FLOAT4_BELOW)) return false;
  let decimals = FLOAT4_DIGITS_MIN - 6;
  for (let bound = 1e5; bound > magnitude; bound /= 10) decimals++;
  for (let digits = FLOAT4_DIGITS_MIN; digits <= FLOAT4_DIGITS_MAX; digits++, decimals++) {
    const scaled = magnitude * POWERS_OF_10[decimals]!;
    const whole = Math.round(scaled);
    // Almost a tie: the product does not tell which neighbour is closer.
    if (Math.abs(Math.abs(scaled - whole) - 0.5) < 1e-6) return false;
    if (Math.fround(whole / POWERS_OF_10[decimals]!) !== magnitude) continue;
    // The neighbour below a power of two is closer than the one above.
    if ((bits & POWER_OF_TWO) === 0 && digits > FLOAT4_DIGITS_MIN) return false;
    if (value < 0) out.bytes[out.offset++] = MINUS;
    writeDecimal(out, whole, decimals);
    return true;
  }
  return false;
}

/** whole / 10^decimals, without zeros at the end of a fraction. */
function writeDecimal(out: TupleWriter, whole: number, decimals: number): void {
  const power = POWERS_OF_10[decimals]!;
  const upper = Math.floor(whole / power);
  writeInteger(out, upper);
  if (decimals === 0) return;
  const point = out.offset;
  // A digit 1 before the fraction keeps its zeros; the point takes its place.
  writeInteger(out, whole - upper * power + power);
  out.bytes[point] = POINT;
  dropZeros(out, point + 1);
  if (out.offset === point + 1) out.offset = point;
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
  writePair(out, 0);
  return true;
}

function time(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  const micros = end - start === 8 ? int64At(bytes, start) : -1;
  if (micros < 0 || micros > DAY_US) return false;
  writeTime(out, micros);
  return true;
}

/** The first day of year 1, from 2000-01-01; years outside of 1 to 9999 take more to write. */
const FIRST_DAY = -730_119;
const LAST_DAY = 2_921_939;
/** Days from 0000-03-01 to 2000-01-01; years that begin in March have their leap day at the end. */
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
  writeGroup(out, yearOfEra + era * 400 + (afterNewYear ? 1 : 0));
  out.bytes[out.offset++] = MINUS;
  writePair(out, afterNewYear ? month - 9 : month + 3);
  out.bytes[out.offset++] = MINUS;
  writePair(out, ofYear - (((153 * month + 2) / 5) | 0) + 1);
  return true;
}

/** `10:57:43.1` */
function writeTime(out: TupleWriter, micros: number): void {
  const seconds = Math.floor(micros / 1_000_000);
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  writePair(out, hours);
  out.bytes[out.offset++] = COLON;
  writePair(out, minutes - hours * 60);
  out.bytes[out.offset++] = COLON;
  writePair(out, seconds - minutes * 60);
  const fraction = micros - seconds * 1_000_000;
  if (fraction === 0) return;
  out.bytes[out.offset++] = POINT;
  const upper = (fraction / 10_000) | 0;
  writePair(out, upper);
  writeGroup(out, fraction - upper * 10_000);
  dropZeros(out, 0);
}

/** By value: two hexadecimal digits. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, "0");
  return (digits.charCodeAt(0) << 8) | digits.charCodeAt(1);
});
const UUID_BYTES = 16;

function uuid(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  if (end - start !== UUID_BYTES) return false;
  const { bytes: target, view } = out;
  let { offset } = out;
  for (let index = 0; index < UUID_BYTES; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) target[offset++] = MINUS;
    view.setUint16(offset, HEX_PAIRS[bytes[start + index]!]!);
    offset += 2;
  }
  out.offset = offset;
  return true;
}

/** MaxAllocSize: the server could not print more. */
const TEXT_BYTES_MAX = 0x3fffffff;

/** `\xdead` */
function bytea(bytes: Uint8Array, start: number, end: number, out: TupleWriter): boolean {
  const length = 2 + 2 * (end - start);
  if (length > TEXT_BYTES_MAX) return false;
  out.reserve(length);
  const { view } = out;
  let { offset } = out;
  view.setUint16(offset, 0x5c78);
  for (let index = start; index < end; index++) {
    offset += 2;
    view.setUint16(offset, HEX_PAIRS[bytes[index]!]!);
  }
  out.offset = offset + 2;
  return true;
}

export function int32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Exact if the value is a safe integer, otherwise not a safe integer. */
function int64At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at + 4) * 0x1_0000_0000 + (int32At(bytes, at) >>> 0);
}
