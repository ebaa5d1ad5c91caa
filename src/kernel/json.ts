/** AssemblyScript: JSON strings, numbers and values, as src/render/bytes has them. 0: not known here. */
import { characterEnd, specials } from "./characters";
import { escape, stopped } from "./text";

const DEPTH_MAX: u32 = 64;

@inline
export function isDigit(p: usize): bool {
  return <u32>load<u8>(p) - 0x30 <= 9;
}

/** Text as a JSON string. What is not UTF-8 is not known here. */
export function quoted(start: usize, end: usize, open: usize): usize {
  store<u8>(open, 0x22);
  const close = escape(start, end, open + 1);
  if (stopped != end) return 0;
  store<u8>(close, 0x22);
  return close + 1;
}

/** The end of the JSON number at `start`; 0 if there is none. */
export function numberEnd(start: usize, end: usize): usize {
  let p = start;
  if (load<u8>(p) == 0x2d) p++;
  const whole = p;
  p = digitsEnd(p, end);
  if (p == whole || (load<u8>(whole) == 0x30 && p > whole + 1)) return 0;
  if (p < end && load<u8>(p) == 0x2e) {
    const fraction = ++p;
    p = digitsEnd(p, end);
    if (p == fraction) return 0;
  }
  if (p < end && (load<u8>(p) | 0x20) == 0x65) {
    p++;
    if (p < end && (load<u8>(p) == 0x2b || load<u8>(p) == 0x2d)) p++;
    const exponent = p;
    p = digitsEnd(p, end);
    if (p == exponent) return 0;
  }
  return p;
}

@inline
function digitsEnd(start: usize, end: usize): usize {
  let p = start;
  while (p < end && isDigit(p)) p++;
  return p;
}

/** Where json() and its parts are. */
let p: usize = 0;

/** Copies a JSON value and checks the copy (RFC 8259). White space becomes spaces; controls are not known here. */
export function json(start: usize, valueEnd: usize, o: usize): usize {
  for (let i: usize = 0; i < valueEnd - start; i += 16) v128.store(o + i, v128.load(start + i));
  const end = o + (valueEnd - start);
  let depth: u32 = 0;
  /** A bit for each level: whether it is an object. */
  let objects: u64 = 0;
  p = o;
  while (true) {
    // A value, after its key in an object.
    white(end);
    if (depth > 0 && (objects & 1) != 0) {
      if (p >= end || load<u8>(p) != 0x22 || !string(end)) return 0;
      white(end);
      if (p >= end || load<u8>(p) != 0x3a) return 0;
      p++;
      white(end);
    }
    if (p >= end) return 0;
    const first = load<u8>(p);
    if (first == 0x22) {
      if (!string(end)) return 0;
    } else if (first == 0x7b || first == 0x5b) {
      if (depth == DEPTH_MAX) return 0;
      depth++;
      objects = (objects << 1) | (first == 0x7b ? 1 : 0);
      p++;
      white(end);
      // In ASCII each closing bracket is the opening one plus two.
      if (p >= end || load<u8>(p) != first + 2) continue;
    } else if (first == 0x2d || isDigit(p)) {
      p = numberEnd(p, end);
      if (p == 0) return 0;
    } else if (first == 0x66) {
      if (p + 5 > end || load<u32>(p + 1) != 0x65736c61) return 0;
      p += 5;
    } else {
      const word = load<u32>(p);
      if (p + 4 > end || (word != 0x65757274 && word != 0x6c6c756e)) return 0;
      p += 4;
    }
    // What may follow a value: closing brackets, and a comma.
    while (true) {
      white(end);
      if (depth == 0) return p == end ? end : 0;
      if (p >= end) return 0;
      const byte = load<u8>(p++);
      if (byte == 0x2c) break;
      if (byte != ((objects & 1) != 0 ? 0x7d : 0x5d)) return 0;
      depth--;
      objects >>= 1;
    }
  }
}

function white(end: usize): void {
  while (p < end) {
    const byte = load<u8>(p);
    if (byte > 0x20) return;
    if (byte != 0x20) {
      if (byte != 0x0a && byte != 0x09 && byte != 0x0d) return;
      store<u8>(p, 0x20);
    }
    p++;
  }
}

/** Steps over the string at `p`. False: it is not one, or holds controls. */
function string(end: usize): bool {
  p++;
  while (p < end) {
    const plain = <usize>ctz(specials(v128.load(p)) | 0x10000);
    p += plain;
    if (plain == 16) continue;
    if (p >= end) return false;
    const byte = load<u8>(p);
    if (byte == 0x22) {
      p++;
      return true;
    }
    if (byte == 0x5c) {
      if (!escapeSequence(end)) return false;
    } else {
      const stop = characterEnd(p, end);
      if (stop == 0 || (byte == 0xc2 && load<u8>(p + 1) < 0xa0)) return false;
      p = stop;
    }
  }
  return false;
}

/** Steps over the escape at `p`. */
function escapeSequence(end: usize): bool {
  if (p + 1 >= end) return false;
  const letter = load<u8>(p + 1);
  p += 2;
  if (letter == 0x75) {
    if (p + 4 > end) return false;
    for (let i: usize = 0; i < 4; i++) if (!isHex(load<u8>(p + i))) return false;
    p += 4;
    return true;
  }
  return (
    letter == 0x22 ||
    letter == 0x5c ||
    letter == 0x2f ||
    letter == 0x62 ||
    letter == 0x66 ||
    letter == 0x6e ||
    letter == 0x72 ||
    letter == 0x74
  );
}

function isHex(byte: u8): bool {
  return <u32>byte - 0x30 <= 9 || <u32>(byte | 0x20) - 0x61 <= 5;
}
