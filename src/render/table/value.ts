import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";
import { jsonOnOneLine } from "./json.ts";
import { cutToWidth, startWithin, textWidth } from "../terminal/text-width.ts";

/** In UTF-8. */
const CHARACTER_BYTES_MAX = 4;
/** As long as these the text could be read as something that it is not: NULL, the next column, an arrow. */
const AMBIGUOUS = /^$|^NULL$|^\(|['=→│…]|\s/u;
/** As the server prints bytea: no escape, the backslash is its own. */
const BYTEA = /^\\x[\da-f]*$/;
const BACKSLASH = 0x5c;
/** Its one space is no gap to the next column. */
const TIMESTAMP = /^\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d[\d.:+-]*$/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * A value on one line and no wider than `width`: bare where it can only be a value, else quoted as in SQL.
 * An `…` at the end, outside of the quotes, says that there is more. JSON has quotes and brackets of its own.
 */
export function formatValue(value: ColumnValue, width: number, json: boolean): string {
  switch (value.kind) {
    case "null":
      return cutToWidth("NULL", width);
    case "unchanged":
      return cutToWidth("(unchanged)", width);
    case "binary":
      return formatBytes(value.bytes, width);
    case "text":
      return (json ? formatJson(value.bytes, width) : undefined) ?? formatText(value.bytes, width);
  }
}

/** A value of the type's binary form: `\x…`, as bytea prints itself. */
export function formatBytes(bytes: Uint8Array, width: number): string {
  let text = "\\x";
  for (const byte of bytes.subarray(0, width)) text += byte.toString(16).padStart(2, "0");
  return cutToWidth(text, width);
}

function formatText(bytes: Uint8Array, width: number): string {
  const start = readStart(bytes, width);
  const text = bareLine(start);
  if (!looksEscaped(start, text) && (!AMBIGUOUS.test(text) || TIMESTAMP.test(text)))
    return cutToWidth(start.whole ? text : `${text}…`, width);
  const quoted = quote(lineToQuote(start));
  if (start.whole && textWidth(quoted) <= width) return quoted;
  return `${startWithin(quoted.slice(0, -1), width - 2)}'…`;
}

/** Safe to print. Bytes that are not UTF-8 are shown as `\xff`. */
export function bareLine({ text, bytes }: Text): string {
  return text === undefined ? escapeBytes(bytes) : sanitizeLine(text);
}

/** As bareLine(), but that a backslash of its own is doubled, which tells it from one of an escape: `\t` is a tab. */
export function lineToQuote({ text, bytes }: Text): string {
  if (!bytes.includes(BACKSLASH)) return bareLine({ text, bytes });
  if (text !== undefined) return sanitizeLine(text.replaceAll("\\", "\\\\"));
  const doubled = [...bytes].flatMap((byte) => (byte === BACKSLASH ? [byte, byte] : [byte]));
  return escapeBytes(Uint8Array.from(doubled));
}

/** Whether it cannot stand without quotes, because its own backslash looks like an escape or an escape like bytea. */
export function looksEscaped({ bytes }: Text, bare: string): boolean {
  return bytes.includes(BACKSLASH) !== BYTEA.test(bare);
}

/** As in SQL. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function formatJson(bytes: Uint8Array, width: number): string | undefined {
  const { text, whole } = readStart(bytes, width);
  const line = text === undefined ? undefined : jsonOnOneLine(text, whole);
  return line === undefined ? undefined : cutToWidth(whole ? line : `${line}…`, width);
}

interface Text {
  readonly bytes: Uint8Array;
  /** As it came, not fit to be printed. Undefined: not UTF-8. */
  readonly text: string | undefined;
}

interface Start extends Text {
  /** Nothing was left out. */
  readonly whole: boolean;
}

/** A value may have a million characters of which forty are shown: what cannot be seen is not decoded. */
export function readStart(bytes: Uint8Array, width: number): Start {
  const bytesMax = (width + 1) * CHARACTER_BYTES_MAX;
  const whole = bytes.length <= bytesMax;
  const start = whole ? bytes : bytes.subarray(0, characterBoundary(bytes, bytesMax));
  return { bytes: start, text: decodeUtf8(start), whole };
}

/** Undefined: not UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The last place at or before `at` where a character starts. */
function characterBoundary(bytes: Uint8Array, at: number): number {
  let boundary = at;
  while (boundary > 0 && at - boundary < CHARACTER_BYTES_MAX && isContinuation(bytes[boundary])) {
    boundary -= 1;
  }
  return boundary;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Bytes that are not UTF-8, with what is not ASCII as `\xff`. */
function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    text +=
      byte >= 0x20 && byte < 0x7f
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}
