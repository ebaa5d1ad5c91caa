/** Writes WAL as the server lays it out: for tests that need bytes of their own choosing. */
import {
  LONG_HEADER_BYTES,
  PAGE_BYTES,
  type SegmentHeader,
  SHORT_HEADER_BYTES,
} from "../../../src/postgres/pages/page.ts";

const SYSTEM = 0x6b07_1234_5678_9abcn;
export const SEGMENT_BYTES = 1024 * 1024;
export const START = 3 * SEGMENT_BYTES;
const MAGICS = { 14: 0xd10d, 15: 0xd110, 18: 0xd118 } as const;

export interface EncodedRecord {
  readonly lsn: number;
  /** Header and all. */
  readonly bytes: Uint8Array;
}

export function headerOf(version: keyof typeof MAGICS): SegmentHeader {
  return {
    magic: MAGICS[version],
    version,
    timeline: 1,
    address: START,
    systemIdentifier: SYSTEM,
    segmentBytes: SEGMENT_BYTES,
  };
}

/** CRC-32C a bit at a time: slow, and plain to see. */
export function crc32c(...parts: readonly Uint8Array[]): number {
  let crc = 0xffffffff;
  for (const byte of parts.flatMap((part) => [...part])) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f63b78);
  }
  return ~crc;
}

/** Makes the checksum of a record's bytes right. */
export function seal(record: Uint8Array): void {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  view.setInt32(20, crc32c(record.subarray(24), record.subarray(0, 20)), true);
}

export interface RecordParts {
  readonly rmgr?: number;
  readonly info?: number;
  readonly xid?: number;
  /** What follows the header: items and data. */
  readonly body: readonly number[];
}

/** A body with main data alone. */
export function mainData(bytes: readonly number[]): readonly number[] {
  if (bytes.length < 256) return [255, bytes.length, ...bytes];
  return [254, ...u32(bytes.length), ...bytes];
}

export function u16(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff];
}

export function u32(value: number): number[] {
  return [...u16(value & 0xffff), ...u16((value >>> 16) & 0xffff)];
}

export class LogEncoder {
  readonly records: EncodedRecord[] = [];
  readonly #magic: number;
  #bytes: number[] = [];
  #prev = 0;

  constructor(version: keyof typeof MAGICS) {
    this.#magic = MAGICS[version];
    this.#page(0, 0);
  }

  get position(): number {
    return START + this.#bytes.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(Math.ceil(this.#bytes.length / PAGE_BYTES) * PAGE_BYTES);
    whole.set(this.#bytes);
    return whole;
  }

  record({ rmgr = 10, info = 0, xid = 7, body }: RecordParts): EncodedRecord {
    const record = new Uint8Array(24 + body.length);
    record.set(body, 24);
    const view = new DataView(record.buffer);
    if (this.#bytes.length % PAGE_BYTES === 0) this.#page(0, 0);
    const lsn = this.position;
    view.setUint32(0, record.length, true);
    view.setUint32(4, xid, true);
    view.setBigUint64(8, BigInt(this.#prev), true);
    record[16] = info;
    record[17] = rmgr;
    seal(record);
    this.#append(record, record.length);
    this.#prev = lsn;
    this.records.push({ lsn, bytes: record });
    return { lsn, bytes: record };
  }

  /** The first `written` bytes of a record, and no more: the server crashed. What follows goes on the next page. */
  unfinished(totalLength: number, written: number): void {
    const record = new Uint8Array(totalLength);
    const view = new DataView(record.buffer);
    view.setUint32(0, totalLength, true);
    view.setBigUint64(8, BigInt(this.#prev), true);
    this.#append(record.subarray(0, written), totalLength);
    const room = (PAGE_BYTES - (this.#bytes.length % PAGE_BYTES)) % PAGE_BYTES;
    this.#push(new Uint8Array(room));
    this.#page(8, 0);
  }

  #append(record: Uint8Array, totalLength: number): void {
    for (let at = 0; at < record.length;) {
      if (this.#bytes.length % PAGE_BYTES === 0) this.#page(1, totalLength - at);
      const room = PAGE_BYTES - (this.#bytes.length % PAGE_BYTES);
      const part = record.subarray(at, at + room);
      this.#push(part);
      at += part.length;
    }
    this.#push(new Uint8Array((8 - (this.#bytes.length % 8)) % 8));
  }

  #page(info: number, rest: number): void {
    const address = this.position;
    const first = address % SEGMENT_BYTES === 0;
    const header = new Uint8Array(first ? LONG_HEADER_BYTES : SHORT_HEADER_BYTES);
    const view = new DataView(header.buffer);
    view.setUint16(0, this.#magic, true);
    view.setUint16(2, info | (first ? 2 : 0), true);
    view.setUint32(4, 1, true);
    view.setBigUint64(8, BigInt(address), true);
    view.setUint32(16, rest, true);
    if (first) {
      view.setBigUint64(24, SYSTEM, true);
      view.setUint32(32, SEGMENT_BYTES, true);
      view.setUint32(36, PAGE_BYTES, true);
    }
    this.#push(header);
  }

  #push(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte);
  }
}

export const filled = (length: number): number[] => Array.from({ length }, (_, at) => at & 0xff);

/** A log of records with so many bytes of main data each. */
export function logOf(...lengths: readonly number[]): LogEncoder {
  const log = new LogEncoder(18);
  for (const length of lengths) log.record({ body: mainData(filled(length)) });
  return log;
}
