import type { Relation, RowChange } from "../../postgres/messages/messages.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import { ColumnCursor, type TupleData, tupleEnd } from "../../postgres/messages/tuple.ts";

/** Rows and their index together take 16 MB. */
const ROW_BYTES_MAX = 12 << 20;
/** Row bytes for each slot of the index, of four bytes each. */
const BYTES_PER_SLOT = 24;
/** Longer rows are not remembered. */
const ONE_ROW_BYTES_MAX = 1 << 16;
const KEY_BYTES_MAX = 4096;
/** Places of the index in which a row may stand. */
const PROBES = 8;
/** Uint32 hash, length of it all, table, length of the key; Uint32 columns. Then the key and the row. */
const HEADER_BYTES = 20;
const VALUE_KINDS: ReadonlySet<number> = new Set([ColumnKind.text, ColumnKind.binary]);

const NOW = new ColumnCursor();
const SEEN = new ColumnCursor();

/**
 * The rows that came, by table and key, so that an update or a delete can be compared with what came earlier. They
 * lie one behind the other in a ring of bytes; new rows overwrite the oldest ones.
 */
export class SeenRows {
  /** The operating system provides only the pages that are used. */
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Offsets plus 1; 0 if free. */
  readonly #index: Int32Array;
  /** Where the next row goes. */
  #head = 0;
  /** The oldest row and the end of those behind it, once the ring has wrapped around. */
  #old: { start: number; readonly end: number } | undefined;
  readonly #tables = new Map<number, { relation: Relation; id: number }>();
  #nextTable = 1;
  readonly #key = new Uint8Array(KEY_BYTES_MAX);

  constructor(bytesMax = ROW_BYTES_MAX) {
    this.#bytes = new Uint8Array(bytesMax);
    this.#view = new DataView(this.#bytes.buffer);
    this.#index = new Int32Array(slotsFor(bytesMax));
  }

  /**
   * Returns the earlier version of the row that is updated or deleted, unless the server sent it. It is valid until
   * follow().
   */
  before({ kind, relation, key, old, new: row }: RowChange): TupleData | null {
    const identified = key ?? row;
    if (kind === "insert" || old !== null || identified === null) return null;
    return this.find(relation, identified) ?? null;
  }

  /** Remembers the row as changed, or forgets it: while the commit is not known, the change may yet be rolled back. */
  follow(change: RowChange): void {
    const { kind, relation, transaction, key, old, new: row } = change;
    const remembered = transaction?.commitTime !== null;
    const lacks = remembered && kind === "update" && row !== null && hasUnchanged(row);
    const seen = lacks ? this.before(change) : null;
    // Copied before the row makes room for itself.
    const whole = lacks && seen !== null ? filled(row, seen) : row;
    const gone = key ?? (kind === "delete" ? old : null);
    if (gone !== null) this.forget(relation, gone);
    if (whole === null) return;
    if (remembered) this.remember(relation, whole, tupleEnd(whole));
    else this.forget(relation, whole);
  }

  /** Returns the last row with the same key as `row`. It is valid until the next row is remembered. */
  find(relation: Relation, row: TupleData): TupleData | undefined {
    const keyLength = this.#keyOf(relation, row);
    if (keyLength === undefined) return undefined;
    const table = this.#tableOf(relation);
    const slot = this.#slotOf(hashOf(this.#key, keyLength, table), table, keyLength);
    if (slot === undefined) return undefined;
    const at = (this.#index[slot] ?? 0) - 1;
    return {
      bytes: this.#bytes,
      view: this.#view,
      start: at + HEADER_BYTES + keyLength,
      columnCount: this.#view.getUint32(at + 16),
    };
  }

  remember(relation: Relation, row: TupleData, end: number): void {
    const keyLength = this.#keyOf(relation, row);
    if (keyLength === undefined) return;
    const table = this.#tableOf(relation);
    const hash = hashOf(this.#key, keyLength, table);
    const slot = this.#slotOf(hash, table, keyLength);
    const rowLength = end - row.start;
    if (rowLength > ONE_ROW_BYTES_MAX) return this.#free(slot);
    const length = HEADER_BYTES + keyLength + rowLength;
    const known = (this.#index[slot ?? -1] ?? 0) - 1;
    const view = this.#view;
    // As long as no row has to give way, an update takes no room of its own.
    if (known >= 0 && this.#old === undefined && length <= view.getUint32(known + 4)) {
      this.#bytes.set(row.bytes.subarray(row.start, end), known + HEADER_BYTES + keyLength);
      return;
    }
    const at = this.#makeRoom(length);
    if (at === undefined) return this.#free(slot);
    view.setUint32(at, hash);
    view.setUint32(at + 4, length);
    view.setUint32(at + 8, table);
    view.setUint32(at + 12, keyLength);
    view.setUint32(at + 16, row.columnCount);
    const bytes = this.#bytes;
    for (let index = 0; index < keyLength; index++)
      bytes[at + HEADER_BYTES + index] = this.#key[index] ?? 0;
    bytes.set(row.bytes.subarray(row.start, end), at + HEADER_BYTES + keyLength);
    this.#head = at + length;
    this.#index[this.#slotOf(hash, table, keyLength) ?? this.#slotFor(hash)] = at + 1;
  }

  /** Forgets the row with that key. */
  forget(relation: Relation, row: TupleData): void {
    const keyLength = this.#keyOf(relation, row);
    if (keyLength === undefined) return;
    const table = this.#tableOf(relation);
    this.#free(this.#slotOf(hashOf(this.#key, keyLength, table), table, keyLength));
  }

  forgetTable(relation: Relation): void {
    this.#tables.delete(relation.oid);
  }

  clear(): void {
    this.#index.fill(0);
    this.#head = 0;
    this.#old = undefined;
  }

  /**
   * After each announcement the rows count as those of another table. The server repeats it for many reasons, and one
   * is an ALTER TABLE that gives the rows other values and leaves the columns alike (ALTER COLUMN … USING).
   */
  #tableOf(relation: Relation): number {
    const known = this.#tables.get(relation.oid);
    if (known?.relation === relation) return known.id;
    const id = this.#nextTable++;
    this.#tables.set(relation.oid, { relation, id });
    return id;
  }

  /** Writes the key's columns to #key. Undefined if the row has no unique key. */
  #keyOf(relation: Relation, { bytes, view, start, columnCount }: TupleData): number | undefined {
    if (!relation.keyed || relation.replicaIdentity === "full") return undefined;
    const { columns } = relation;
    const key = this.#key;
    let length = 0;
    let at = start;
    for (let column = 0; column < columnCount; column++) {
      const from = at;
      const kind = view.getUint8(at++);
      const hasValue = VALUE_KINDS.has(kind);
      if (hasValue) at += 4 + view.getUint32(at);
      if (columns[column]?.key !== true) continue;
      if (!hasValue || length + at - from > KEY_BYTES_MAX) return undefined;
      for (let index = from; index < at; index++) key[length++] = bytes[index] ?? 0;
    }
    return length === 0 ? undefined : length;
  }

  /** Returns the index's slot of the row with the key in #key. */
  #slotOf(hash: number, table: number, keyLength: number): number | undefined {
    const index = this.#index;
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (hash + probe) & (index.length - 1);
      const at = (index[slot] ?? 0) - 1;
      if (at >= 0 && this.#isAt(at, hash, table, keyLength)) return slot;
    }
    return undefined;
  }

