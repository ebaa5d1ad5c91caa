import { safeJson } from "../bytes/json-line.ts";
import type { Lsn } from "../../lsn.ts";
import { type PgTime, formatPgTime } from "../../pg-time.ts";
import type { DetailRow, DetailSink } from "./detail/sink.ts";
import { type ByteWriter, type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString } from "../bytes/json-text.ts";
import { writeUnsigned } from "./decimal.ts";

const TRUE = piece("true");
const FALSE = piece("false");
const COMMA = 0x2c;

/** Writes a payload's keys and values as the members of a JSON object. */
export class NdjsonDetail implements DetailSink {
  readonly #out: ByteWriter;
  #first = true;
  /** `"key":`, with and without a leading comma. */
  readonly #keys = new Map<string, readonly [Piece, Piece]>();
  readonly #names = new Map<readonly string[], Piece>();

  constructor(out: ByteWriter) {
    this.#out = out;
  }

  begin(): void {
    this.#first = true;
  }

  /** Whether nothing was written. */
  get isEmpty(): boolean {
    return this.#first;
  }

  number(key: string, value: number): void {
    this.#key(key);
    if (value >= 0) writeUnsigned(this.#out, value);
    else this.#out.text(String(value));
  }

  bool(key: string, value: boolean): void {
    this.#key(key);
    this.#out.piece(value ? TRUE : FALSE);
  }

  text(key: string, value: string): void {
    this.#key(key);
    this.#out.text(jsonString(value));
  }

  lsn(key: string, value: Lsn): void {
    this.#key(key);
    this.#out.position(Number(value >> 32n), Number(value & 0xffff_ffffn));
  }

  time(key: string, value: PgTime): void {
    this.#key(key);
    this.#out.text(`"${formatPgTime(value)}"`);
  }

  names(key: string, value: readonly string[]): void {
    this.#key(key);
    let known = this.#names.get(value);
    if (known === undefined) this.#names.set(value, (known = piece(safeJson(value))));
    this.#out.piece(known);
  }

  numbers(key: string, value: readonly number[]): void {
    this.#key(key);
    const out = this.#out;
    out.byte(0x5b); // [
    for (const [index, each] of value.entries()) {
      if (index > 0) out.byte(COMMA);
      writeUnsigned(out, each);
    }
    out.byte(0x5d); // ]
  }

  rows(key: string, value: readonly DetailRow[]): void {
    this.#key(key);
    this.#out.text(safeJson(value));
  }

  #key(key: string): void {
    let pieces = this.#keys.get(key);
    if (pieces === undefined) {
      pieces = [piece(`,"${key}":`), piece(`"${key}":`)];
      this.#keys.set(key, pieces);
    }
    this.#out.piece(this.#first ? pieces[1] : pieces[0]);
    this.#first = false;
  }
}
