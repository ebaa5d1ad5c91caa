/** AssemblyScript: values as src/render/values prints them. Each function returns where it stopped; 0: not known here. */
import { isDigit, json, numberEnd, quoted } from "./json";

/** The kinds of columns. An array's is its elements' and ARRAY. */
const NUMBER: u32 = 1;
const BOOLEAN: u32 = 2;
const JSON: u32 = 3;
const TIMESTAMP: u32 = 4;
const TIMESTAMP_TZ: u32 = 5;
const ARRAY: u32 = 8;

/** The server's MAXDIM. */
const DIMENSIONS_MAX: u32 = 6;

/** Sixteen bytes at a time: what it writes too many is overwritten by what comes next. */
@inline
export function copy(to: usize, from: usize, length: usize): usize {
  let i: usize = 0;
  do {
    v128.store(to + i, v128.load(from + i));
    i += 16;
  } while (i < length);
  return to + length;
}

export function value(kind: u32, p: usize, end: usize, o: usize): usize {
  if (kind == 0) return quoted(p, end, o);
  if (kind == NUMBER) return number(p, end, o);
  if (kind == TIMESTAMP || kind == TIMESTAMP_TZ) return timestamp(p, end, o, kind == TIMESTAMP_TZ);
  if (kind == JSON) return json(p, end, o);
  if (kind == BOOLEAN) return boolean(p, end, o);
  return array(p, end, o, kind - ARRAY);
}

/** NaN and the infinities are strings. */
@inline
function number(p: usize, end: usize, o: usize): usize {
  const length = end - p;
  if (length <= 16 && length > 0 && (load<u8>(p) != 0x30 || length == 1)) {
    // Most are digits alone.
    const text = v128.load(p);
    const others = i8x16.bitmask(i8x16.ge_u(i8x16.sub(text, i8x16.splat(0x30)), i8x16.splat(10)));
    if (<usize>ctz(others | 0x10000) >= length) {
      v128.store(o, text);
      return o + length;
    }
  }
  if (p < end && numberEnd(p, end) == end) return copy(o, p, end - p);
  return quoted(p, end, o);
}

@inline
function boolean(p: usize, end: usize, o: usize): usize {
  if (end - p == 1 && load<u8>(p) == 0x74) {
    store<u32>(o, 0x65757274);
    return o + 4;
  }
  if (end - p == 1 && load<u8>(p) == 0x66) {
    store<u32>(o, 0x736c6166);
    store<u8>(o + 4, 0x65);
    return o + 5;
  }
  return quoted(p, end, o);
}

/** `2026-11-24 10:57:43.1+00` → `"2026-11-24T10:57:43.1+00:00"`. Longer years and BC are not known here. */
function timestamp(start: usize, end: usize, open: usize, zoned: bool): usize {
  // infinity
  if (end - start < 19) return quoted(start, end, open);
  // The bits of the sixteen bytes that are digits, and those of the separators among them.
  const text = v128.load(start);
  const digits = i8x16.bitmask(i8x16.lt_u(i8x16.sub(text, i8x16.splat(0x30)), i8x16.splat(10)));
  const marks = i8x16.bitmask(
    i8x16.eq(text, i8x16(0, 0, 0, 0, 0x2d, 0, 0, 0x2d, 0, 0, 0x20, 0, 0, 0x3a, 0, 0)),
  );
  if (digits != 0xdb6f || (marks & 0x2490) != 0x2490) return 0;
  if (load<u8>(start + 16) != 0x3a || !isDigit(start + 17) || !isDigit(start + 18)) return 0;
  store<u8>(open, 0x22);
  v128.store(open + 1, text);
  store<u8>(open + 11, 0x54);
  store<u32>(open + 17, load<u32>(start + 16));
  let p = start + 19;
  let o = open + 20;
  if (p < end && load<u8>(p) == 0x2e) {
    const point = p++;
    while (p < end && p < point + 7 && isDigit(p)) p++;
    if (p == point + 1) return 0;
    o = copy(o, point, p - point);
  }
  if (zoned) {
    const sign = p < end ? load<u8>(p) : 0;
    if (sign != 0x2b && sign != 0x2d) return 0;
    const zone = p;
    if (p + 3 > end || !isDigit(p + 1) || !isDigit(p + 2)) return 0;
    p += 3;
    while (p + 3 <= end && p < zone + 9 && load<u8>(p) == 0x3a) {
      if (!isDigit(p + 1) || !isDigit(p + 2)) return 0;
      p += 3;
    }
    o = copy(o, zone, p - zone);
    if (p == zone + 3) {
      // :00
      store<u32>(o, 0x30303a);
      o += 3;
    }
  }
  if (p != end) return 0;
  store<u8>(o, 0x22);
  return o + 1;
}

/** `{a,"b c",NULL}`. Bounds and escapes are not known here. */
function array(start: usize, end: usize, open: usize, element: u32): usize {
  let p = start;
  let o = open;
  if (end - p == 2 && load<u16>(p) == 0x7d7b) {
    store<u16>(o, 0x5d5b);
    return o + 2;
  }
  let depth: u32 = 0;
  /** The depth of the first element, which all others must have. */
  let elementDepth: u32 = 0;
  /** True behind an opening brace or a comma. */
  let expected = true;
  while (p < end) {
    const byte = load<u8>(p);
    if (!expected) {
      if (byte == 0x7d) depth--;
      else if (byte == 0x2c) expected = true;
      else return 0;
      store<u8>(o++, expected ? 0x2c : 0x5d);
      p++;
      if (depth == 0) return p == end ? o : 0;
    } else if (byte == 0x7b) {
      if (depth == DIMENSIONS_MAX || (elementDepth > 0 && depth >= elementDepth)) return 0;
      depth++;
      store<u8>(o++, 0x5b);
      p++;
    } else {
      if (elementDepth == 0) elementDepth = depth;
      if (depth == 0 || depth != elementDepth) return 0;
      let stop: usize;
      if (byte == 0x22) {
        stop = ++p;
        while (stop < end && load<u8>(stop) != 0x22) if (load<u8>(stop++) == 0x5c) return 0;
        if (stop >= end) return 0;
        o = value(element, p, stop++, o);
      } else {
        stop = p;
        while (stop < end && !endsElement(load<u8>(stop))) stop++;
        if (stop == p) return 0;
        if (stop - p == 4 && load<u32>(p) == 0x4c4c554e) {
          store<u32>(o, 0x6c6c756e);
          o += 4;
        } else o = value(element, p, stop, o);
      }
      if (o == 0) return 0;
      p = stop;
      expected = false;
    }
  }
  return 0;
}

/** The comma, and the characters for which array_out quotes an element. */
function endsElement(byte: u8): bool {
  if (byte > 0x5c) return byte == 0x7b || byte == 0x7d;
  return byte == 0x2c || byte == 0x22 || byte == 0x5c || byte == 0x20 || (byte >= 9 && byte <= 13);
}
