import { GRID_ROWS_MIN } from "./measures.ts";
import type { RowChange } from "../../postgres/messages/messages.ts";
import { type TupleData, tupleEnd } from "../../postgres/messages/tuple.ts";
import type { Event } from "./event.ts";
import { isAlike, type Item } from "./items.ts";
import { Sheet } from "./sheet.ts";
import type { Canvas } from "./view.ts";

/** The number of items that are laid out together. */
const ITEMS_MAX = 100;
/** What their rows may have together. */
const SHELF_BYTES = 1 << 17;
/** A longer row is drawn without a copy, and without waiting for what follows. */
const COPIED_BYTES_MAX = 1 << 18;

/**
 * Items that are not drawn yet, and the UTF-8 bytes of those that are: the garbage collector does not have to move
 * bytes.
 */
export class Batch {
  readonly #sheet: Sheet;
  readonly #width: () => number;
  readonly #items: Item[] = [];
  readonly #shelf = new Shelf();
  /** Whether more of a transaction, or its end, follows. */
  #open = false;
  readonly #encoder = new TextEncoder();
  #bytes = new Uint8Array(4096);
  #length = 0;

  constructor(canvas: Canvas, width: () => number) {
    this.#sheet = new Sheet(canvas);
    this.#width = width;
  }

  add(item: Item): void {
    if (this.#items.length >= ITEMS_MAX) this.#draw();
    this.#items.push(item);
    if (item.kind === "open") this.#open = true;
    else if (item.kind === "close" || item.kind === "line") this.#open = false;
  }

  event(event: Event): void {
    this.add({ kind: "event", event });
  }

  /** Copies the row, since its views are valid only now. */
  row(message: RowChange, seen: TupleData | null): void {
    // This clears the shelf, so it precedes keep().
    if (this.#items.length >= ITEMS_MAX) this.#draw();
    if (this.#keep(message, seen)) return;
    this.#draw();
    if (this.#keep(message, seen)) return;
    const length = bytesOf([message.key, message.old, message.new, seen]);
    if (length <= COPIED_BYTES_MAX && this.#keep(message, seen, new Shelf(length))) return;
    this.#items.push({ kind: "row", message, seen: seen ?? undefined });
    this.#draw(true);
  }

  /** Lines that are not part of the output, such as those that are drawn in place. Call take() first. */
  lines(items: readonly Item[]): readonly string[] {
    const text = this.#sheet.draw(items, this.#width());
    return text.split("\n").slice(0, -1);
  }

  /**
   * Returns what was drawn since the last call, as a view that is valid until more is added.
   * @param all also the last rows of an open transaction: whether they are its end, or begin a grid, is not known, and the
   *   server usually sends at once what follows
   */
  take(all = false): Uint8Array {
    this.#draw(all);
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #keep(message: RowChange, seen: TupleData | null, shelf = this.#shelf): boolean {
    const kept = shelf.keep(message);
    const row = kept === undefined ? undefined : shelf.tuple(seen);
    if (kept === undefined || row === undefined) return false;
    this.#items.push({ kind: "row", message: kept, seen: row ?? undefined });
    return true;
  }

  #draw(all = false): void {
    const end = this.#items.length - (all || !this.#open ? 0 : this.#unplaced());
    if (end > 0) this.#append(this.#sheet.draw(this.#items, this.#width(), end));
    const held = this.#items.slice(end);
    this.#items.length = 0;
    this.#shelf.clear();
    // Each moves towards the shelf's beginning, in the order in which they lie there.
    for (const item of held) {
      // A very long row has a shelf of its own.
      if (item.kind === "row" && this.#keep(item.message, item.seen ?? null)) continue;
      this.#items.push(item);
    }
  }

  /** The number of items at the end that look different if more follows: the last one, or the beginning of a grid. */
  #unplaced(): number {
    const last = this.#items.at(-1);
    if (last?.kind !== "row") return last?.kind === "event" ? 1 : 0;
    for (let run = 1; run < GRID_ROWS_MIN; run++) {
      const before = this.#items.at(-1 - run);
      if (before === undefined && this.#sheet.isGoing(last)) return 1;
      if (before?.kind !== "row" || !isAlike(before, last)) return run;
    }
    return 1;
  }

  #append(text: string): void {
    const bytesMax = this.#length + text.length * 3;
    if (this.#bytes.length < bytesMax) {
      const larger = new Uint8Array(bytesMax * 2);
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#length += this.#encoder.encodeInto(text, this.#bytes.subarray(this.#length)).written;
  }
}

/** Keeps the rows of a batch: a received row is valid only until the next message. */
class Shelf {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #used = 0;

  constructor(capacity = SHELF_BYTES) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Undefined if there is no room left. */
  keep<Change extends RowChange>(message: Change): Change | undefined {
    const key = this.tuple(message.key);
    const old = this.tuple(message.old);
    const row = this.tuple(message.new);
    if (key === undefined || old === undefined || row === undefined) return undefined;
    return { ...message, key, old, new: row };
  }

  tuple<Tuple extends TupleData | null>(tuple: Tuple): Tuple | TupleData | undefined {
    if (tuple === null) return tuple;
    const end = tupleEnd(tuple);
    const start = this.#used;
    if (start + end - tuple.start > this.#bytes.length) return undefined;
    this.#bytes.set(tuple.bytes.subarray(tuple.start, end), start);
    this.#used += end - tuple.start;
    return { bytes: this.#bytes, view: this.#view, start, columnCount: tuple.columnCount };
  }

  clear(): void {
    this.#used = 0;
  }
}

/** What a shelf needs for these. */
function bytesOf(tuples: readonly (TupleData | null)[]): number {
  return tuples.reduce(
    (sum, tuple) => sum + (tuple === null ? 0 : tupleEnd(tuple) - tuple.start),
    0,
  );
}
