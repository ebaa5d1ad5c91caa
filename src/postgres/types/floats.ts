import type { TextForm } from "./binary-reader.ts";
import { dropZeros, writeAscii, writeInteger } from "./digits.ts";
import { int32At } from "./integers.ts";
import type { TextBuffer } from "./text-buffer.ts";
import { type BuiltinType, alike, builtin } from "./type.ts";

/** From this power of ten on, the server prints an exponent (DBL_DIG and FLT_DIG). */
const FLOAT8_FIXED_BELOW = 15;
const FLOAT4_FIXED_BELOW = 6;
const FIXED_FROM = -4;

const scratch = new DataView(new ArrayBuffer(8));

/** Int32 or Int64, the bits of an IEEE 754 number */
const float4: TextForm = (reader) => formatFloat4(reader.float4());
export const float8: TextForm = (reader) => formatFloat8(reader.float8());

/** In this range JavaScript prints a number exactly as the server does. */
const SAME_FROM = 1e-4;
const SAME_BELOW = 1e15;

/** Prints like float8out with extra_float_digits of 1 or more: the shortest text that reads back as the same number. */
export function formatFloat8(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude >= SAME_FROM && magnitude < SAME_BELOW) return String(value);
  return formatFloat(value, decimalOfFloat8, FLOAT8_FIXED_BELOW);
}

/** Prints like float4out. */
export function formatFloat4(value: number): string {
  return formatFloat(value, decimalOfFloat4, FLOAT4_FIXED_BELOW);
}

function formatFloat(
  value: number,
  decimalOf: (magnitude: number) => Decimal,
  fixedBelow: number,
): string {
  if (!Number.isFinite(value)) return String(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (value === 0) return `${sign}0`;
  return sign + layOut(decimalOf(Math.abs(value)), fixedBelow);
}

function decimalOfFloat8(value: number): Decimal {
  // Outside of this range no short decimal is halfway between two doubles, so JavaScript's digits equal the server's,
  // and they are a good deal faster.
  if (value < 2 ** 53 || value > 1e41) return decimalOfNumber(value);
  scratch.setFloat64(0, value);
  const bits = scratch.getBigUint64(0);
  const fraction = bits & 0xfffffffffffffn;
  const exponent = Number(bits >> 52n);
  return shortestDecimal(fraction | (1n << 52n), exponent - 1075, fraction === 0n);
}

function decimalOfFloat4(value: number): Decimal {
  if (Number.isInteger(value) && value < 2 ** 24) return decimalOfNumber(value);
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const fraction = bits & 0x7fffff;
  const exponent = bits >>> 23;
  // Subnormal: spaced like the smallest normal numbers, without the leading 1.
  if (exponent === 0) return shortestDecimal(BigInt(fraction), -149, false);
  const closerBelow = fraction === 0 && exponent > 1;
  return shortestDecimal(BigInt(fraction | 0x800000), exponent - 150, closerBelow);
}

/** JavaScript's own shortest digits of a double. */
function decimalOfNumber(value: number): Decimal {
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  return { digits: digits.replace(".", ""), exponent: Number(exponent) };
}

/** `1.5`, `0.00015` or `1.5e-05`. */
function layOut({ digits, exponent }: Decimal, fixedBelow: number): string {
  if (exponent < FIXED_FROM || exponent >= fixedBelow) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = exponent + 1;
  if (digits.length <= whole) return digits.padEnd(whole, "0");
  return `${digits.slice(0, whole)}.${digits.slice(whole)}`;
}

/** d.ddd × 10^exponent */
interface Decimal {
  /** Without leading or trailing zeros. */
  readonly digits: string;
  readonly exponent: number;
}

const LOG10_OF_2 = Math.log10(2);

/**
 * The shortest decimal that reads back as mantissa × 2^exponent; among several the closest (Steele and White's
 * free-format algorithm, in whole numbers). The server accepts no decimal exactly halfway to a neighbour
 * (STRICTLY_SHORTEST is off in its d2s.c), but JavaScript does: they differ for 2^k with large k.
 *
 * @param closerBelow the neighbour below is half as far as the one above: the mantissa is a power of two
 */
function shortestDecimal(mantissa: bigint, exponent: number, closerBelow: boolean): Decimal {
  const shift = closerBelow ? 2n : 1n;
  const up = BigInt(Math.max(exponent, 0));
  // The number is rest / scale; half the distances to its neighbours are above / scale and below / scale.
  let rest = mantissa << (up + shift);
  let scale = 1n << (BigInt(Math.max(-exponent, 0)) + shift);
  let below = 1n << up;
  let above = closerBelow ? below * 2n : below;

  // The estimate may be one too small, never too large.
  let power = Math.ceil(Math.log10(Number(mantissa)) + exponent * LOG10_OF_2 - 1e-10);
  if (power >= 0) {
    scale *= 10n ** BigInt(power);
  } else {
    const factor = 10n ** BigInt(-power);
    rest *= factor;
    above *= factor;
    below *= factor;
  }
  if (rest + above > scale) {
    scale *= 10n;
    power++;
  }

  let digits = "";
  for (;;) {
    rest *= 10n;
    above *= 10n;
    below *= 10n;
    const digit = rest / scale;
    rest %= scale;
    const lowEnough = rest < below;
    const highEnough = rest + above > scale;
    if (!lowEnough && !highEnough) {
      digits += digit;
      continue;
    }
    digits += lowEnough && (!highEnough || roundsDown(rest, scale, digit)) ? digit : digit + 1n;
    return { digits, exponent: power - 1 };
  }
}

/** A tie rounds to the even digit. */
function roundsDown(rest: bigint, scale: bigint, digit: bigint): boolean {
  const twice = rest * 2n;
  return twice < scale || (twice === scale && digit % 2n === 0n);
}

const MINUS = 0x2d;
const POINT = 0x2e;
const FLOAT4_BELOW = 1e6;
const POWERS_OF_10 = Array.from({ length: 16 }, (_, power) => 10 ** power);

function writeFloat8(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== 8) return false;
  scratch.setInt32(0, int32At(bytes, start), true);
  scratch.setInt32(4, int32At(bytes, start + 4), true);
  const value = scratch.getFloat64(0, true);
  const magnitude = Math.abs(value);
  if (!(magnitude >= SAME_FROM && magnitude < SAME_BELOW)) return false;
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
function writeFloat4(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== 4) return false;
  const bits = int32At(bytes, start);
  scratch.setInt32(0, bits, true);
  const value = scratch.getFloat32(0, true);
  const magnitude = Math.abs(value);
  if (!(magnitude >= SAME_FROM && magnitude < FLOAT4_BELOW)) return false;
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
function writeDecimal(out: TextBuffer, whole: number, decimals: number): void {
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

export const FLOATS: readonly BuiltinType[] = [
  builtin(700, "float4", 1021, "float", alike(float4, { write: writeFloat4, isPlain: true }), {
    name: "real",
  }),
  builtin(701, "float8", 1022, "float", alike(float8, { write: writeFloat8, isPlain: true }), {
    name: "double precision",
  }),
];
