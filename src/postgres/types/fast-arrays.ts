import { varlenaEnd, varlenaForm } from "../tuples/varlena.ts";
import type { AttributeLayout } from "../tuples/tuple.ts";
import { writeAscii } from "./digits.ts";
import { int32At } from "./integers.ts";
import { FAST_BYTES_MAX, type FastWriter } from "./type.ts";
import type { TextBuffer } from "./text-buffer.ts";

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Offsets in an array of one dimension, behind the varlena's header. */
const DATA_OFFSET_AT = 4;
const ELEMENT_TYPE_AT = 8;
const SIZE_AT = 12;
const LOWER_BOUND_AT = 16;
const HEADER_BYTES = 20;
const VARLENA_HEADER_BYTES = 4;

/** Writes arrays of one dimension with the lower bound 1: what storedArray() reads. */
export function fastArray(
  element: FastWriter,
  elementOid: number,
  { align, length }: AttributeLayout,
  delimiter: string,
  mayNeedQuotes: boolean,
): FastWriter {
  const delimiterByte = delimiter.charCodeAt(0);
  /** By byte: 1 if an element that contains it is quoted. */
  const special = new Uint8Array(256);
  for (const byte of Buffer.from(`{}"\\ \t\n\v\f\r${delimiter}`, "latin1")) special[byte] = 1;

  return (bytes, start, end, out) => {
    const size = end - start > HEADER_BYTES ? int32At(bytes, start + SIZE_AT) : 0;
    if (
      size < 1 ||
      size > (end - start) * 8 ||
      int32At(bytes, start) !== 1 ||
      int32At(bytes, start + ELEMENT_TYPE_AT) !== (elementOid | 0) ||
      int32At(bytes, start + LOWER_BOUND_AT) !== 1
    ) {
      return false;
    }
    const origin = start - VARLENA_HEADER_BYTES;
    const dataOffset = int32At(bytes, start + DATA_OFFSET_AT);
    const bitmap = start + HEADER_BYTES;
    const bitmapBytes = dataOffset === 0 ? 0 : (size + 7) >> 3;
    let at = dataOffset === 0 ? bitmap : origin + dataOffset;
    if (at < bitmap + bitmapBytes || at > end) return false;
    for (let index = 0; index < size; index++) {
      out.reserve(FAST_BYTES_MAX);
      out.bytes[out.offset++] = index === 0 ? OPEN : delimiterByte;
      if (bitmapBytes > 0 && (bytes[bitmap + (index >> 3)]! & (1 << (index & 7))) === 0) {
        writeAscii(out, "NULL");
        continue;
      }
      if (length !== -1 || bytes[at] === 0) at = origin + ((at - origin + align - 1) & -align);
      const next = length === -1 ? varlenaEnd(bytes, at, end) : at + length;
      if (next === -1 || next > end) return false;
      let payload = at;
      if (length === -1) {
        const form = varlenaForm(bytes, at);
        if (form !== "short" && form !== "plain") return false;
        payload += form === "short" ? 1 : VARLENA_HEADER_BYTES;
      }
      const written = out.offset;
      out.reserve(FAST_BYTES_MAX);
      if (!element(bytes, payload, next, out)) return false;
      if (mayNeedQuotes) quote(out, written, special);
      at = next;
    }
    out.reserve(1);
    out.bytes[out.offset++] = CLOSE;
    // Only padding may follow.
    return end - at < align;
  };
}

/** Quotes what `out` holds from `start` on, if array_out does. */
function quote(out: TextBuffer, start: number, special: Uint8Array): void {
  const end = out.offset;
  let quoted = end === start || isNull(out.bytes, start, end);
  let escapes = 0;
  const { bytes } = out;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (special[byte] === 0) continue;
    quoted = true;
    if (byte === QUOTE || byte === BACKSLASH) escapes++;
  }
  if (!quoted) return;
  out.reserve(escapes + 2);
  const target = out.bytes;
  out.offset = end + escapes + 2;
  let to = out.offset - 1;
  target[to] = QUOTE;
  for (let from = end - 1; from >= start; from--) {
    const byte = target[from]!;
    target[--to] = byte;
    if (byte === QUOTE || byte === BACKSLASH) target[--to] = BACKSLASH;
  }
  target[start] = QUOTE;
}

/** Ignores case. */
function isNull(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    (bytes[start]! | 0x20) === 0x6e &&
    (bytes[start + 1]! | 0x20) === 0x75 &&
    (bytes[start + 2]! | 0x20) === 0x6c &&
    (bytes[start + 3]! | 0x20) === 0x6c
  );
}
