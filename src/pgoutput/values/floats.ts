import type { TextForm } from "./binary-reader.ts";
import { type Decimal, shortestDecimal } from "./shortest-decimal.ts";

/** From this power of ten on, the server prints an exponent (DBL_DIG and FLT_DIG). */
const FLOAT8_FIXED_BELOW = 15;
const FLOAT4_FIXED_BELOW = 6;
const FIXED_FROM = -4;

const scratch = new DataView(new ArrayBuffer(8));

/** Int32 or Int64, the bits of an IEEE 754 number */
export const float4: TextForm = (reader) => formatFloat4(reader.float4());
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
