/**
 * What a record says about a block that it changes (access/xlogrecord.h, XLogRecordBlockHeader and
 * XLogRecordBlockImageHeader).
 */
import { PAGE_BYTES } from "../pages/page.ts";
import type { WalVersion } from "../pages/versions.ts";

/** Bits of a block reference's fork_flags. */
const FORK_MASK = 0x0f;
const HAS_IMAGE = 0x10;
const HAS_DATA = 0x20;
const WILL_INIT = 0x40;
const SAME_RELATION = 0x80;

/** Bits of an image's bimg_info from PostgreSQL 15 on; 14 has different ones. */
const IMAGE_HAS_HOLE = 0x01;
const IMAGE_APPLY = 0x02;
const IMAGE_COMPRESSED = 0x1c;
export type ImageCompression = "none" | "pglz" | "lz4" | "zstd";

/** A block that a record refers to. Offsets count from the start of the record's `bytes`. */
export class BlockReference {
  id = 0;
  /** 0 main, 1 free space map, 2 visibility map, 3 init. */
  fork = 0;
  tablespace = 0;
  database = 0;
  relfilenode = 0;
  block = 0;
  /** Replay initialises the page instead of reading it. */
  willInit = false;
  hasImage = false;
  /** False if the image is only for wal_consistency_checking. */
  imageApplied = false;
  imageInfo = 0;
  imageStart = 0;
  imageBytes = 0;
  holeOffset = 0;
  holeBytes = 0;
  dataStart = 0;
  dataBytes = 0;

  get imageCompression(): ImageCompression {
    const bits = this.imageInfo & IMAGE_COMPRESSED;
    if (bits === 0) return "none";
    return bits === 4 ? "pglz" : bits === 8 ? "lz4" : "zstd";
  }

  /**
   * Reads the reference behind its id; `before` is the previous one in the record. Returns where it ends, or -1 if it
   * is invalid.
   *
   * uint8 fork_flags, uint16 data length, [image header], [locator: uint32 tablespace, database, relfilenode], uint32
   * block
   */
  decode(
    view: DataView,
    from: number,
    end: number,
    before: BlockReference | undefined,
    version: WalVersion,
  ): number {
    let at = from;
    if (at + 3 > end) return -1;
    const flags = view.getUint8(at);
    this.fork = flags & FORK_MASK;
    this.willInit = (flags & WILL_INIT) !== 0;
    this.dataBytes = view.getUint16(at + 1, true);
    at += 3;
    if ((flags & HAS_DATA) === 0 ? this.dataBytes !== 0 : this.dataBytes === 0) return -1;
    if ((flags & HAS_IMAGE) === 0) {
      this.hasImage = false;
      this.imageBytes = 0;
    } else {
      at = decodeImageHeader(this, view, at, end, version);
      if (at < 0) return -1;
    }
    if ((flags & SAME_RELATION) === 0) {
      if (at + 12 > end) return -1;
      this.tablespace = view.getUint32(at, true);
      this.database = view.getUint32(at + 4, true);
      this.relfilenode = view.getUint32(at + 8, true);
      at += 12;
    } else {
      if (before === undefined) return -1;
      this.tablespace = before.tablespace;
      this.database = before.database;
      this.relfilenode = before.relfilenode;
    }
    if (at + 4 > end) return -1;
    this.block = view.getUint32(at, true);
    return at + 4;
  }
}

/** uint16 length, uint16 hole offset, uint8 bimg_info; with compression and a hole: uint16 hole length */
function decodeImageHeader(
  block: BlockReference,
  view: DataView,
  from: number,
  end: number,
  version: WalVersion,
): number {
  let at = from;
  if (at + 5 > end) return -1;
  const bytes = view.getUint16(at, true);
  const holeOffset = view.getUint16(at + 2, true);
  const stored = view.getUint8(at + 4);
  const info = version === 14 ? imageInfoOf14(stored) : stored;
  at += 5;
  const compressed = (info & IMAGE_COMPRESSED) !== 0;
  const hasHole = (info & IMAGE_HAS_HOLE) !== 0;
  let holeBytes = 0;
  if (compressed && hasHole) {
    if (at + 2 > end) return -1;
    holeBytes = view.getUint16(at, true);
    at += 2;
  } else if (!compressed) holeBytes = PAGE_BYTES - bytes;
  if (!imageFits(bytes, holeOffset, holeBytes, hasHole, compressed)) return -1;
  block.hasImage = true;
  block.imageApplied = (info & IMAGE_APPLY) !== 0;
  block.imageInfo = info;
  block.imageBytes = bytes;
  block.holeOffset = holeOffset;
  block.holeBytes = holeBytes;
  return at;
}

/** The checks of xlogreader.c. */
function imageFits(
  bytes: number,
  holeOffset: number,
  holeBytes: number,
  hasHole: boolean,
  compressed: boolean,
): boolean {
  if (hasHole) {
    if (holeOffset === 0 || holeBytes <= 0 || bytes === PAGE_BYTES) return false;
    if (holeOffset + holeBytes > PAGE_BYTES) return false;
  } else if (holeOffset !== 0 || holeBytes !== 0) return false;
  return compressed ? bytes !== PAGE_BYTES : hasHole || bytes === PAGE_BYTES;
}

/** In PostgreSQL 14: 1 hole, 2 pglz, 4 apply. From 15 on: 1 hole, 2 apply, 4 pglz, 8 lz4, 10 zstd (hexadecimal). */
function imageInfoOf14(info: number): number {
  return (info & 1) | ((info & 4) >> 1) | ((info & 2) << 1);
}
