import { loadKernel } from "../../kernels.ts";

/**
 * CRC-32C (Castagnoli) as the server computes it: reflected, inverted at both ends (port/pg_crc32c.h). It uses tables
 * for sixteen bytes at a time, in WebAssembly: JavaScript takes half as long again, and checksums are the largest part
 * of counting records.
 */
const POLYNOMIAL = 0x82f63b78;
const SLICES = 16;
const TABLE_BYTES = 1024;
/** The offset in a ChecksumMemory where the tables end and the data begins. */
const DATA_START = SLICES * TABLE_BYTES;

/** Table k maps a byte to its effect k bytes later. The tables follow one another. */
const TABLES = createTables();

function createTables(): Int32Array {
  const tables = new Int32Array((SLICES * TABLE_BYTES) / 4);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}

/** Continues the checksum `crc`, which is not inverted, over bytes[start, end). For a few bytes in any memory. */
export function checksumAfter(crc: number, bytes: Uint8Array, start: number, end: number): number {
  let after = crc;
  for (let at = start; at < end; at++) after = (after >>> 8) ^ TABLES[(after ^ bytes[at]!) & 0xff]!;
  return after;
}

/** Like checksumAfter(), for bytes of a ChecksumMemory; offsets count from its `start`. */
type ChecksumAfter = (crc: number, start: number, end: number) => number;

/** src/kernel/crc32c.ts */
interface ChecksumKernel {
  readonly checksumAfter: ChecksumAfter;
}

/** Memory for the bytes to check, which WebAssembly reads in place. */
export class ChecksumMemory {
  readonly buffer: ArrayBuffer;
  /** Where the `length` bytes begin in the buffer. */
  readonly start = DATA_START;
  readonly after: ChecksumAfter;

  constructor(length: number) {
    const { buffer, exports } = loadKernel("crc32c", DATA_START + length);
    new Int32Array(buffer).set(TABLES);
    this.buffer = buffer;
    this.after = (exports as ChecksumKernel).checksumAfter;
  }
}
