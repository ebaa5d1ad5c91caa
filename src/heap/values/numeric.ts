import { writeAscii, writeGroup, writeInteger } from "./digits.ts";
import type { TupleWriter } from "./tuple-writer.ts";

/** The two top bits of the header. */
const FORMAT_MASK = 0xc000;
const FORMAT_SPECIAL = 0xc000;
const FORMAT_SHORT = 0x8000;
const SPECIAL = new Map([
  [0xc000, "NaN"],
  [0xd000, "Infinity"],
  [0xf000, "-Infinity"],
]);

const GROUP_DIGITS = 4;
const GROUP_MAX = 9999;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;

/**
 * UInt16 header: short (8000), special (C000) or long  { UInt16 0 to 9999 }×n
 * short: 2000 negative, scale in 1F80, weight in 7F, signed; long: 4000 negative, scale in 3FFF, then Int16 weight
 *
 * The first group counts 10000^weight, the next one less; groups that are missing are 0. Returns false where it is none.
 */
export function writeNumeric(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TupleWriter,
): boolean {
  if (end - start < 2 || ((end - start) & 1) !== 0) return false;
  const header = bytes[start]! | (bytes[start + 1]! << 8);
  const format = header & FORMAT_MASK;
  if (format === FORMAT_SPECIAL) return writeSpecial(header, end - start, out);
  let at = start + 2;
  let negative = (header & 0x2000) !== 0;
  let scale = (header & 0x1f80) >> 7;
  let weight = (header & 0x3f) - (header & 0x40);
  if (format !== FORMAT_SHORT) {
    if (end - at < 2) return false;
    negative = (header & 0x4000) !== 0;
    scale = header & 0x3fff;
    weight = ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
    at += 2;
  }
  out.reserve(GROUP_DIGITS * Math.max(weight + 1, 0) + scale + 16);
  if (negative) out.bytes[out.offset++] = MINUS;
  // A first group of 0 has no place in a numeric that the server stored.
  if (weight >= 0 && at < end && bytes[at] === 0 && bytes[at + 1] === 0) return false;
  if (weight < 0) out.bytes[out.offset++] = ZERO;
  for (let power = weight; power >= 0; power--, at += 2) {
    const group = at < end ? bytes[at]! | (bytes[at + 1]! << 8) : 0;
    if (group > GROUP_MAX) return false;
    if (power === weight) writeInteger(out, group);
    else writeGroup(out, group);
  }
  if (scale > 0) {
    out.bytes[out.offset++] = POINT;
    const last = out.offset + scale;
    for (let power = -1; out.offset < last; power--) {
      const stored = power <= weight && at < end;
      const group = stored ? bytes[at]! | (bytes[at + 1]! << 8) : 0;
      if (group > GROUP_MAX) return false;
      if (stored) at += 2;
      writeGroup(out, group);
    }
    out.offset = last;
  }
  return true;
}

function writeSpecial(header: number, length: number, out: TupleWriter): boolean {
  const text = SPECIAL.get(header);
  if (text === undefined || length !== 2) return false;
  writeAscii(out, text);
  return true;
}
