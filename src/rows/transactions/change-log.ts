/** A transaction's changes as its records have them, kept until it is known whether it committed. */
import type { StoredTuple } from "../../postgres/tuples/tuple.ts";
import type { Spill } from "../pages/spill.ts";

export const ChangeKind = {
  insert: 1,
  update: 2,
  delete: 3,
  truncate: 4,
  message: 5,
  /** Confirms the speculative insert before it. */
  confirm: 6,
  sequence: 7,
} as const;
export type ChangeKind = (typeof ChangeKind)[keyof typeof ChangeKind];

/** Where the old row of an update or delete comes from. */
export const OldRow = { none: 0, key: 1, whole: 2, page: 3 } as const;
export type OldRow = (typeof OldRow)[keyof typeof OldRow];

/** Bits of a change. */
export const ChangeBit = {
  /** Flagged "contains new tuple" or as having the old row or key: logged for logical decoding. */
  logical: 1,
  /** TOAST chunks are forgotten after it. */
  clearsToast: 2,
  speculative: 4,
  /** The record has a new row, but its bytes are unknown. */
  newMissing: 8,
  /** The page of the old row is unknown. */
  oldMissing: 16,
  /** Decoding was on where its record is; its transaction may have begun before that. */
  whileDecoded: 32,
} as const;

/** Longer than any heap tuple, so that most blocks are full. */
const BLOCK_BYTES = 64 * 1024;
/** The first block is small, as most transactions are; the next ones are eight times as large as the one before. */
const FIRST_BLOCK_BYTES = 512;
/** So many first blocks share a buffer, which costs more than a block does. */
const FIRST_BLOCKS = 16;

/*
 * float64 position, float64 end, uint8 kind, uint8 bits, uint8 old row's origin, uint8, uint32 tablespace, uint32 database,
 * uint32 relfilenode, uint16 offset, uint16; new and old row: uint32 length, uint16 infomask2, uint16 infomask, uint8 hoff,
 * 3 bytes; uint32 bytes in all, uint32 place; then the bytes of the new row (or payload), those of the old row
 */
const HEADER_BYTES = 64;

/** Shared: each transaction has a log, and an empty buffer of its own takes as long as its changes. */
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** One change, reused; its tuples are views of the log. */
export class Change {
  position = 0;
  /** The end of its record. */
  end = 0;
  kind: ChangeKind = ChangeKind.insert;
  bits = 0;
  oldFrom: OldRow = OldRow.none;
  tablespace = 0;
  database = 0;
  relfilenode = 0;
  /** Of a speculative insert and its confirmation: block and item, in 32 bits. */
  place = 0;
  /** The new row, or the payload of a truncate, message or sequence. */
  newRow: StoredTuple | undefined;
  oldRow: StoredTuple | undefined;
  payload: Uint8Array = NO_BYTES;

  has(bit: number): boolean {
    return (this.bits & bit) !== 0;
  }
}

interface Block {
  /** Undefined if it is in the spill. */
  bytes: Uint8Array | undefined;
  used: number;
  at: number;
}

export class ChangeLog {
  readonly #blocks: Block[] = [];
  readonly #given = { block: 0, at: 0 };
  #view = NO_VIEW;
  #last: Block | undefined;
  /** The memory used. */
  bytes = 0;
  count = 0;
  spilled = false;
  /** The start of the first change's record. */
  firstPosition = 0;

  append(change: Change): void {
    const { newRow, oldRow, payload } = change;
    const newBytes = newRow === undefined ? payload.length : newRow.end - newRow.start;
    const oldBytes = oldRow === undefined ? 0 : oldRow.end - oldRow.start;
    const total = HEADER_BYTES + newBytes + oldBytes;
    const block = this.#room((total + 7) & ~7);
    const bytes = block.bytes!;
    const at = block.used;
    const view = this.#view;
    view.setFloat64(at, change.position, true);
    view.setFloat64(at + 8, change.end, true);
    bytes[at + 16] = change.kind;
    bytes[at + 17] = change.bits;
    bytes[at + 18] = change.oldFrom;
    bytes[at + 19] = newRow === undefined ? 0 : 1;
    view.setUint32(at + 20, change.tablespace, true);
    view.setUint32(at + 24, change.database, true);
    view.setUint32(at + 28, change.relfilenode, true);
    this.#writeTuple(at + 32, newRow, newBytes);
    this.#writeTuple(at + 44, oldRow, oldBytes);
    view.setUint32(at + 56, (total + 7) & ~7, true);
    view.setUint32(at + 60, change.place, true);
    if (newRow !== undefined)
      bytes.set(newRow.bytes.subarray(newRow.start, newRow.end), at + HEADER_BYTES);
    else bytes.set(payload, at + HEADER_BYTES);
    if (oldRow !== undefined) {
      bytes.set(oldRow.bytes.subarray(oldRow.start, oldRow.end), at + HEADER_BYTES + newBytes);
    }
    block.used += (total + 7) & ~7;
    if (this.count === 0) this.firstPosition = change.position;
    this.count++;
  }