  #isAt(at: number, hash: number, table: number, keyLength: number): boolean {
    const view = this.#view;
    if (view.getUint32(at) !== hash || view.getUint32(at + 8) !== table) return false;
    if (view.getUint32(at + 12) !== keyLength) return false;
    for (let index = 0; index < keyLength; index++) {
      if (this.#bytes[at + HEADER_BYTES + index] !== this.#key[index]) return false;
    }
    return true;
  }

  /** Returns a free slot, or the slot of the oldest row that could be there. */
  #slotFor(hash: number): number {
    const index = this.#index;
    let oldest = hash & (index.length - 1);
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (hash + probe) & (index.length - 1);
      if (index[slot] === 0) return slot;
      if (this.#ageOf(slot) < this.#ageOf(oldest)) oldest = slot;
    }
    return oldest;
  }

  #ageOf(slot: number): number {
    const at = (this.#index[slot] ?? 0) - 1;
    return this.#old !== undefined && at < this.#old.start ? at + this.#bytes.length : at;
  }

  #free(slot: number | undefined): void {
    if (slot !== undefined) this.#index[slot] = 0;
  }

  /** Returns a place of that length. Undefined if there is none. */
  #makeRoom(length: number): number | undefined {
    if (length > this.#bytes.length) return undefined;
    if (this.#old === undefined && this.#head + length > this.#bytes.length) {
      this.#old = { start: 0, end: this.#head };
      this.#head = 0;
    }
    while (this.#old !== undefined && this.#head + length > this.#old.start) {
      this.#dropOldest(this.#old);
      if (this.#old.start < this.#old.end) continue;
      this.#old = undefined;
      return this.#makeRoom(length);
    }
    return this.#head;
  }

  #dropOldest(old: { start: number }): void {
    const at = old.start;
    const hash = this.#view.getUint32(at);
    for (let probe = 0; probe < PROBES; probe++) {
      const slot = (hash + probe) & (this.#index.length - 1);
      if (this.#index[slot] === at + 1) this.#index[slot] = 0;
    }
    old.start += this.#view.getUint32(at + 4);
  }
}

/** The row, with the seen values of columns that the server did not send because they did not change (TOAST). */
function filled(row: TupleData, seen: TupleData): TupleData {
  const pieces: Uint8Array[] = [];
  NOW.attach(row);
  SEEN.attach(seen);
  for (let column = 0; column < row.columnCount; column++) {
    const [now, before] = [NOW.end, SEEN.end];
    NOW.next();
    SEEN.next();
    const isSent = NOW.kind !== ColumnKind.unchanged;
    pieces.push(isSent ? row.bytes.subarray(now, NOW.end) : SEEN.bytes.subarray(before, SEEN.end));
  }
  const bytes = new Uint8Array(Buffer.concat(pieces));
  return { bytes, view: new DataView(bytes.buffer), start: 0, columnCount: row.columnCount };
}

function hasUnchanged(row: TupleData): boolean {
  NOW.attach(row);
  for (let column = 0; column < row.columnCount; column++) {
    NOW.next();
    if (NOW.kind === ColumnKind.unchanged) return true;
  }
  return false;
}

/** A power of two. */
function slotsFor(bytes: number): number {
  return 2 ** Math.floor(Math.log2(Math.max(bytes / BYTES_PER_SLOT, PROBES)));
}

/** FNV-1a. */
function hashOf(key: Uint8Array, length: number, table: number): number {
  let hash = 0x811c9dc5 ^ table;
  for (let index = 0; index < length; index++) {
    hash = Math.imul(hash ^ (key[index] ?? 0), 0x01000193);
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
