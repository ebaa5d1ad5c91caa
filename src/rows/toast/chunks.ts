/** Chunks of values that are stored out of line, as a transaction's records bring them. */
import {
  AttributeState,
  type AttributeLayout,
  DeformedTuple,
  type StoredTuple,
} from "../../postgres/tuples/tuple.ts";
import type { BlockReference } from "../../postgres/records/block-reference.ts";
import type { PageStore } from "../pages/page-store.ts";
import { PairMap } from "../pages/pair-map.ts";
import { MEMORY_BYTES, type Spill } from "../pages/spill.ts";
import { PAGE_BYTES } from "../../postgres/pages/page.ts";
import {
  type ExternalValue,
  externalPayload,
  varlenaPayload,
} from "../../postgres/tuples/varlena.ts";

/** A row of a TOAST table. `data` is a view of the tuple. */
export interface Chunk {
  readonly valueId: number;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** chunk_id oid, chunk_seq int4, chunk_data bytea */
const ATTRIBUTES: readonly AttributeLayout[] = [
  { length: 4, align: 4 },
  { length: 4, align: 4 },
  { length: -1, align: 4 },
];
const deformed = new DeformedTuple();

/** Undefined if it is not a chunk. */
export function chunkOf(tuple: StoredTuple): Chunk | undefined {
  if (!deformed.deform(tuple, ATTRIBUTES)) return undefined;
  const { starts, ends, state } = deformed;
  for (let index = 0; index < 3; index++) {
    if (state[index] !== AttributeState.stored) return undefined;
  }
  const { bytes } = tuple;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const data = varlenaPayload(bytes, starts[2]!, ends[2]!);
  if (data === undefined || data.length > PAGE_BYTES) return undefined;
  return {
    valueId: view.getUint32(starts[0]!, true),
    sequence: view.getInt32(starts[1]!, true),
    data,
  };
}

/** MaxHeapTuplesPerPage */
const ITEMS_MAX = 291;

/** All of a page. */
export function* chunksOf(pages: PageStore, block: BlockReference): Generator<Chunk, void, void> {
  for (let item = 1; item <= ITEMS_MAX; item++) {
    const tuple = pages.tupleAt(block, block.block, item);
    const chunk = tuple === undefined ? undefined : chunkOf(tuple);
    if (chunk !== undefined) yield chunk;
  }
}

/** The chunks of one value, by sequence number. */
class ValueChunks {
  readonly #chunks = new Map<number, Uint8Array>();
  bytes = 0;

