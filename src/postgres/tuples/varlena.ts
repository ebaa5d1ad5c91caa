/**
 * The forms of a value of variable length (varatt.h, access/toast_internals.h), told apart by the lowest bits of the first byte:
 *   00  plain: uint32 length × 4, payload
 *   10  compressed in line: uint32 length × 4 + 2, uint32 raw size | method << 30, stream
 *   1   short: uint8 length × 2 + 1, payload
 *   01h out of line: uint8 tag 18, int32 raw size + 4, uint32 stored size | method << 30, uint32 value id, uint32 TOAST table
 */
import { decompressLz4Block } from "../compression/lz4-block.ts";
import { decompressPglz } from "../compression/pglz.ts";

/** Lengths include the header. */
const PLAIN_HEADER_BYTES = 4;
const COMPRESSED_HEADER_BYTES = 8;
const EXTERNAL_BYTES = 18;
/** VARTAG_ONDISK; the other tags exist only in memory. */
const TAG_ON_DISK = 18;
const SIZE_MASK = 0x3fffffff;
/** The largest ratio of decompression: lz4 adds 255 bytes for one; pglz adds less. */
const EXPANSION_MAX = 256;

export type VarlenaForm = "plain" | "short" | "compressed" | "external";

/** Undefined if it is none of them. */
export function varlenaForm(bytes: Uint8Array, at: number): VarlenaForm | undefined {
  const first = bytes[at] ?? 1;
  if (first === 1) return bytes[at + 1] === TAG_ON_DISK ? "external" : undefined;
  if ((first & 1) !== 0) return "short";
  return (first & 2) === 0 ? "plain" : "compressed";
}

/** The end of the varlena at `start`; -1 if that is impossible or behind `end`. */
export function varlenaEnd(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  const first = bytes[start]!;
  let length = first >> 1;
  if (first === 1) {
    if (start + EXTERNAL_BYTES > end || bytes[start + 1] !== TAG_ON_DISK) return -1;
    length = EXTERNAL_BYTES;
  } else if ((first & 1) === 0) {
    if (start + PLAIN_HEADER_BYTES > end) return -1;
    length = uint32At(bytes, start) >>> 2;
    if (length < ((first & 2) === 0 ? PLAIN_HEADER_BYTES : COMPRESSED_HEADER_BYTES)) return -1;
  }
  return length > end - start ? -1 : start + length;
}

/** Refers to a value that is stored out of line. */
export interface ExternalValue {
  readonly valueId: number;
  readonly toastRelation: number;
  /** The size without a header. */
  readonly rawSize: number;
  /** The size of all chunks together. */
  readonly storedSize: number;
  /** Its chunks are compressed for inflate(). */
  readonly compressed: boolean;
}

/** Reads a varlena of the form external. */
export function externalValue(bytes: Uint8Array, at: number): ExternalValue {
  const rawSize = uint32At(bytes, at + 2) - PLAIN_HEADER_BYTES;
  const storedSize = uint32At(bytes, at + 6) & SIZE_MASK;
  return {
    rawSize,
    storedSize,
    valueId: uint32At(bytes, at + 10),
    toastRelation: uint32At(bytes, at + 14),
    compressed: storedSize < rawSize,
  };
}

/** The payload of a varlena that is not external; a view unless it is compressed. Undefined if it is damaged. */
export function varlenaPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
): Uint8Array | undefined {
  switch (varlenaForm(bytes, start)) {
    case "plain":
      return bytes.subarray(start + PLAIN_HEADER_BYTES, end);
    case "short":
      return bytes.subarray(start + 1, end);
    case "compressed":
      return inflate(bytes.subarray(start + PLAIN_HEADER_BYTES, end));
    case "external":
    case undefined:
      return undefined;
  }
}

/** The value from all of its chunks, joined. Undefined if they do not match the reference. */
export function externalPayload(
  { compressed, rawSize, storedSize }: ExternalValue,
  joined: Uint8Array,
): Uint8Array | undefined {
  if (joined.length !== storedSize) return undefined;
  const raw = compressed ? inflate(joined) : joined;
  return raw?.length === rawSize ? raw : undefined;
}

/** uint32 raw size | method << 30 (0 pglz, 1 lz4), stream. Undefined: it is damaged. */
function inflate(stored: Uint8Array): Uint8Array | undefined {
  if (stored.length < 4) return undefined;
  const info = uint32At(stored, 0);
  const rawSize = info & SIZE_MASK;
  const stream = stored.subarray(4);
  // Checked, since it decides how much memory is allocated.
  if (rawSize > stream.length * EXPANSION_MAX) return undefined;
  const raw = new Uint8Array(rawSize);
  switch (info >>> 30) {
    case 0:
      return decompressPglz(stream, raw) ? raw : undefined;
    case 1:
      return decompressLz4Block(stream, raw, 0) === rawSize ? raw : undefined;
    default:
      return undefined;
  }
}

function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
