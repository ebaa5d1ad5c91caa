/** Writes numbers as ASCII, four digits at a time. The caller has reserved the room and seven bytes more. */
import type { TextBuffer } from "./text-buffer.ts";

const ZERO = 0x30;
const MINUS = 0x2d;
const GROUP = 10_000;
const EIGHT_DIGITS = 100_000_000;

/** By value: `0000` to `9999`, as the four bytes of a word. Empty until prepareDigits(). */
const GROUPS = new Uint32Array(GROUP);

/** To be called before the first digit is written: a start that writes none need not wait for it. */
export function prepareDigits(): void {
  if (GROUPS[0] !== 0) return;
  for (let value = 0; value < GROUP; value++) {
    let word = 0;
    for (let power = 1000; power >= 1; power /= 10)
      word = (word << 8) | (ZERO + (Math.floor(value / power) % 10));
    GROUPS[value] = word;
  }
}

/** All four digits of a number below 10,000. */
export function writeGroup(out: TextBuffer, value: number): void {
  out.view.setUint32(out.offset, GROUPS[value]!);
  out.offset += 4;
}

/** Both digits of a number below 100. */
export function writePair(out: TextBuffer, value: number): void {
  out.view.setUint16(out.offset, GROUPS[value]!);
  out.offset += 2;
}

/** A whole number that a double holds exactly. */
export function writeInteger(out: TextBuffer, value: number): void {
  let left = value;
  if (left < 0) {
    out.bytes[out.offset++] = MINUS;
    left = -left;
  }
  if (left < GROUP) writeShort(out, left);
  else if (left < EIGHT_DIGITS) {
    const upper = (left / GROUP) | 0;
    writeShort(out, upper);
    writeGroup(out, left - upper * GROUP);
  } else {
    const upper = Math.floor(left / EIGHT_DIGITS);
    const lower = left - upper * EIGHT_DIGITS;
    const middle = (lower / GROUP) | 0;
    writeInteger(out, upper);
    writeGroup(out, middle);
    writeGroup(out, lower - middle * GROUP);
  }
}

/** A number below 10,000, without zeros before it. */
function writeShort(out: TextBuffer, value: number): void {
  const digits = value < 10 ? 1 : value < 100 ? 2 : value < 1000 ? 3 : 4;
  out.view.setUint32(out.offset, GROUPS[value]! << (32 - 8 * digits));
  out.offset += digits;
}

export function writeAscii(out: TextBuffer, text: string): void {
  const target = out.bytes;
  const { length } = text;
  let { offset } = out;
  for (let at = 0; at < length; at++) target[offset++] = text.charCodeAt(at);
  out.offset = offset;
}

/** Removes trailing zeros from `out`, down to `first`. */
export function dropZeros(out: TextBuffer, first: number): void {
  const target = out.bytes;
  while (out.offset > first && target[out.offset - 1] === ZERO) out.offset--;
}
