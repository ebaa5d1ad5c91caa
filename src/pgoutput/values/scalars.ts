import { formatLsn } from "../../lsn.ts";
import type { BinaryReader } from "./binary-reader.ts";

/** Byte1 0 or 1 */
export function bool(reader: BinaryReader): string {
  const byte = reader.uint8();
  if (byte > 1) throw reader.unfit();
  return byte === 1 ? "t" : "f";
}

export function int2(reader: BinaryReader): string {
  return String(reader.int16());
}

export function int4(reader: BinaryReader): string {
  return String(reader.int32());
}

export function int8(reader: BinaryReader): string {
  return String(reader.int64());
}

/** oid, xid and cid */
export function uint4(reader: BinaryReader): string {
  return String(reader.uint32());
}

/** xid8 */
export function uint8(reader: BinaryReader): string {
  return String(reader.uint64());
}

/** The bytes are the text form itself. */
export function text(reader: BinaryReader): string {
  return reader.rest();
}

/**
 * Byte1: 0 is the empty string. A byte that is not ASCII is printed as `\303`, as PostgreSQL 16 and later do (earlier
 * versions print the byte)
 */
export function char(reader: BinaryReader): string {
  const byte = reader.uint8();
  if (byte === 0) return "";
  return byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
}

/** Byte1(1)  the text form; for jsonb and jsonpath */
export function versioned(reader: BinaryReader): string {
  if (reader.uint8() !== 1) throw reader.unfit();
  return reader.rest();
}

export function bytea(reader: BinaryReader): string {
  return `\\x${reader.hex(reader.end - reader.offset)}`;
}

/** Byte16 */
export function uuid(reader: BinaryReader): string {
  const hex = reader.hex(16);
  const [a, b, c] = [hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${hex.slice(0, 8)}-${a}-${b}-${c}-${hex.slice(20)}`;
}

/** Int32 bits  Byten, padded with zero bits: bit and varbit */
export function bits(reader: BinaryReader): string {
  const length = reader.uint32();
  const bytes = reader.take(Math.ceil(length / 8));
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0"))
    .join("")
    .slice(0, length);
}

/** Int64 */
export function lsn(reader: BinaryReader): string {
  return formatLsn(reader.lsn());
}

/** Int32 block  Int16 item, both unsigned */
export function tid(reader: BinaryReader): string {
  return `(${reader.uint32()},${reader.uint16()})`;
}

/** Int32 running transactions  Int64 xmin  Int64 xmax  { Int64 }×n: pg_snapshot and txid_snapshot */
export function snapshot(reader: BinaryReader): string {
  const length = reader.uint32();
  const xmin = reader.int64();
  const xmax = reader.int64();
  if (length * 8 > reader.end - reader.offset) throw reader.truncated(1);
  const running = Array.from({ length }, () => reader.int64());
  return `${xmin}:${xmax}:${running.join(",")}`;
}
