import type { BlockReference } from "../postgres/records/block-reference.ts";
import { readInsert, readNewTuple, readUpdate } from "../postgres/records/heap.ts";
import { unlessShort } from "../postgres/records/payload.ts";
import { FirstTuple } from "./first-tuple.ts";
import type { WalRecord } from "../postgres/records/record.ts";

/** How many bytes of a row are kept: the fixed-length columns that are used. */
const CLASS_BYTES = 136;
/** When there are more, the oldest are dropped. */
const KEPT_MAX = 50_000;

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
    const insert = unlessShort(() => readInsert(record));
    if (insert === undefined) return undefined;
    const row = this.#tuple.of(record, insert.offset, CLASS_BYTES);
    return this.#keep(`${database}/${block}/${insert.offset}`, row);
  }

  /** The new row of an UPDATE or HOT_UPDATE. */
  updated(record: WalRecord): DataView | undefined {
    const page = record.blockById(0);
    const update = unlessShort(() => readUpdate(record));
    if (page === undefined || update === undefined) return undefined;
    const { flags, newOffset, oldOffset } = update;
    const oldBlock = record.blockById(1)?.block ?? page.block;
    const old = this.#rows.get(`${page.database}/${oldBlock}/${oldOffset}`);
    const row =
      page.dataBytes === 0
        ? this.#tuple.of(record, newOffset, CLASS_BYTES)
        : unlessShort(() => joined(record, page, flags, old));
    return this.#keep(`${page.database}/${page.block}/${newOffset}`, row);
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

/** All columns that are read here have fixed lengths, so bytes from the old row keep their offsets. */
function joined(
  record: WalRecord,
  page: BlockReference,
  flags: number,
  old: Uint8Array | undefined,
): DataView | undefined {
  const { columns, end, prefix } = readNewTuple(record, page, flags);
  const middle = record.bytes.subarray(columns, end);
  const row = new Uint8Array(CLASS_BYTES);
  const whole = prefix === 0 && middle.length >= CLASS_BYTES;
  if (old === undefined && !whole) return undefined;
  if (old !== undefined) row.set(old);
  if (prefix < CLASS_BYTES) row.set(middle.subarray(0, CLASS_BYTES - prefix), prefix);
  return new DataView(row.buffer);
}
