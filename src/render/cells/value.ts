/*
 * Values, names and times as a person reads them, before they have their place on the screen.
 * Law: two different values never look the same, and what is cut says so.
 * Way in: drawValue() for one value, drawDifference() (difference.ts) for old and new, TableNames (names.ts), Times (times.ts).
 */
import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { asciiLine, isHostile, sanitizeLine } from "../bytes/sanitize.ts";
import { joined, type Paint, type Painted, painted, type Palette } from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { jsonOnOneLine } from "./json.ts";
import { formatSize } from "./numbers.ts";

/** In UTF-8. */
const CHARACTER_BYTES_MAX = 4;
/** As long as these the text could be read as something that it is not: NULL, the next column, an arrow, an escape. */
const AMBIGUOUS = /^$|^NULL$|^\(|['=→⇢│┃…\\]|[-~]>|[|#] |\.\.\.|^\s|\s$|\s\s|[^\S ]/u;
/** As the server prints bytea: the backslash starts no escape. */
const BYTEA = /^\\x[\da-f]*$/;
/** With less of the value beside it, the size is left out. */
export const BESIDE_SIZE_MIN = 5;
/** What is not to be cut in two: an escape of ours, of JSON or of SQL. */
const TOKEN = /\\(?:x[\da-f]{2}|u\{[\da-f]+\}|u[\da-f]{4}|.)|''|\P{M}\p{M}*|./giu;
const ESCAPE = /\\(?:x[\da-f]{2}|u\{[\da-f]+\}|u[\da-f]{4}|.)/giu;

/** Each of its characters takes one column and is a token. */
const INDIVISIBLE = /^[ -&(-[\]-~]*$/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface Drawn extends Painted {
  readonly isCut: boolean;
}

/** A value as text that is safe to print. */
export interface Written {
  /** With its quotes; without the last one where more of the value follows. */
  readonly text: string;
  readonly quoted: boolean;
  /** In E'…': a backslash always starts an escape. */
  readonly escaped: boolean;
  /** Nothing was left out. */
  readonly whole: boolean;
  /** Of the whole value. */
  readonly size: number;
}

/**
 * A value on one line and no wider than `width`: bare where it can only be a value, else quoted as in SQL, in E'…'
 * with escapes where characters cannot be printed. JSON has quotes and brackets of its own. What is cut ends in an
 * `…`, outside of the quotes, and the size of all of it.
 */
export function drawValue(
  value: ColumnValue,
  width: number,
  json: boolean,
  palette: Palette,
  paint?: Paint,
): Drawn {
  if (value.kind === "null") return drawWord("NULL", width, palette);
  if (value.kind === "unchanged") return drawWord("(unchanged)", width, palette);
  return drawWritten(writeValue(value, width, json), width, palette, paint);
}

/** `readWidth`: more of it will not be shown. */
function writeValue(
  value: Extract<ColumnValue, { bytes: Uint8Array }>,
  readWidth: number,
  json: boolean,
): Written {
  const { bytes } = value;
  if (value.kind === "binary") return writeHex(bytes, readWidth);
  const start = readStart(bytes, readWidth);
  const line =
    json && start.text !== undefined ? jsonOnOneLine(start.text, start.whole) : undefined;
  if (line === undefined) return writeText(start, bytes.length);
  return { text: line, quoted: false, escaped: false, whole: start.whole, size: bytes.length };
}

/** A value of the type's binary form: `\x…`, as bytea prints itself. */
export function writeHex(bytes: Uint8Array, width: number): Written {
  let text = "\\x";
  for (const byte of bytes.subarray(0, width)) text += byte.toString(16).padStart(2, "0");
  const whole = bytes.length <= width;
  return { text, quoted: false, escaped: false, whole, size: bytes.length };
}

/** `exact`: what is not ASCII is escaped, so that values which differ look different whatever the font. */
export function writeText(start: Start, size: number, exact = false): Written {
  const { text, bytes, whole } = start;
  if (text !== undefined && !exact && !isHostile(text)) {
    const safe = sanitizeLine(text);
    const bare = BYTEA.test(safe) || !AMBIGUOUS.test(safe);
    if (bare) return { text: safe, quoted: false, escaped: false, whole, size };
    return { text: quote(safe, whole), quoted: true, escaped: false, whole, size };
  }
  const escaped = quote(escapeText(text, bytes, exact), whole);
  return { text: `E${escaped}`, quoted: true, escaped: true, whole, size };
}

/** What stands in E'…', but for the quotes: a backslash of its own is doubled. Bytes that are not UTF-8 are `\xff`. */
export function escapeText(text: string | undefined, bytes: Uint8Array, exact = false): string {
  if (text === undefined) return escapeBytes(bytes);
  const doubled = text.replaceAll("\\", "\\\\");
  return exact ? asciiLine(doubled) : sanitizeLine(doubled);
}

/** As in SQL; `whole`: with the quote at its end. */
export function quote(text: string, whole = true): string {
  return `'${text.replaceAll("'", "''")}${whole ? "'" : ""}`;
}

/** As much of it as the width allows, painted. */
export function drawWritten(
  { text, quoted, escaped, whole, size }: Written,
  width: number,
  palette: Palette,
  paint?: Paint,
): Drawn {
  if (whole) {
    const columns = textWidth(text);
    if (columns <= width)
      return { text: paintText(text, escaped, palette, paint), width: columns, isCut: false };
  }
  const close = quoted ? "'" : "";
  const open = whole && quoted ? text.slice(0, -1) : text;
  const { ellipsis } = palette.glyphs;
  const told = `${ellipsis} ${formatSize(size)}`;
  const end = width >= told.length + close.length + BESIDE_SIZE_MIN ? told : ellipsis;
  // The quote that opens it is no half of a pair.
  const opening = quoted ? open.slice(0, open.indexOf("'") + 1) : "";
  const room = width - close.length - textWidth(end) - opening.length;
  const start = opening + startOfTokens(open.slice(opening.length), room);
  const shown = painted(start + close);
  const mark = painted(end.slice(0, Math.max(width, 0)), palette.quiet);
  const body = { ...shown, text: paintText(shown.text, escaped, palette, paint) };
  return { ...(shown.width + mark.width <= width ? joined(body, mark) : mark), isCut: true };
}

/** As much of the start as fits in `width` columns, cut between two characters or escapes. */
export function startOfTokens(text: string, width: number): string {
  if (INDIVISIBLE.test(text)) return text.slice(0, Math.max(width, 0));
  let used = 0;
  let at = 0;
  for (const [token] of text.matchAll(TOKEN)) {
    used += textWidth(token);
    if (used > width) break;
    at += token.length;
  }
  return text.slice(0, at);
}

export function paintText(
  text: string,
  escaped: boolean,
  palette: Palette,
  paint: Paint | undefined,
): string {
  const plain = (part: string): string => (paint === undefined || part === "" ? part : paint(part));
  if (!escaped) return plain(text);
  let drawn = "";
  let at = 0;
  for (const match of text.matchAll(ESCAPE)) {
    drawn += plain(text.slice(at, match.index)) + palette.escape(match[0]);
    at = match.index + match[0].length;
  }
  return drawn + plain(text.slice(at));
}

function drawWord(word: string, width: number, palette: Palette): Drawn {
  return { ...painted(word.slice(0, Math.max(width, 0)), palette.quiet), isCut: false };
}

export interface Text {
  readonly bytes: Uint8Array;
  /** As it came, not fit to be printed. Undefined: not UTF-8. */
  readonly text: string | undefined;
}

export interface Start extends Text {
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
export function characterBoundary(bytes: Uint8Array, at: number): number {
  let boundary = at;
  while (boundary > 0 && at - boundary < CHARACTER_BYTES_MAX && isContinuation(bytes[boundary])) {
    boundary -= 1;
  }
  return boundary;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/** Bytes that are not UTF-8, with what is not ASCII as `\xff` and a backslash doubled. */
function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte === 0x5c) text += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}
