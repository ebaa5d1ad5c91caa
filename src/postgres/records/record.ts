/**
 * One decoded record (access/xlogrecord.h; xlogreader.c, DecodeXLogRecord). One object serves for all records: each is
 * decoded over the last one, and its views are valid until the next record is requested.
 */
import { BlockReference } from "./block-reference.ts";
import type { PageChunk, WalBytes } from "../pages/page-chunk.ts";
import { positionOf } from "../pages/position.ts";
import type { WalVersion } from "../pages/versions.ts";

export const RECORD_HEADER_BYTES = 24;
/** The offset of the checksum in the header. It covers the header before it and everything behind the header. */
export const CHECKSUM_AT = 20;
const BLOCKS_MAX = 33;

/** Ids of the items before the data. */
const BLOCK_ID_MAX = 32;
export const ID_TOP_XID = 252;
export const ID_ORIGIN = 253;
const ID_MAIN_LONG = 254;
const ID_MAIN_SHORT = 255;

const EMPTY = new Uint8Array(0);

/** Covers first what follows the header, then the header up to the checksum. */
export function recordChecksum(
  { checksumAfter }: PageChunk,
  start: number,
  totalLength: number,
): number {
  const data = checksumAfter(-1, start + RECORD_HEADER_BYTES, start + totalLength);
  return ~checksumAfter(data, start, start + CHECKSUM_AT);
}

export class WalRecord {
  bytes: Uint8Array = EMPTY;
  view: DataView = new DataView(EMPTY.buffer);
  /** Where it begins in `bytes`. */
  start = 0;
  /** Including all of its data (pg_waldump: tot). */
  totalLength = 0;
  lsn = 0;
  /** Of the page in which it ends. */
  timeline = 0;
  /** Where the next record may begin. */
  endLsn = 0;
  prevLsn = 0;
  /** The (sub)transaction that wrote it; 0 if none. */
  xid = 0;
  rmgr = 0;
  info = 0;
  /** The subtransaction's parent if the record names it, otherwise 0. */
  topXid = 0;
  /** Undefined if none is named. */
  originId: number | undefined;
  blockCount = 0;
  /** Only the first `blockCount` belong to this record. */
  readonly blocks: readonly BlockReference[] = Array.from(
    { length: BLOCKS_MAX },
    () => new BlockReference(),
  );
  mainStart = 0;
  mainBytes = 0;
  /** The sum for all images. */
  imageBytes = 0;

  /** The length without images (pg_waldump: rec). */
  get length(): number {
    return this.totalLength - this.imageBytes;
  }

  /** The opcode and its flags: info without the bits that belong to the log. */
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

  /** The image as it is stored: possibly compressed, and without its hole. */
  blockImage({ imageStart, imageBytes }: BlockReference): Uint8Array {
    return this.bytes.subarray(imageStart, imageStart + imageBytes);
  }

  /** uint32 length, uint32 xid, uint64 link, uint8 info, uint8 rmgr, 2 bytes of padding, uint32 checksum */
  readHeader({ bytes, words, view }: WalBytes, start: number, totalLength: number): void {
    const index = start >> 2;
    const infoAndRmgr = words[index + 4]!;
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.totalLength = totalLength;
    this.xid = words[index + 1]! >>> 0;
    this.prevLsn = positionOf(words[index + 3]!, words[index + 2]!);
    this.info = infoAndRmgr & 0xff;
    this.rmgr = (infoAndRmgr >> 8) & 0xff;
  }

  /**
   * Reads the items behind the header. Returns false if their lengths do not add up or one is invalid.
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
        const before = count === 0 ? undefined : this.blocks[count - 1];
        at = block.decode(this.view, at, end, before, version);
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
}
