/**
 * Prints records of physical WAL as lines of NDJSON, as tables and as statistics.
 * Law: pure, as all of render. A record is used only during the call and never kept.
 * Way in: RecordLines for NDJSON, RecordTable (table.ts) for people, stats.ts and findings.ts for the totals.
 */
import { describeRecord } from "./detail/describe.ts";
import { ShortPayload } from "../../postgres/records/payload.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { type RecordNames, recordNames } from "../../postgres/records/rmgrs.ts";
import type { RelationNames } from "../../wal/relation-name.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import { ByteWriter, type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString } from "../bytes/json-text.ts";
import { BlockPieces } from "./block-pieces.ts";
import { writeUnsigned } from "./decimal.ts";
import { NdjsonDetail } from "./ndjson-detail.ts";

const HIGH = 2 ** 32;
const HEAD = piece('{"kind":"record","lsn":');
const END_LSN = piece(',"end_lsn":');
const PREV_LSN = piece(',"prev_lsn":');
const XID = piece(',"xid":');
const TOP_XID = piece(',"top_xid":');
const ORIGIN_ID = piece(',"origin_id":');
const TOTAL_LENGTH = piece(',"total_length":');
const BLOCKS = piece(',"blocks":[');
const NO_BLOCKS = piece(',"blocks":[]');
const IMAGE_BYTES = piece(',"image_bytes":');
const NO_IMAGE = piece(',"image_bytes":0');
const NOT_APPLIED = piece(',"image_applied":false');
const DETAIL = piece(',"detail":{');
const COMMA = 0x2c;
const BRACE = 0x7d;
const BRACKET = 0x5d;
const LINE_FEED = 0x0a;

/** Writes a line for each record. */
export class RecordLines {
  readonly #out = new ByteWriter();
  readonly #detail = new NdjsonDetail(this.#out);
  readonly #blocks: BlockPieces;
  #version: WalVersion | undefined;
  #names!: RecordNames;
  /** `,"rmgr":…,"type":…,"length":` */
  #types: (Piece | undefined)[] = [];

  constructor(names: RelationNames) {
    this.#blocks = new BlockPieces(names);
  }

  record(record: WalRecord, version: WalVersion): void {
    if (version !== this.#version) this.#useVersion(version);
    const out = this.#out;
    out.piece(HEAD);
    this.#position(record.lsn);
    out.piece(END_LSN);
    this.#position(record.endLsn);
    out.piece(PREV_LSN);
    this.#position(record.prevLsn);
    out.piece(XID);
    writeUnsigned(out, record.xid);
    if (record.topXid !== 0) {
      out.piece(TOP_XID);
      writeUnsigned(out, record.topXid);
    }
    if (record.originId !== undefined) {
      out.piece(ORIGIN_ID);
      writeUnsigned(out, record.originId);
    }
    const type = this.#names.id(record.rmgr, record.info);
    out.piece((this.#types[type] ??= this.#typePiece(type)));
    writeUnsigned(out, record.length);
    out.piece(TOTAL_LENGTH);
    writeUnsigned(out, record.totalLength);
    this.#writeBlocks(record);
    this.#writeDetail(record, version);
    out.byte(BRACE);
    out.byte(LINE_FEED);
  }

  /** The bytes written since the last call. */
  take(): Uint8Array {
    return this.#out.take();
  }

  get length(): number {
    return this.#out.offset;
  }

  #useVersion(version: WalVersion): void {
    this.#version = version;
    this.#names = recordNames(version);
    this.#types = [];
  }

  #typePiece(type: number): Piece {
    const rmgr = jsonString(this.#names.rmgr(type));
    return piece(`,"rmgr":${rmgr},"type":${jsonString(this.#names.type(type))},"length":`);
  }

  #position(position: number): void {
    this.#out.position(Math.floor(position / HIGH), position >>> 0);
  }

  #writeBlocks(record: WalRecord): void {
    const out = this.#out;
    const { blockCount } = record;
    if (blockCount === 0) return out.piece(NO_BLOCKS);
    out.piece(BLOCKS);
    for (let index = 0; index < blockCount; index++) {
      const block = record.blocks[index]!;
      const pieces = this.#blocks.of(block);
      if (index > 0) out.byte(COMMA);
      out.piece(pieces.head);
      writeUnsigned(out, block.block);
      if (block.hasImage) {
        out.piece(IMAGE_BYTES);
        writeUnsigned(out, block.imageBytes);
        if (!block.imageApplied) out.piece(NOT_APPLIED);
      } else out.piece(NO_IMAGE);
      if (pieces.name !== undefined) out.piece(pieces.name);
      out.byte(BRACE);
    }
    out.byte(BRACKET);
  }

  /** Writes no detail if the payload does not have its version's form: nothing is guessed. */
  #writeDetail(record: WalRecord, version: WalVersion): void {
    const out = this.#out;
    const before = out.offset;
    out.piece(DETAIL);
    this.#detail.begin();
    try {
      describeRecord(record, version, this.#detail);
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      out.offset = before;
      return;
    }
    if (this.#detail.isEmpty) out.offset = before;
    else out.byte(BRACE);
  }
}
