/**
 * jsonb as it is stored (utils/jsonb.h): containers of
 *   uint32 count | flags; uint32 entries: of an object all keys, then all values; the data
 * An entry has a type, and a length or the end of its data; numerics and containers start at multiples of 4.
 */
import { varlenaEnd, varlenaForm } from "../tuples/varlena.ts";
import { writeAscii } from "./digits.ts";
import type { BinaryReader } from "./binary-reader.ts";
import type { ToUtf8 } from "./disk-reader.ts";
import { int32At } from "./integers.ts";
import { writeNumeric } from "./numeric.ts";
import type { TextBuffer } from "./text-buffer.ts";
import { copyText, sameBytes } from "./texts.ts";
import { type BuiltinType, FAST_BYTES_MAX, alike, builtin } from "./type.ts";

const COUNT_MASK = 0x0fffffff;
const SCALAR = 0x10000000;
const OBJECT = 0x20000000;
const ARRAY = 0x40000000;

const HAS_END = 0x80000000 | 0;
const TYPE_MASK = 0x70000000;
const STRING = 0x00000000;
const NUMERIC = 0x10000000;
const FALSE = 0x20000000;
const TRUE = 0x30000000;
const NULL = 0x40000000;
const CONTAINER = 0x50000000;

const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
const [COMMA, COLON, SPACE, QUOTE, BACKSLASH] = [0x2c, 0x3a, 0x20, 0x22, 0x5c];
/** By byte: the character after the backslash; 1 for `\u00` and two digits. */
const ESCAPES = new Uint8Array(256);
ESCAPES.fill(1, 0, SPACE);
for (const [byte, letter] of Object.entries({ 8: "b", 9: "t", 10: "n", 12: "f", 13: "r" })) {
  ESCAPES[Number(byte)] = letter.charCodeAt(0);
}
ESCAPES[QUOTE] = QUOTE;
ESCAPES[BACKSLASH] = BACKSLASH;

/** A container being written. */
interface Container {
  isObject: boolean;
  isScalar: boolean;
  /** The number of pairs or elements; `next` is the next one. */
  count: number;
  next: number;
  entries: number;
  data: number;
  end: number;
  /** The offsets of the next key or element and of the next value. */
  keyStart: number;
  valueStart: number;
}

const open: Container[] = [];
/** More levels than the server's stack allows. */
const DEPTH_MAX = 1_000_000;

/**
 * Writes it as jsonb prints it: `{"k": 1, "l": [true, null]}`, without recursion. Returns false if it is not jsonb.
 */
function writeJsonb(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TextBuffer,
  toUtf8?: ToUtf8,
): boolean {
  let depth = 0;
  let container = (open[0] ??= newContainer());
  if (!openContainer(container, bytes, start, end)) return false;
  writeStart(out, container);
  for (;;) {
    const { isObject, isScalar, next } = container;
    out.reserve(FAST_BYTES_MAX);
    if (next === container.count) {
      const length = isObject ? container.valueStart : container.keyStart;
      if (container.data + length !== container.end) return false;
      if (!isScalar) out.bytes[out.offset++] = isObject ? CLOSE_OBJECT : CLOSE_ARRAY;
      if (depth-- === 0) return true;
      container = open[depth]!;
      continue;
    }
    container.next++;
    if (next > 0) {
      out.bytes[out.offset++] = COMMA;
      out.bytes[out.offset++] = SPACE;
    }
    let entry = int32At(bytes, container.entries + 4 * next);
    let from = container.keyStart;
    let to = endOf(entry, from);
    if (to < from || container.data + to > container.end) return false;
    container.keyStart = to;
    if (isObject) {
      if ((entry & TYPE_MASK) !== STRING) return false;
      writeString(bytes, container.data + from, container.data + to, out, toUtf8);
      out.reserve(FAST_BYTES_MAX);
      out.bytes[out.offset++] = COLON;
      out.bytes[out.offset++] = SPACE;
      entry = int32At(bytes, container.entries + 4 * (container.count + next));
      from = container.valueStart;
      to = endOf(entry, from);
      if (to < from || container.data + to > container.end) return false;
      container.valueStart = to;
    }
    const type = entry & TYPE_MASK;
    const stop = container.data + to;
    if (type === STRING) writeString(bytes, container.data + from, stop, out, toUtf8);
    else if (type === NUMERIC) {
      if (!writeStoredNumeric(bytes, container.data + aligned(from), stop, out)) return false;
    } else if (type === CONTAINER) {
      const inner = (open[depth + 1] ??= newContainer());
      // A scalar is alone.
      if (isScalar || !openContainer(inner, bytes, container.data + aligned(from), stop)) {
        return false;
      }
      if (inner.isScalar || depth === DEPTH_MAX) return false;
      depth++;
      container = inner;
      writeStart(out, container);
    } else if (type === TRUE) writeAscii(out, "true");
    else if (type === FALSE) writeAscii(out, "false");
    else if (type === NULL) writeAscii(out, "null");
    else return false;
  }
}

