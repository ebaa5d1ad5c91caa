/** Tuples as the server sends them, out of the texts of their values. */
import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";

/** A column of a tuple as it is sent. */
export interface SentValue {
  readonly kind: number;
  /** Empty for NULL and what was not sent. */
  readonly value: string | Uint8Array;
}

const SLAB_BYTES = 1 << 16;
/** A kind and a length. */
const HEAD_BYTES = 5;
/** Bytes of UTF-8 that a UTF-16 code unit may take. */
const UNIT_BYTES_MAX = 3;
/** From here on it pays to count a text's bytes, and to have the encoder write them. */
const LONG = 64;

const encoder = new TextEncoder();

/** Writes tuples one behind the other: memory for each of its own is most of what it would cost. */
export class Tuples {
  #bytes = new Uint8Array(SLAB_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  tuple(values: readonly SentValue[]): TupleData {
    let room = 0;
    for (const { value } of values) room += HEAD_BYTES + bytesMax(value);
    this.#makeRoom(room);
    const start = this.#end;
    for (const { kind, value } of values) {
      this.#bytes[this.#end++] = kind;
      if (kind === ColumnKind.text || kind === ColumnKind.binary) this.#write(value);
    }
    return { bytes: this.#bytes, view: this.#view, start, columnCount: values.length };
  }

  #makeRoom(room: number): void {
    if (this.#end + room <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(Math.max(SLAB_BYTES, room));
    this.#view = new DataView(this.#bytes.buffer);
    this.#end = 0;
  }

  #write(value: string | Uint8Array): void {
    const start = this.#end + 4;
    if (typeof value === "string") this.#end = this.#writeText(value, start);
    else {
      this.#bytes.set(value, start);
      this.#end = start + value.length;
    }
    this.#view.setUint32(start - 4, this.#end - start);
  }

  #writeText(text: string, start: number): number {
    const bytes = this.#bytes;
    if (text.length <= LONG) {
      let at = 0;
      for (; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (code > 0x7f) break;
        bytes[start + at] = code;
      }
      if (at === text.length) return start + at;
    }
    return start + encoder.encodeInto(text, bytes.subarray(start)).written;
  }
}

function bytesMax(value: string | Uint8Array): number {
  if (typeof value !== "string") return value.length;
  return value.length <= LONG ? value.length * UNIT_BYTES_MAX : Buffer.byteLength(value);
}
