import type { BinaryReader, TextForm } from "./binary-reader.ts";
import { writeAscii, writeGroup, writeInteger } from "./digits.ts";
import type { TextBuffer } from "./text-buffer.ts";
import { type BuiltinType, type ServerFacts, builtin } from "./type.ts";

const GROUP_DIGITS = 4;
const GROUP_MAX = 9999;

const NEGATIVE = 0x4000;
/** Values of the sign field that stand for the whole number. */
const SPECIAL = new Map([
  [0xc000, "NaN"],
  [0xd000, "Infinity"],
  [0xf000, "-Infinity"],
]);

/**
 * Int16 groups  Int16 weight  UInt16 sign  UInt16 scale  { Int16 0 to 9999 }×groups
 *
 * The first group counts 10000^weight, the next one 10000^(weight - 1), and so on. Groups missing at either end are 0.
 * The scale is the number of decimal digits behind the point, whatever the groups are.
 */
function numeric(reader: BinaryReader): string {
  const count = reader.uint16();
  const weight = reader.int16();
  const sign = reader.uint16();
  const scale = reader.uint16();
  const groups: string[] = [];
  for (let group = 0; group < count; group++) groups.push(readGroup(reader));

  const special = SPECIAL.get(sign);
  if (special !== undefined) return special;
  if (sign !== 0 && sign !== NEGATIVE) throw reader.unfit();
  const whole = digitsOf(groups, 0, weight + 1).replace(/^0+(?=.)/, "");
  const fraction = digitsOf(groups, weight + 1, Math.ceil(scale / GROUP_DIGITS));
  const point = scale > 0 ? `.${fraction.slice(0, scale)}` : "";
  return `${sign === NEGATIVE ? "-" : ""}${whole === "" ? "0" : whole}${point}`;
}

function readGroup(reader: BinaryReader): string {
  const group = reader.uint16();
  if (group > GROUP_MAX) throw reader.unfit();
  return String(group).padStart(GROUP_DIGITS, "0");
}

/** The digits of `count` groups from group `first` on, which may precede the first group that was sent. */
function digitsOf(groups: readonly string[], first: number, count: number): string {
  let digits = "";
  for (let at = first; at < first + count; at++) digits += groups[at] ?? "0000";
  return digits;
}

/** The two top bits of the header. */
const FORMAT_MASK = 0xc000;
const FORMAT_SPECIAL = 0xc000;
const FORMAT_SHORT = 0x8000;
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
  out: TextBuffer,
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

function writeSpecial(header: number, length: number, out: TextBuffer): boolean {
  const text = SPECIAL.get(header);
  if (text === undefined || length !== 2) return false;
  writeAscii(out, text);
  return true;
}

/** The locales in which cash_out prints an amount as in the C locale; others are not known. */
const MONEY_LOCALES = /^(?:C|POSIX|en_US)(?:[.@].*)?$/;

/** Int64 hundredths: `-$1,234.56`. Undefined if the form of lc_monetary is not known. */
function moneyForm({ lcMonetary }: ServerFacts): TextForm | undefined {
  if (!MONEY_LOCALES.test(lcMonetary)) return undefined;
  return (reader) => {
    const amount = reader.int64();
    const digits = String(amount < 0n ? -amount : amount).padStart(3, "0");
    const whole = digits.slice(0, -2).replace(/\B(?=(?:\d{3})+$)/g, ",");
    return `${amount < 0n ? "-" : ""}$${whole}.${digits.slice(-2)}`;
  };
}

const HEADER_BYTES = 4;

/** Precision in the upper half, scale in the lowest 11 bits; the scale is signed since PostgreSQL 15. */
function modifierText(modifier: number): string {
  if (modifier < HEADER_BYTES) return "";
  const packed = modifier - HEADER_BYTES;
  const scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
  return `(${(packed >> 16) & 0xffff},${scale})`;
}

export const NUMERICS: readonly BuiltinType[] = [
  builtin(
    1700,
    "numeric",
    1231,
    "numeric",
    { sent: numeric, write: writeNumeric, isPlain: true },
    { name: "numeric", modifier: modifierText },
  ),
  builtin(790, "money", 791, "money", { storedIn: moneyForm }),
];