function newContainer(): Container {
  return {
    isObject: false,
    isScalar: false,
    count: 0,
    next: 0,
    entries: 0,
    data: 0,
    end: 0,
    keyStart: 0,
    valueStart: 0,
  };
}

function openContainer(
  container: Container,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (start + 4 > end) return false;
  const header = int32At(bytes, start);
  const isObject = (header & OBJECT) !== 0;
  const isScalar = (header & SCALAR) !== 0;
  const count = header & COUNT_MASK;
  if (isObject === ((header & ARRAY) !== 0) || (isScalar && (isObject || count !== 1))) {
    return false;
  }
  const data = start + 4 + 4 * (isObject ? count * 2 : count);
  if (data > end) return false;
  container.isObject = isObject;
  container.isScalar = isScalar;
  container.count = count;
  container.next = 0;
  container.entries = start + 4;
  container.data = data;
  container.end = end;
  container.keyStart = 0;
  let keysEnd = 0;
  if (isObject) {
    for (let key = 0; key < count; key++) {
      keysEnd = endOf(int32At(bytes, start + 4 + 4 * key), keysEnd);
    }
  }
  container.valueStart = keysEnd;
  return true;
}

function endOf(entry: number, start: number): number {
  const length = entry & COUNT_MASK;
  return (entry & HAS_END) !== 0 ? length : start + length;
}

function aligned(offset: number): number {
  return (offset + 3) & ~3;
}

function writeStart(out: TextBuffer, { isObject, isScalar }: Container): void {
  out.reserve(1);
  if (!isScalar) out.bytes[out.offset++] = isObject ? OPEN_OBJECT : OPEN_ARRAY;
}

/** A whole varlena, which is never compressed. */
function writeStoredNumeric(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TextBuffer,
): boolean {
  if (varlenaEnd(bytes, start, end) !== end) return false;
  const form = varlenaForm(bytes, start);
  if (form === "plain") return writeNumeric(bytes, start + 4, end, out);
  return form === "short" && writeNumeric(bytes, start + 1, end, out);
}

const ESCAPE_BYTES_MAX = 6;
/** For less, more room is reserved than is needed. */
const COUNTED_FROM = 4096;
const HEX_DIGITS = "0123456789abcdef";

function escapesIn(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (ESCAPES[bytes[at]!] !== 0) count++;
  return count;
}

function writeString(
  source: Uint8Array,
  from: number,
  to: number,
  out: TextBuffer,
  toUtf8: ToUtf8 | undefined,
): void {
  let bytes = source;
  let start = from;
  let end = to;
  if (toUtf8 !== undefined) {
    bytes = toUtf8(source.subarray(from, to));
    start = 0;
    end = bytes.length;
  }
  const length = end - start;
  const escaped = length < COUNTED_FROM ? length : escapesIn(bytes, start, end);
  out.reserve(length + escaped * (ESCAPE_BYTES_MAX - 1) + 2);
  const target = out.bytes;
  let { offset } = out;
  target[offset++] = QUOTE;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    const escape = ESCAPES[byte]!;
    if (escape === 0) target[offset++] = byte;
    else {
      target[offset++] = BACKSLASH;
      if (escape > 1) target[offset++] = escape;
      else {
        const code = `u00${HEX_DIGITS[byte >> 4]}${HEX_DIGITS[byte & 15]}`;
        offset += target.write(code, offset, "latin1");
      }
    }
  }
  target[offset++] = QUOTE;
  out.offset = offset;
}

/** Byte1(1)  the text form; for jsonb and jsonpath */
export function versioned(reader: BinaryReader): string {
  if (reader.uint8() !== 1) throw reader.unfit();
  return reader.rest();
}

export const JSONS: readonly BuiltinType[] = [
  builtin(114, "json", 199, "json", alike(sameBytes, { write: copyText, isUtf8: true }), {
    name: "json",
  }),
  builtin(3802, "jsonb", 3807, "jsonb", { sent: versioned, write: writeJsonb, isUtf8: true }),
  builtin(4072, "jsonpath", 4073, "other", { sent: versioned }),
];
