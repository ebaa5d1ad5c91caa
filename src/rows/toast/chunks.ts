/** Chunks of values that are stored out of line, as a transaction's records bring them. */
import {
  AttributeState,
  type AttributeLayout,
  DeformedTuple,
  type StoredTuple,
} from "../../heap/tuple.ts";
import type { BlockReference } from "../../wal/block-reference.ts";
import type { PageStore } from "../pages/page-store.ts";
import { type ExternalValue, externalPayload, varlenaPayload } from "../../heap/varlena.ts";

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
  if (data === undefined) return undefined;
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

/** The memory of a chunk besides its bytes. */
const CHUNK_COST = 200;

/** The chunks of one value, by sequence number. */
export class ValueChunks {
  readonly #chunks = new Map<number, Uint8Array>();
  bytes = 0;

  /** The memory used. */
  get cost(): number {
    return this.bytes + this.#chunks.size * CHUNK_COST;
  }

  add(sequence: number, data: Uint8Array): void {
    this.bytes += data.length - (this.#chunks.get(sequence)?.length ?? 0);
    this.#chunks.set(sequence, data);
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

const KEPT_BYTES_MAX = 64 * 1024 * 1024;

/** Values kept beyond their transaction for old rows: the oldest are dropped first. */
export class KeptValues {
  readonly #values = new Map<string, ValueChunks>();
  #bytes = 0;

  add(toastRelation: number, { valueId, sequence, data }: Chunk): void {
    const key = `${toastRelation}/${valueId}`;
    const value = this.#values.get(key) ?? new ValueChunks();
    this.#values.delete(key);
    this.#values.set(key, value);
    const before = value.cost;
    value.add(sequence, Uint8Array.from(data));
    this.#bytes += value.cost - before;
    for (const [oldest, { cost }] of this.#values) {
      if (this.#bytes <= KEPT_BYTES_MAX) break;
      this.#values.delete(oldest);
      this.#bytes -= cost;
    }
  }

  payload(value: ExternalValue): Uint8Array | undefined {
    const key = `${value.toastRelation}/${value.valueId}`;
    return this.#values.get(key)?.payload(value);
  }
}
