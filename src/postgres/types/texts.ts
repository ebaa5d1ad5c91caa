/** Texts, bytes, uuid and the bit strings. */
import type { BinaryReader } from "./binary-reader.ts";
import type { DiskForm } from "./disk-reader.ts";
import type { TextBuffer } from "./text-buffer.ts";
import { type BuiltinType, type ServerFacts, alike, builtin } from "./type.ts";

/** The bytes are the text form itself. */
export function sameBytes(reader: BinaryReader): string {
  return reader.rest();
}

/**
 * Byte1: 0 is the empty string. A byte that is not ASCII is printed as `\303`, as PostgreSQL 16 and later do (earlier
 * versions print the byte)
 */
function char(reader: BinaryReader): string {
  const byte = reader.uint8();
  if (byte === 0) return "";
  return byte < 0x80 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`;
}

/** Up to 14 it was the byte itself, even outside of ASCII. */
function storedChar({ majorVersion }: ServerFacts): DiskForm {
  if (majorVersion >= 15) return char;
  return (reader) => (reader.bytes[reader.offset] === 0 ? char(reader) : reader.characters(1));
}

/** Byte64, NUL-padded */
function storedName(reader: BinaryReader): string {
  const { end } = reader;
  const text = reader.cstring();
  reader.offset = end;
  return text;
}

/** A call into native code costs more than a loop over so few bytes. */
const LOOP_BYTES_MAX = 200;
const WORDS_BYTES_MIN = 24;
/** The source of the last copy: many values come from the same bytes. */
let sourceBytes: Uint8Array = new Uint8Array(0);
let sourceView: DataView = new DataView(sourceBytes.buffer);

export function copyText(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  const length = end - start;
  out.reserve(length);
  const { bytes: target, offset, view } = out;
  out.offset = offset + length;
  if (length > LOOP_BYTES_MAX) {
    target.set(bytes.subarray(start, end), offset);
    return true;
  }
  let at = 0;
  if (length >= WORDS_BYTES_MIN) {
    if (bytes !== sourceBytes) {
      sourceBytes = bytes;
      sourceView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    for (; at + 4 <= length; at += 4) view.setInt32(offset + at, sourceView.getInt32(start + at));
  }
  for (; at < length; at++) target[offset + at] = bytes[start + at]!;
  return true;
}

export function bytea(reader: BinaryReader): string {
  return `\\x${reader.hex(reader.end - reader.offset)}`;
}

/** Byte16 */
function uuid(reader: BinaryReader): string {
  const hex = reader.hex(16);
  const [a, b, c] = [hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${hex.slice(0, 8)}-${a}-${b}-${c}-${hex.slice(20)}`;
}

/** Int32 bits  Byten, padded with zero bits: bit and varbit */
function bits(reader: BinaryReader): string {
  const length = reader.uint32();
  const bytes = reader.take(Math.ceil(length / 8));
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0"))
    .join("")
    .slice(0, length);
}

const MINUS = 0x2d;
/** By value: two hexadecimal digits. */
const HEX_PAIRS = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, "0");
  return (digits.charCodeAt(0) << 8) | digits.charCodeAt(1);
});
const UUID_BYTES = 16;

function writeUuid(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== UUID_BYTES) return false;
  const { bytes: target, view } = out;
  let { offset } = out;
  for (let index = 0; index < UUID_BYTES; index++) {
    if (index === 4 || index === 6 || index === 8 || index === 10) target[offset++] = MINUS;
    view.setUint16(offset, HEX_PAIRS[bytes[start + index]!]!);
    offset += 2;
  }
  out.offset = offset;
  return true;
}

/** MaxAllocSize: the server could not print more. */
const TEXT_BYTES_MAX = 0x3fffffff;

/** `\xdead` */
function writeBytea(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  const length = 2 + 2 * (end - start);
  if (length > TEXT_BYTES_MAX) return false;
  out.reserve(length);
  const { view } = out;
  let { offset } = out;
  view.setUint16(offset, 0x5c78);
  for (let index = start; index < end; index++) {
    offset += 2;
    view.setUint16(offset, HEX_PAIRS[bytes[index]!]!);
  }
  out.offset = offset + 2;
  return true;
}

const SPACE = "[ \\t\\n\\r]";
const XML_DECLARATION = new RegExp(
  String.raw`^<\?xml${SPACE}+version${SPACE}*=${SPACE}*(["'])(.*?)\1` +
    String.raw`(?:${SPACE}+encoding${SPACE}*=${SPACE}*(["']).*?\3)?` +
    String.raw`(?:${SPACE}+standalone${SPACE}*=${SPACE}*(["'])(yes|no)\4)?${SPACE}*\?>`,
  "s",
);

/**
 * As xml_out() prints it (utils/adt/xml.c): with a declaration only where that says more than version 1.0, and otherwise
 * without a line break at its beginning.
 */
function storedXml(reader: BinaryReader): string {
  const text = sameBytes(reader);
  const [declaration = "", , version = "1.0", , , standalone] = XML_DECLARATION.exec(text) ?? [];
  // One that cannot be parsed stays as it is.
  if (/[\x80-\xff]/.test(declaration)) return text;
  const rest = text.slice(declaration.length);
  if (version === "1.0" && standalone === undefined) return rest.replace(/^\n/, "");
  const alone = standalone === undefined ? "" : ` standalone="${standalone}"`;
  return `<?xml version="${version}"${alone}?>${rest}`;
}

const LINE_BREAK = 0x0a;
const QUESTION_MARK = 0x3f;

function copyXml(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  const mayChange = bytes[start] === LINE_BREAK || bytes[start + 1] === QUESTION_MARK;
  return !mayChange && copyText(bytes, start, end, out);
}

/** varchar's and similar modifiers include 4 bytes for a header that no longer exists. */
const HEADER_BYTES = 4;

function lengthText(modifier: number): string {
  return `(${modifier - HEADER_BYTES})`;
}

/** Tables and the server store and send it as it is. */
const copied = alike(sameBytes, { write: copyText, isUtf8: true });

export const TEXTS: readonly BuiltinType[] = [
  builtin(25, "text", 1009, "text", copied),
  builtin(1043, "varchar", 1015, "text", copied, {
    name: "character varying",
    modifier: lengthText,
  }),
  // Without a length it is not SQL's character, which means character(1).
  builtin(1042, "bpchar", 1014, "padded", copied, {
    name: "character",
    modifier: lengthText,
    bare: "bpchar",
  }),
  builtin(19, "name", 1003, "text", { sent: sameBytes, stored: storedName }),
  builtin(18, "char", 1002, "text", { sent: char, storedIn: storedChar }, { name: '"char"' }),
  builtin(142, "xml", 143, "xml", {
    sent: sameBytes,
    stored: storedXml,
    write: copyXml,
    isUtf8: true,
  }),
  builtin(1790, "refcursor", 2201, "other", alike(sameBytes)),
  builtin(194, "pg_node_tree", 0, "other", alike(sameBytes)),
  builtin(17, "bytea", 1001, "bytes", alike(bytea, { write: writeBytea })),
  builtin(2950, "uuid", 2951, "uuid", alike(uuid, { write: writeUuid, isPlain: true })),
  builtin(1560, "bit", 1561, "bits", alike(bits), { name: "bit", bare: '"bit"' }),
  builtin(1562, "varbit", 1563, "bits", alike(bits), { name: "bit varying" }),
];
