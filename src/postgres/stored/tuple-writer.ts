import { ColumnKind } from "../messages/tags.ts";
import type { TupleData } from "../messages/tuple.ts";
import { prepareDigits } from "../types/digits.ts";
import { TextBuffer } from "../types/text-buffer.ts";

/** A larger buffer is dropped after the row that needed it. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024;

/** Writes the columns of one TupleData after another. The result of tuple() is valid until begin(). */
export class TupleWriter extends TextBuffer {
  #columns = 0;

  constructor() {
    super();
    prepareDigits();
  }

  begin(): void {
    if (this.bytes.length > KEPT_BYTES_MAX) this.replace();
    this.offset = 0;
    this.#columns = 0;
  }

  tuple(): TupleData {
    return { bytes: this.bytes, view: this.view, start: 0, columnCount: this.#columns };
  }

  null(): void {
    this.reserve(1);
    this.bytes[this.offset++] = ColumnKind.null;
    this.#columns++;
  }

  unchanged(): void {
    this.reserve(1);
    this.bytes[this.offset++] = ColumnKind.unchanged;
    this.#columns++;
  }

  /** Makes room for a column of `length` bytes at most, and writes its head. Returns where the value starts. */
  open(kind: number, length: number): number {
    this.reserve(length + 5);
    this.bytes[this.offset] = kind;
    this.offset += 5;
    return this.offset;
  }

  /** Ends, at `offset`, the column that open() began at `start`. */
  close(start: number): void {
    this.view.setInt32(start - 4, this.offset - start);
    this.#columns++;
  }

  /** Removes the column that open() began at `start`. */
  cancel(start: number): void {
    this.offset = start - 5;
  }
}
