import { FirstTuple } from "./first-tuple.ts";
import type { WalRecord } from "./record.ts";

/** How many bytes of a row are kept: the fixed-length columns that are used. */
const CLASS_BYTES = 136;
/** When there are more, the oldest are dropped. */
const KEPT_MAX = 50_000;

const UPDATE_BYTES = 14;
const PREFIX_FROM_OLD = 0x20;
const SUFFIX_FROM_OLD = 0x40;
const HEAP_HEADER_BYTES = 5;
const TUPLE_HEADER_BYTES = 23;

/**
 * Rows of pg_class by their position in the table, as far as the log contains them. An update of a catalogue leaves out
 * the bytes that equal the old row's, so the old row is needed, and is found by its position.
 */
export class ClassRows {
  readonly #rows = new Map<string, Uint8Array>();
  readonly #tuple = new FirstTuple();

  /** The row of a Heap INSERT. Undefined if not known. */
  inserted(record: WalRecord): DataView | undefined {
    const { database, block } = record.blocks[0]!;
    if (record.mainBytes < 2) return undefined;
    const item = record.view.getUint16(record.mainStart, true);
    return this.#keep(`${database}/${block}/${item}`, this.#tuple.of(record, item, CLASS_BYTES));
  }

  /** The new row of an UPDATE or HOT_UPDATE. Block 1 is the old row's block if that is another one. */
  updated(record: WalRecord): DataView | undefined {
    const { view, mainStart, mainBytes } = record;
    const page = record.blockById(0);
    if (page === undefined || mainBytes < UPDATE_BYTES) return undefined;
    const oldBlock = record.blockById(1)?.block ?? page.block;
    const oldItem = view.getUint16(mainStart + 4, true);
    const flags = view.getUint8(mainStart + 7);
    const item = view.getUint16(mainStart + 12, true);
    const old = this.#rows.get(`${page.database}/${oldBlock}/${oldItem}`);
    const row =
      page.dataBytes === 0
        ? this.#tuple.of(record, item, CLASS_BYTES)
        : joined(record.blockData(page), flags, old);
    return this.#keep(`${page.database}/${page.block}/${item}`, row);
  }

  /** The database's pg_class was rewritten: its rows have new positions. */
  forget(database: number): void {
    for (const key of this.#rows.keys()) {
      if (key.startsWith(`${database}/`)) this.#rows.delete(key);
    }
  }

  /** The earlier row at this position is gone, whether the new one is known or not. */
  #keep(key: string, row: DataView | undefined): DataView | undefined {
    this.#rows.delete(key);
    if (row === undefined) return undefined;
    const bytes = new Uint8Array(row.buffer, row.byteOffset, CLASS_BYTES).slice();
    this.#rows.set(key, bytes);
    if (this.#rows.size > KEPT_MAX) {
      const [oldest] = this.#rows.keys();
      if (oldest !== undefined) this.#rows.delete(oldest);
    }
    return new DataView(bytes.buffer);
  }
}

/**
 * [uint16 prefix], [uint16 suffix], xl_heap_header, null bitmap, and the bytes between prefix and suffix. All columns
 * that are read here have fixed lengths, so bytes from the old row keep their offsets.
 */
function joined(
  data: Uint8Array,
  flags: number,
  old: Uint8Array | undefined,
): DataView | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const counts =
    ((flags & PREFIX_FROM_OLD) === 0 ? 0 : 2) + ((flags & SUFFIX_FROM_OLD) === 0 ? 0 : 2);
  if (data.length < counts + HEAP_HEADER_BYTES) return undefined;
  const prefix = (flags & PREFIX_FROM_OLD) === 0 ? 0 : view.getUint16(0, true);
  const hoff = view.getUint8(counts + HEAP_HEADER_BYTES - 1);
  const start = counts + HEAP_HEADER_BYTES + hoff - TUPLE_HEADER_BYTES;
  if (hoff < TUPLE_HEADER_BYTES || start > data.length) return undefined;
  const middle = data.subarray(start);
  const row = new Uint8Array(CLASS_BYTES);
  const whole = prefix === 0 && middle.length >= CLASS_BYTES;
  if (old === undefined && !whole) return undefined;
  if (old !== undefined) row.set(old);
  if (prefix < CLASS_BYTES) row.set(middle.subarray(0, CLASS_BYTES - prefix), prefix);
  return new DataView(row.buffer);
}
