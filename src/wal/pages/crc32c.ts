import {
  ADD,
  AGAIN,
  BLOCK,
  CLOSE,
  GREATER,
  I32,
  LOOP,
  OUT_IF,
  WasmFunction,
  constant,
  get,
  set,
  unsigned,
} from "../../web-assembly.ts";

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

/** Memory for the bytes to check, which WebAssembly reads in place. */
export class ChecksumMemory {
  readonly buffer: ArrayBuffer;
  /** Where the `length` bytes begin in the buffer. */
  readonly start = DATA_START;
  readonly after: ChecksumAfter;

  constructor(length: number) {
    const { buffer, call } = CHECKSUM.withMemory(DATA_START + length);
    new Int32Array(buffer).set(TABLES);
    this.buffer = buffer;
    this.after = call;
  }
}

/** Locals of the function: its parameters and the words being processed. */
const [CRC, AT, END, WORD] = [0, 1, 2, 3];
const AND = 0x71;
const XOR = 0x73;
const SHIFT_LEFT = 0x74;
const SHIFT_RIGHT = 0x76;

/** (param crc, at, end: i32) (result i32), see checksumAfter() */
const CHECKSUM = new WasmFunction<ChecksumAfter>(3, [I32, I32, I32, I32], () => [
  ...eat(16),
  ...eat(4),
  ...eat(1),
  ...get(CRC),
  CLOSE,
]);

/** while (at + bytes <= end) { crc = the combined effect of the bytes; at += bytes } */
function eat(bytes: number): readonly number[] {
  const next = [...get(AT), ...constant(bytes), ADD];
  const words = Array.from({ length: Math.ceil(bytes / 4) }, (_, index) => WORD + index);
  const loaded = words.flatMap((word, index) => [
    ...get(AT),
    ...(bytes === 1 ? [0x2d, 0, ...unsigned(DATA_START)] : load(DATA_START + index * 4)),
    ...(index === 0 ? [...get(CRC), XOR] : []),
    ...set(word),
  ]);
  const effects = Array.from({ length: bytes }, (_, byte) => [
    ...effect(words[byte >> 2]!, byte & 3, bytes - 1 - byte),
    ...(byte === 0 ? [] : [XOR]),
  ]).flat();
  const rest = bytes === 1 ? [...get(CRC), ...constant(8), SHIFT_RIGHT, XOR] : [];
  const step = [...loaded, ...effects, ...rest, ...set(CRC), ...next, ...set(AT)];
  return [
    ...BLOCK,
    ...LOOP,
    ...next,
    ...get(END),
    GREATER,
    ...OUT_IF,
    ...step,
    ...AGAIN,
    CLOSE,
    CLOSE,
  ];
}

/** Looks up one byte of a word in a table of four-byte entries. */
function effect(word: number, byte: number, table: number): readonly number[] {
  const shift =
    byte === 0 ? [...constant(2), SHIFT_LEFT] : [...constant(byte * 8 - 2), SHIFT_RIGHT];
  return [...get(word), ...shift, ...constant(0x3fc), AND, ...load(table * TABLE_BYTES)];
}

function load(offset: number): readonly number[] {
  return [0x28, 2, ...unsigned(offset)];
}
