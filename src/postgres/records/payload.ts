import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { BlockReference } from "./block-reference.ts";
import type { WalRecord } from "./record.ts";

/**
 * The payload is shorter than this kind of record requires. Its checksum matched, so the rest of the record is valid.
 */
export class ShortPayload extends Error {
  override readonly name = "ShortPayload";
}

/** What `read` returns. Undefined if the payload is too short for it. */
export function unlessShort<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ShortPayload) return undefined;
    throw error;
  }
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const EMPTY = new Uint8Array(0);

/** A bounds-checked cursor over the main data of a record, or the data of a block. */
export class Payload {
  #bytes: Uint8Array = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);
  #at = 0;
  #end = 0;

  main(record: WalRecord): this {
    return this.#attach(record, record.mainStart, record.mainBytes);
  }

  block(record: WalRecord, { dataStart, dataBytes }: BlockReference): this {
    return this.#attach(record, dataStart, dataBytes);
  }

  /** Main data that was kept. */
  kept(bytes: Uint8Array): this {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return this.#attach({ bytes, view }, 0, bytes.length);
  }

  #attach({ bytes, view }: Pick<WalRecord, "bytes" | "view">, start: number, length: number): this {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = start;
    this.#end = start + length;
    return this;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  skip(length: number): this {
    this.#advance(length);
    return this;
  }

  /** Advances to a multiple of `unit`, counted from where `start` bytes were left. */
  align(unit: number, start: number): void {
    const used = start - this.left;
    this.#advance((unit - (used % unit)) % unit);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  bool(): boolean {
    return this.u8() !== 0;
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  lsn(): Lsn {
    return this.#view.getBigUint64(this.#advance(8), true) as Lsn;
  }

  /** TimestampTz. */
  time(): PgTime {
    return this.#view.getBigInt64(this.#advance(8), true) as PgTime;
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  /** Reads a count of items that take `itemBytes` each. */
  count(itemBytes: number): number {
    const count = this.i32();
    if (count < 0 || count * itemBytes > this.left) throw new ShortPayload();
    return count;
  }

  u32s(count: number): number[] {
    if (count * 4 > this.left) throw new ShortPayload();
    return Array.from({ length: count }, () => this.u32());
  }

  u16s(count: number): number[] {
    if (count * 2 > this.left) throw new ShortPayload();
    return Array.from({ length: count }, () => this.u16());
  }

  /** Reads `length` bytes, without a copy. */
  bytes(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Reads `length` bytes as text, up to a NUL if there is one. */
  text(length: number): string {
    const at = this.#advance(length);
    const nul = this.#bytes.subarray(at, at + length).indexOf(0);
    return utf8.decode(this.#bytes.subarray(at, at + (nul < 0 ? length : nul)));
  }

  /** Reads text up to a NUL, which must be present. */
  cstring(): string {
    const nul = this.#bytes.subarray(this.#at, this.#end).indexOf(0);
    if (nul < 0) throw new ShortPayload();
    return this.text(nul + 1);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length < 0 || at + length > this.#end) throw new ShortPayload();
    this.#at = at + length;
    return at;
  }
}
