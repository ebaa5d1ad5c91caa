import type { ByteWriter } from "../bytes/byte-writer.ts";

const ZERO = 0x30;
const UINT32_DIGITS = 10;

/** Writes a whole number that is not negative. Numbers come by the million, and strings would be most of the cost. */
export function writeUnsigned(out: ByteWriter, value: number): void {
  if (value < 10) return out.byte(ZERO + value);
  if (value > 0xffff_ffff) return out.text(String(value));
  out.reserve(UINT32_DIGITS);
  const { bytes } = out;
  const end = out.offset + digitsOf(value);
  let left = value;
  for (let at = end - 1; at >= out.offset; at--) {
    const tenth = Math.floor(left / 10);
    bytes[at] = ZERO + left - tenth * 10;
    left = tenth;
  }
  out.offset = end;
}

function digitsOf(value: number): number {
  if (value < 1000) return value < 100 ? 2 : 3;
  if (value < 1_000_000) return value < 10_000 ? 4 : value < 100_000 ? 5 : 6;
  if (value < 100_000_000) return value < 10_000_000 ? 7 : 8;
  return value < 1_000_000_000 ? 9 : 10;
}
