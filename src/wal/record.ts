/**
 * One record, decoded (access/xlogrecord.h; xlogreader.c, DecodeXLogRecord). There is one object for all records: each
 * is read over the last one, and its views of bytes live until the next is asked for.
 */
import { PAGE_BYTES } from "./page.ts";
import type { WalVersion } from "./versions.ts";

export const RECORD_HEADER_BYTES = 24;
const BLOCKS_MAX = 33;

/** Ids of what comes before the data. */
const BLOCK_ID_MAX = 32;
const ID_TOP_XID = 252;
const ID_ORIGIN = 253;
const ID_MAIN_LONG = 254;
const ID_MAIN_SHORT = 255;

/** Bits of a block reference's fork_flags. */
const FORK_MASK = 0x0f;
const HAS_IMAGE = 0x10;
const HAS_DATA = 0x20;
const WILL_INIT = 0x40;
const SAME_RELATION = 0x80;

/** Bits of an image's bimg_info, as from 15 on; 14 has its own. */
const IMAGE_HAS_HOLE = 0x01;
const IMAGE_APPLY = 0x02;
const IMAGE_COMPRESSED = 0x1c;
export type ImageCompression = "none" | "pglz" | "lz4" | "zstd";

const EMPTY = new Uint8Array(0);

/** A block that a record refers to. Offsets are those of the record's `bytes`. */
export class BlockReference {
  id = 0;
  /** 0 main, 1 free space map, 2 visibility map, 3 init. */
  fork = 0;
  tablespace = 0;
  database = 0;
  relfilenode = 0;
  block = 0;
  /** Replay does not read the page, it makes it. */
  willInit = false;
  hasImage = false;
  /** False: the image only serves wal_consistency_checking. */
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
}

export class WalRecord {
  bytes: Uint8Array = EMPTY;
  view: DataView = new DataView(EMPTY.buffer);
  /** Where it begins in `bytes`. */
  start = 0;
  /** With all of its data (pg_waldump: tot). */
  totalLength = 0;
  lsn = 0;
  /** Where the next record may begin. */
  endLsn = 0;
  prevLsn = 0;
  /** The (sub)transaction that wrote it; 0: none. */
  xid = 0;
  rmgr = 0;
  info = 0;
  /** The subtransaction's parent, where the record names it; else 0. */
  topXid = 0;
  /** Undefined: none is named. */
  originId: number | undefined;
  blockCount = 0;
  /** Only the first `blockCount` are this record's. */
  readonly blocks: readonly BlockReference[] = Array.from(
    { length: BLOCKS_MAX },
    () => new BlockReference(),
  );
  mainStart = 0;
  mainBytes = 0;
  /** Of all images together. */
  imageBytes = 0;

  /** Without images (pg_waldump: rec). */
  get length(): number {
    return this.totalLength - this.imageBytes;
  }

  /** The opcode and its flags: info without the log's own bits. */
  get opcode(): number {
    return this.info & 0xf0;
  }

  mainData(): Uint8Array {
    return this.bytes.subarray(this.mainStart, this.mainStart + this.mainBytes);
  }

  blockById(id: number): BlockReference | undefined {
    for (let index = 0; index < this.blockCount; index++) {
      const block = this.blocks[index]!;
      if (block.id === id) return block;
    }
    return undefined;
  }

  blockData({ dataStart, dataBytes }: BlockReference): Uint8Array {
    return this.bytes.subarray(dataStart, dataStart + dataBytes);
  }

  /** As it is stored: perhaps compressed, without its hole. */
  blockImage({ imageStart, imageBytes }: BlockReference): Uint8Array {
    return this.bytes.subarray(imageStart, imageStart + imageBytes);
  }

  /**
   * Reads the items behind the header. Returns false where their lengths do not add up, or one cannot be.
   *
   * uint8 id 0-32: uint8 fork_flags, uint16 data length, [image header], [locator], uint32 block
   * uint8 id 252: uint32 top-level xid. 253: uint16 origin. 254: uint32, 255: uint8 length of the main data
   */
  decodeItems(version: WalVersion): boolean {
    const { bytes, view } = this;
    const end = this.start + this.totalLength;
    let at = this.start + RECORD_HEADER_BYTES;
    let dataBytes = 0;
    let count = 0;
    let lastId = -1;
    this.topXid = 0;
    this.originId = undefined;
    this.mainBytes = 0;
    this.imageBytes = 0;
    while (end - at > dataBytes) {
      const id = bytes[at++]!;
      if (id === ID_MAIN_SHORT) {
        if (at + 1 > end) return false;
        this.mainBytes = bytes[at++]!;
        dataBytes += this.mainBytes;
        break;
      }
      if (id <= BLOCK_ID_MAX) {
        if (id <= lastId) return false;
        lastId = id;
        const block = this.blocks[count]!;
        block.id = id;
        at = this.#decodeBlock(block, at, end, count, version);
        if (at < 0) return false;
        dataBytes += block.dataBytes + block.imageBytes;
        count++;
      } else if (id === ID_MAIN_LONG) {
        if (at + 4 > end) return false;
        this.mainBytes = view.getUint32(at, true);
        at += 4;
        dataBytes += this.mainBytes;
        break;
      } else if (id === ID_ORIGIN) {
        if (at + 2 > end) return false;
        this.originId = view.getUint16(at, true);
        at += 2;
      } else if (id === ID_TOP_XID) {
        if (at + 4 > end) return false;
        this.topXid = view.getUint32(at, true);
        at += 4;
      } else return false;
    }
    this.blockCount = count;
    if (end - at !== dataBytes) return false;
    for (let index = 0; index < count; index++) {
      const block = this.blocks[index]!;
      block.imageStart = at;
      at += block.imageBytes;
      block.dataStart = at;
      at += block.dataBytes;
      this.imageBytes += block.imageBytes;
    }
    this.mainStart = at;
    return true;
  }

  /** Returns where the next item begins; -1: it is not possible. */
  #decodeBlock(
    block: BlockReference,
    from: number,
    end: number,
    index: number,
    version: WalVersion,
  ): number {
    const { view } = this;
    let at = from;
    if (at + 3 > end) return -1;
    const flags = this.bytes[at]!;
    block.fork = flags & FORK_MASK;
    block.willInit = (flags & WILL_INIT) !== 0;
    block.dataBytes = view.getUint16(at + 1, true);
    at += 3;
    if ((flags & HAS_DATA) === 0 ? block.dataBytes !== 0 : block.dataBytes === 0) return -1;
    if ((flags & HAS_IMAGE) === 0) {
      block.hasImage = false;
      block.imageBytes = 0;
    } else {
      at = decodeImageHeader(block, view, at, end, version);
      if (at < 0) return -1;
    }
    if ((flags & SAME_RELATION) === 0) {
      if (at + 12 > end) return -1;
      block.tablespace = view.getUint32(at, true);
      block.database = view.getUint32(at + 4, true);
      block.relfilenode = view.getUint32(at + 8, true);
      at += 12;
    } else {
      if (index === 0) return -1;
      const before = this.blocks[index - 1]!;
      block.tablespace = before.tablespace;
      block.database = before.database;
      block.relfilenode = before.relfilenode;
    }
    if (at + 4 > end) return -1;
    block.block = view.getUint32(at, true);
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

/** What xlogreader.c insists on. */
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

/** 14: 1 hole, 2 pglz, 4 apply. From 15 on: 1 hole, 2 apply, 4 pglz, 8 lz4, 10 zstd (hexadecimal). */
function imageInfoOf14(info: number): number {
  return (info & 1) | ((info & 4) >> 1) | ((info & 2) << 1);
}
