/** bool, the integers and the oids. */
import type { BinaryReader } from "./binary-reader.ts";
import { writeInteger } from "./digits.ts";
import type { TextBuffer } from "./text-buffer.ts";
import { type BuiltinType, alike, builtin } from "./type.ts";

/** Byte1 0 or 1 */
function bool(reader: BinaryReader): string {
  const byte = reader.uint8();
  if (byte > 1) throw reader.unfit();
  return byte === 1 ? "t" : "f";
}

function writeBool(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  const value = bytes[start]!;
  if (end - start !== 1 || value > 1) return false;
  out.bytes[out.offset++] = value === 1 ? 0x74 : 0x66;
  return true;
}

function int2(reader: BinaryReader): string {
  return String(reader.int16());
}

function writeInt2(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== 2) return false;
  writeInteger(out, ((bytes[start]! | (bytes[start + 1]! << 8)) << 16) >> 16);
  return true;
}

function int4(reader: BinaryReader): string {
  return String(reader.int32());
}

function writeInt4(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== 4) return false;
  writeInteger(out, int32At(bytes, start));
  return true;
}

function int8(reader: BinaryReader): string {
  return String(reader.int64());
}

function writeInt8(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  const value = end - start === 8 ? int64At(bytes, start) : NaN;
  if (!Number.isSafeInteger(value)) return false;
  writeInteger(out, value);
  return true;
}

function uint4(reader: BinaryReader): string {
  return String(reader.uint32());
}

function writeUint4(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== 4) return false;
  writeInteger(out, int32At(bytes, start) >>> 0);
  return true;
}

function uint8(reader: BinaryReader): string {
  return String(reader.uint64());
}

export function int32At(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Exact if the value is a safe integer, otherwise not a safe integer. */
export function int64At(bytes: Uint8Array, at: number): number {
  return int32At(bytes, at + 4) * 0x1_0000_0000 + (int32At(bytes, at) >>> 0);
}

const unsigned = alike(uint4, { write: writeUint4, isPlain: true });

export const INTEGERS: readonly BuiltinType[] = [
  builtin(16, "bool", 1000, "boolean", alike(bool, { write: writeBool, isPlain: true }), {
    name: "boolean",
  }),
  builtin(21, "int2", 1005, "integer", alike(int2, { write: writeInt2, isPlain: true }), {
    name: "smallint",
  }),
  builtin(23, "int4", 1007, "integer", alike(int4, { write: writeInt4, isPlain: true }), {
    name: "integer",
  }),
  builtin(20, "int8", 1016, "integer", alike(int8, { write: writeInt8, isPlain: true }), {
    name: "bigint",
  }),
  builtin(26, "oid", 1028, "oid", unsigned),
  builtin(6437, "oid8", 6442, "oid", alike(uint8)),
  builtin(28, "xid", 1011, "xid", unsigned),
  builtin(29, "cid", 1012, "other", alike(uint4)),
  builtin(5069, "xid8", 271, "xid", alike(uint8)),
];
