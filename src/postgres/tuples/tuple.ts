/**
 * The places of a stored tuple's attributes (access/htup_details.h, heap_deform_tuple).
 * Law: attributes and tuple fit exactly, to the last byte, or the row is not known.
 */
import { varlenaEnd } from "./varlena.ts";

/** attlen, and attalign in bytes: 1, 2, 4 or 8. Dropped columns have them too: they still take room. */
export interface AttributeLayout {
  /** -1: varlena, -2: cstring */
  readonly length: number;
  readonly align: number;
}

/**
 * The part of a tuple that WAL and a page share: bytes[start, end) after its 23-byte header; the null bitmap is first.
 */
export interface StoredTuple {
  readonly infomask2: number;
  readonly infomask: number;
  readonly hoff: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** HeapTupleHeaderData without padding. */
export const TUPLE_HEADER_BYTES = 23;
/** The room in infomask2; MaxHeapAttributeNumber is less. */
const ATTRIBUTES_MASK = 0x7ff;
const HAS_NULLS = 0x0001;

/** The result of deform() for an attribute. */
export const AttributeState = {
  null: 0,
  /** The attribute was added after the row was written: its missing value counts. */
  absent: 1,
  /** bytes[starts[i], ends[i]), of a varlena with its header. */
  stored: 2,
} as const;

const FIRST_CAPACITY = 64;

/** Of attributes: arrays of numbers are read faster. */
interface Layout {
  readonly lengths: Int32Array;
  readonly alignMasks: Int32Array;
}

const layouts = new WeakMap<readonly AttributeLayout[], Layout>();

function layoutOf(attributes: readonly AttributeLayout[]): Layout {
  let layout = layouts.get(attributes);
  if (layout === undefined) {
    layout = {
      lengths: Int32Array.from(attributes, ({ length }) => length),
      alignMasks: Int32Array.from(attributes, ({ align }) => align - 1),
    };
    layouts.set(attributes, layout);
  }
  return layout;
}

/** Finds the attributes of one tuple after another, by index from 0. */
export class DeformedTuple {
  starts: Int32Array = new Int32Array(FIRST_CAPACITY);
  ends: Int32Array = new Int32Array(FIRST_CAPACITY);
  state: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  /** The number of attributes. */
  count = 0;
  #attributes: readonly AttributeLayout[] = [];
  #layout: Layout = layoutOf([]);

  /** Returns false if tuple and attributes do not fit: they are damaged, or from different times. */
  deform(tuple: StoredTuple, attributes: readonly AttributeLayout[]): boolean {
    const { bytes, end, start } = tuple;
    const count = attributes.length;
    const stored = tuple.infomask2 & ATTRIBUTES_MASK;
    const origin = start + tuple.hoff - TUPLE_HEADER_BYTES;
    const hasNulls = (tuple.infomask & HAS_NULLS) !== 0;
    const bitmapBytes = hasNulls ? (stored + 7) >> 3 : 0;
    if (stored > count || origin < start + bitmapBytes || origin > end || end > bytes.length) {
      return false;
    }
    if (attributes !== this.#attributes) this.#prepare(attributes);
    const { ends, starts, state } = this;
    const { lengths, alignMasks } = this.#layout;
    this.count = count;
    let at = origin;
    for (let index = 0; index < stored; index++) {
      if (hasNulls && (bytes[start + (index >> 3)]! & (1 << (index & 7))) === 0) {
        state[index] = AttributeState.null;
        continue;
      }
      const length = lengths[index]!;
      // A varlena that is short or out of line is never aligned; a zero there is padding.
      if (length !== -1 || bytes[at] === 0) at += (origin - at) & alignMasks[index]!;
      const next = length >= 0 ? at + length : endOf(bytes, at, end, length);
      if (next < 0 || next > end) return false;
      state[index] = AttributeState.stored;
      starts[index] = at;
      ends[index] = next;
      at = next;
    }
    state.fill(AttributeState.absent, stored, count);
    return at === end;
  }

  #prepare(attributes: readonly AttributeLayout[]): void {
    const count = attributes.length;
    this.#attributes = attributes;
    this.#layout = layoutOf(attributes);
    if (count <= this.starts.length) return;
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
    this.state = new Uint8Array(count);
  }
}

/** -1: it does not end before `end`. */
function endOf(bytes: Uint8Array, start: number, end: number, length: number): number {
  if (length === -1) return varlenaEnd(bytes, start, end);
  const nul = length === -2 ? bytes.indexOf(0, start) : -1;
  return nul < 0 || nul >= end ? -1 : nul + 1;
}