  add(sequence: number, data: Uint8Array): void {
    this.bytes += data.length - (this.#chunks.get(sequence)?.length ?? 0);
    this.#chunks.set(sequence, data);
  }

  /** Adds it unless there is one of that number. */
  addOlder(sequence: number, data: Uint8Array): void {
    if (!this.#chunks.has(sequence)) this.add(sequence, data);
  }

  /** Undefined if some are missing or belong to another value. */
  payload(value: ExternalValue): Uint8Array | undefined {
    if (this.bytes !== value.storedSize) return undefined;
    const joined = new Uint8Array(this.bytes);
    let at = 0;
    for (let sequence = 0; sequence < this.#chunks.size; sequence++) {
      const chunk = this.#chunks.get(sequence);
      if (chunk === undefined) return undefined;
      joined.set(chunk, at);
      at += chunk.length;
    }
    return externalPayload(value, joined);
  }
}

/** The chunks that the transaction's next row may need; forgotten when logical decoding forgets them. */
export class TransactionChunks {
  readonly #values = new Map<number, ValueChunks>();

  add({ valueId, sequence, data }: Chunk): void {
    let value = this.#values.get(valueId);
    if (value === undefined) this.#values.set(valueId, (value = new ValueChunks()));
    value.add(sequence, data);
  }

  payload(value: ExternalValue): Uint8Array | undefined {
    return this.#values.get(value.valueId)?.payload(value);
  }

  clear(): void {
    if (this.#values.size > 0) this.#values.clear();
  }
}

/*
 * A piece is a value's chunks as they came in a row, at a multiple of PLACE_BYTES: uint32 place of the piece before it (0: there is
 * none), uint32 bytes of the chunks; each of them: uint32 sequence, uint32 length, data
 */
const PLACE_BYTES = 128;
const HEADER_BYTES = 8;
/** So much is read with a piece for the headers of its chunks, at a time. */
const CHUNK_BYTES_MIN = 256;
const FIRST_BYTES = 64 * 1024;

/** Values kept beyond their transaction for old rows: in the end in a file. */
export class KeptValues {
  readonly #spill: Spill;
  readonly #bytesMax: number;
  /** The place of each value's last piece, by TOAST table and value. */
  readonly #places = new PairMap();
  /** What is not in the file yet, from `#from` on. */
  #buffer = Buffer.alloc(FIRST_BYTES);
  #used = 0;
  #from = PLACE_BYTES;
  /** The last piece, while it can grow. */
  #last = { relation: 0, valueId: 0, sequence: 0, at: 0 };
  /** For the pieces that are read; the system gives it as much memory as the largest of them took. */
  #piece: Buffer | undefined;

  constructor(spill: Spill, bytesMax = MEMORY_BYTES / 8) {
    this.#spill = spill;
    this.#bytesMax = bytesMax;
  }

  add(relation: number, { valueId, sequence, data }: Chunk): void {
    const last = this.#last;
    const follows =
      last.relation === relation && last.valueId === valueId && last.sequence + 1 === sequence;
    const room = HEADER_BYTES + data.length;
    if (!follows || !this.#fits(room)) this.#begin(relation, valueId, HEADER_BYTES + room);
    const buffer = this.#buffer;
    const at = this.#used;
    buffer.writeUInt32LE(sequence, at);
    buffer.writeUInt32LE(data.length, at + 4);
    buffer.set(data, at + HEADER_BYTES);
    this.#used += room;
    this.#last = { ...this.#last, sequence };
    buffer.writeUInt32LE(this.#used - this.#last.at - HEADER_BYTES, this.#last.at + 4);
  }

  payload(value: ExternalValue): Uint8Array | undefined {
    const { toastRelation, valueId, storedSize } = value;
    const found = new ValueChunks();
    let place = this.#places.get(toastRelation, valueId);
    for (let first = true; place !== 0 && found.bytes < storedSize; first = false) {
      const piece = this.#read(place * PLACE_BYTES, storedSize, first);
      const end = HEADER_BYTES + piece.readUInt32LE(4);
      for (let at = HEADER_BYTES; at < end;) {
        const start = at + HEADER_BYTES;
        const length = piece.readUInt32LE(at + 4);
        found.addOlder(piece.readUInt32LE(at), piece.subarray(start, start + length));
        at = start + length;
      }
      place = piece.readUInt32LE(0);
    }
    return found.payload(value);
  }

  #begin(relation: number, valueId: number, room: number): void {
    this.#used = aligned(this.#used);
    if (!this.#fits(room)) {
      this.#spill.write(this.#buffer.subarray(0, this.#used), this.#from);
      this.#from += this.#used;
      this.#used = 0;
    }
    const at = this.#used;
    this.#buffer.writeUInt32LE(this.#places.get(relation, valueId), at);
    this.#places.set(relation, valueId, (this.#from + at) / PLACE_BYTES);
    this.#used += HEADER_BYTES;
    this.#last = { relation, valueId, sequence: 0, at };
  }

  /** Makes the buffer larger where it may be. */
  #fits(room: number): boolean {
    const needed = aligned(this.#used + room);
    if (needed <= this.#buffer.length) return true;
    const size = Math.min(this.#buffer.length * 2, this.#bytesMax);
    if (needed > size) return false;
    this.#buffer = Buffer.concat([this.#buffer], size);
    return true;
  }

  /**
   * All of the piece, by one read unless it has other chunks too. The first one of a value is valid until another value
   * is read.
   */
  #read(at: number, size: number, first: boolean): Buffer {
    if (at >= this.#from) return this.#buffer.subarray(at - this.#from);
    const guess = HEADER_BYTES + size + Math.ceil(size / CHUNK_BYTES_MIN + 1) * HEADER_BYTES;
    const piece = this.#readBytes(at, guess, first);
    const length = HEADER_BYTES + piece.readUInt32LE(4);
    return length <= piece.length ? piece : this.#readBytes(at, length, first);
  }

  #readBytes(at: number, length: number, first: boolean): Buffer {
    const size = Math.min(length, this.#from - at);
    const isReused = first && size <= this.#bytesMax;
    const bytes = isReused
      ? (this.#piece ??= Buffer.allocUnsafeSlow(this.#bytesMax)).subarray(0, size)
      : Buffer.allocUnsafeSlow(size);
    this.#spill.read(at, bytes);
    return bytes;
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / PLACE_BYTES) * PLACE_BYTES;
}