  #writeTuple(at: number, tuple: StoredTuple | undefined, length: number): void {
    const view = this.#view;
    view.setUint32(at, length, true);
    view.setUint16(at + 4, tuple?.infomask2 ?? 0, true);
    view.setUint16(at + 6, tuple?.infomask ?? 0, true);
    view.setUint8(at + 8, tuple?.hoff ?? 0);
  }

  #room(total: number): Block {
    const last = this.#last;
    if (last?.bytes !== undefined && last.used + total <= last.bytes.length) return last;
    const size = Math.min(FIRST_BLOCK_BYTES * 8 ** this.#blocks.length, BLOCK_BYTES);
    const bytes =
      size === FIRST_BLOCK_BYTES ? firstBlock(total) : new Uint8Array(Math.max(total, size));
    const block = { bytes, used: 0, at: 0 };
    this.#blocks.push(block);
    this.#last = block;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.bytes += bytes.length;
    return block;
  }

  /** Moves its blocks to the spill; later changes start a new block. */
  spill(spill: Spill): void {
    for (const block of this.#blocks) {
      if (block.bytes === undefined) continue;
      block.at = spill.write(block.bytes.subarray(0, block.used));
      block.bytes = undefined;
    }
    this.#last = undefined;
    this.bytes = 0;
    this.spilled = true;
  }

  /**
   * Its changes in order. A spilled block is read when its turn comes.
   * @param from in which block and where in it; in the end, where the next changes will be
   */
  *changes(spill: Spill, from = { block: 0, at: 0 }): Generator<Change, void, void> {
    const change = new Change();
    for (let index = from.block; index < this.#blocks.length; index++) {
      const block = this.#blocks[index]!;
      let at = index === from.block ? from.at : 0;
      if (at < block.used) {
        const bytes = block.bytes ?? spill.read(block.at, new Uint8Array(block.used));
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (; at < block.used; at += view.getUint32(at + 56, true)) {
          readChange(change, bytes, view, at);
          yield change;
        }
      }
      from.block = index;
      from.at = at;
    }
  }

  /** Those that it has not given before. */
  newChanges(spill: Spill): Generator<Change, void, void> {
    return this.changes(spill, this.#given);
  }
}

let shared = NO_BYTES;
let sharedUsed = 0;

function firstBlock(total: number): Uint8Array<ArrayBuffer> {
  if (total > FIRST_BLOCK_BYTES) return new Uint8Array(total);
  if (sharedUsed === shared.length) {
    shared = new Uint8Array(FIRST_BLOCKS * FIRST_BLOCK_BYTES);
    sharedUsed = 0;
  }
  const start = sharedUsed;
  sharedUsed += FIRST_BLOCK_BYTES;
  return shared.subarray(start, sharedUsed);
}

function readChange(change: Change, bytes: Uint8Array, view: DataView, at: number): void {
  change.position = view.getFloat64(at, true);
  change.end = view.getFloat64(at + 8, true);
  change.kind = bytes[at + 16] as ChangeKind;
  change.bits = bytes[at + 17]!;
  change.oldFrom = bytes[at + 18] as OldRow;
  change.tablespace = view.getUint32(at + 20, true);
  change.database = view.getUint32(at + 24, true);
  change.relfilenode = view.getUint32(at + 28, true);
  change.place = view.getUint32(at + 60, true);
  const start = at + HEADER_BYTES;
  const middle = start + view.getUint32(at + 32, true);
  change.newRow = bytes[at + 19] === 1 ? tupleAt(view, at + 32, bytes, start, middle) : undefined;
  change.payload = bytes.subarray(start, middle);
  const oldBytes = view.getUint32(at + 44, true);
  change.oldRow =
    oldBytes === 0 ? undefined : tupleAt(view, at + 44, bytes, middle, middle + oldBytes);
}

function tupleAt(
  view: DataView,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): StoredTuple {
  const infomask2 = view.getUint16(at + 4, true);
  const infomask = view.getUint16(at + 6, true);
  return { infomask2, infomask, hoff: view.getUint8(at + 8), bytes, start, end };
}
