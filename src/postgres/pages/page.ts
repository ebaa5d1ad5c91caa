/** The layout of a page of WAL (access/xlog_internal.h, XLogPageHeaderData and XLogLongPageHeaderData). */
import { POSITION_LIMIT, ABOVE_LIMIT, formatPosition, positionOf } from "./position.ts";
import { type WalVersion, versionOfMagic } from "./versions.ts";

export const PAGE_BYTES = 8192;
export const SHORT_HEADER_BYTES = 24;
export const LONG_HEADER_BYTES = 40;
const SEGMENT_BYTES_MIN = 1024 * 1024;
const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024;

/** Bits of a page's `info`. */
export const PageInfo = {
  /** The page begins with the rest of a record. */
  continued: 1,
  /** The first page of a segment, with the long header. */
  long: 2,
} as const;
/** Of any version. */
export const PAGE_INFO_ALL = 0x0f;

/** XLP_FIRST_IS_OVERWRITE_CONTRECORD, the last of the bits. */
function overwriteBit(version: WalVersion): number {
  return version >= 19 ? 4 : 8;
}

/** Whether the page begins with a record that replaces one that was never completed. */
export function replacesRecord(info: number, version: WalVersion): boolean {
  return (info & overwriteBit(version)) !== 0;
}

/** Whether a page of that version has no such `info`. */
export function isForeignInfo(info: number, version: WalVersion): boolean {
  return info >= overwriteBit(version) * 2;
}

/** The fields of a segment's first page header. */
export interface SegmentHeader {
  readonly magic: number;
  readonly version: WalVersion;
  readonly timeline: number;
  /** The position of the segment's first byte. */
  readonly address: number;
  /** Exceeds 2⁵³. */
  readonly systemIdentifier: bigint;
  readonly segmentBytes: number;
}

export type SegmentStart =
  | { readonly kind: "segment"; readonly header: SegmentHeader }
  /** The server made the file ahead and never wrote to it. */
  | { readonly kind: "empty" }
  /** WAL of a version that is not known. */
  | { readonly kind: "version"; readonly magic: number }
  /** WAL of a machine or build that is not supported. */
  | { readonly kind: "foreign"; readonly what: string }
  | { readonly kind: "other" };

/** Magics were D0.. up to PostgreSQL 11 and are D1.. since. */
const MAGIC_FAMILIES = new Set([0xd0, 0xd1]);

/** Recognises a file by its first LONG_HEADER_BYTES bytes. */
export function readSegmentStart(bytes: Uint8Array): SegmentStart {
  if (bytes.length < LONG_HEADER_BYTES) return { kind: "other" };
  const head = bytes.subarray(0, LONG_HEADER_BYTES);
  if (head.every((byte) => byte === 0)) return { kind: "empty" };
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const magic = view.getUint16(0, true);
  const version = versionOfMagic(magic);
  if (version === undefined) return unknownStart(view, magic);
  const info = view.getUint16(2, true);
  if (isForeignInfo(info, version) || (info & PageInfo.long) === 0) return { kind: "other" };
  const address = positionOf(view.getUint32(12, true), view.getUint32(8, true));
  const segmentBytes = view.getUint32(32, true);
  const pageBytes = view.getUint32(36, true);
  if (pageBytes !== PAGE_BYTES) {
    return {
      kind: "foreign",
      what: `WAL blocks of ${pageBytes} bytes, not ${PAGE_BYTES}`,
    };
  }
  if (!isSegmentSize(segmentBytes) || address % segmentBytes !== 0) return { kind: "other" };
  if (address >= POSITION_LIMIT) {
    return { kind: "foreign", what: `WAL at ${formatPosition(address)}, ${ABOVE_LIMIT}` };
  }
  const timeline = view.getUint32(4, true);
  const systemIdentifier = view.getBigUint64(24, true);
  const header = { magic, version, timeline, address, systemIdentifier, segmentBytes };
  return { kind: "segment", header };
}

function unknownStart(view: DataView, magic: number): SegmentStart {
  if (versionOfMagic(view.getUint16(0, false)) !== undefined) {
    return { kind: "foreign", what: "written on a big-endian machine" };
  }
  const info = view.getUint16(2, true);
  const plausible = MAGIC_FAMILIES.has(magic >> 8) && (info & ~PAGE_INFO_ALL) === 0;
  return plausible && view.getUint32(8, true) % PAGE_BYTES === 0
    ? { kind: "version", magic }
    : { kind: "other" };
}

function isSegmentSize(bytes: number): boolean {
  const powerOfTwo = (bytes & (bytes - 1)) === 0;
  return powerOfTwo && bytes >= SEGMENT_BYTES_MIN && bytes <= SEGMENT_BYTES_MAX;
}
