/*
 * Values, names and times as a person reads them, before they have their place on the screen.
 * Law: two different values never look the same, and what is cut says so.
 * Way in: drawValue() for one value, drawPair() (difference.ts) for old and new, TableNames (names.ts), Times (times.ts).
 */
import type { ColumnValue } from "../../postgres/messages/tuple.ts";
import { clearLine, isUnclear } from "../bytes/sanitize.ts";
import {
  joined,
  type Paint,
  type Painted,
  painted,
  type Palette,
  SPACE,
} from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { jsonOnOneLine } from "./json.ts";
import { type Kind, shortened } from "./kinds.ts";
import { formatSize } from "./numbers.ts";

/** In UTF-8. */
const CHARACTER_BYTES_MAX = 4;
/** A mark, or a part of a Korean syllable, that the one before it is drawn with. */
const JOINING = /^[\p{M}\u1160-\u11ff]/u;
const MARKS_MAX = 6;
/** Texts that could be misread: as NULL, the next column, an arrow or an escape. */
const AMBIGUOUS = /^$|^NULL$|^\(|['=→⇢│┃…\\]|[-~]>|[|#] |\.\.\.|^\s|\s$|\s\s|[^\S ]/u;
/** A bytea as the server prints it: here the backslash starts no escape. */
const BYTEA = /^\\x[\da-f]*$/;
/** If less of the value fits beside it, the size is left out. */
export const BESIDE_SIZE_MIN = 5;
/** The same, where it stands for the difference from another one. */
const BESIDE_DIFFERENCE_MIN = 12;
/** Units that are not cut in two: an escape of ours, of JSON or of SQL, or a character with its marks. */
const TOKEN = /\\(?:x[\da-f]{2}|u\{[\da-f]+\}|u[\da-f]{4}|.)|''|\P{M}\p{M}*|./giu;
const ESCAPE = /\\(?:x[\da-f]{2}|u\{[\da-f]+\}|u[\da-f]{4}|.)/giu;

/** Each character takes one column and is a token. */
const INDIVISIBLE = /^[ -&(-[\]-~]*$/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is seen of a value: without its quotes, the mark of a cut and colours. */
export interface Seen {
  readonly body: string;
  /** A backslash starts an escape of ours. */
  readonly escaped: boolean;
  /** The value's end is seen. */
  readonly ends: boolean;
}

export interface Drawn extends Painted {
  readonly isCut: boolean;
  readonly seen: Seen;
}

/** How a value is drawn. */
export interface Form {
  /** The byte that it begins at. */
  readonly start: number;
  /** All that is not ASCII is escaped, and JSON is a text: values that differ look different whatever the font. */
  readonly exact: boolean;
  /** It may be longer than was asked for. */
  readonly roomy: boolean;
}

export const WHOLE: Form = { start: 0, exact: false, roomy: false };

/** A value as text, safe to print. */
export interface Written {
  /** With its quotes; the closing one is missing if more of the value follows. */
  readonly text: string;
  readonly quoted: boolean;
  /** It is in E'…', where a backslash always starts an escape. */
  readonly escaped: boolean;
  /** Nothing was left out. */
  readonly whole: boolean;
  /** The size of the whole value. */
  readonly size: number;
}

/**
 * Draws a value on one line, no wider than `width`. It is bare if it can only be a value; otherwise it is quoted as in
 * SQL, in E'…' with escapes for unprintable characters. JSON has quotes and brackets of its own. A cut value ends in an
 * `…` outside of the quotes, and its size.
 */
export function drawValue(
  value: ColumnValue | undefined,
  width: number,
  kind: Kind,
  palette: Palette,
  paint?: Paint,
  form = WHOLE,
): Drawn {
  if (value === undefined) return drawWord("(absent)", width, palette);
  if (value.kind === "null") return drawWord("NULL", width, palette);
  if (value.kind === "unchanged") return drawWord("(unchanged)", width, palette);
  const written = writeValue(value, width, kind === "json", form);
  const isSized = kind === "json" || kind === "text";
  if (form.start === 0) {
    if (isSized) return drawWritten(written, width, palette, paint);
    return drawScalar(written, kind, width, palette, paint);
  }
  const mark = painted(palette.glyphs.ellipsis, palette.quiet);
  const size = painted(formatSize(value.bytes.length), palette.quiet);
  const drawn = drawWritten(written, width - mark.width, palette, paint, BESIDE_DIFFERENCE_MIN);
  const tells = isSized && !drawn.isCut && mark.width + drawn.width + 1 + size.width <= width;
  const all = tells ? joined(mark, drawn, SPACE, size) : joined(mark, drawn);
  return { ...all, seen: drawn.seen, isCut: true };
}

/** Cut it has no size: that of a number or a time tells nothing. */
function drawScalar(
  written: Written,
  kind: Kind,
  width: number,
  palette: Palette,
  paint: Paint | undefined,
): Drawn {
  const { text, whole } = written;
  if (whole && text.length <= width) return drawWritten(written, width, palette, paint);
  const { ellipsis } = palette.glyphs;
  const part = shortened(text, kind, width - ellipsis.length);
  const seen = seenOf(written, part ?? "", false);
  const mark = painted(ellipsis.slice(0, Math.max(width, 0)), palette.quiet);
  if (part === undefined) return { ...mark, isCut: true, seen };
  return { ...joined(painted(part, paint), mark), isCut: true, seen };
}

/** @param readWidth the most that will be shown of it */
function writeValue(
  value: Extract<ColumnValue, { bytes: Uint8Array }>,
  readWidth: number,
  json: boolean,
  form: Form,
): Written {
  const { bytes } = value;
  const size = bytes.length;
  const rest = bytes.subarray(form.start);
  if (value.kind === "binary") return { ...writeHex(rest, readWidth), size };
  const start = readStart(rest, readWidth);
  if (json && form.start === 0 && !form.exact && start.text !== undefined) {
    const line = jsonOnOneLine(start.text, start.whole);
    if (line !== undefined)
      return { text: line, quoted: false, escaped: false, whole: start.whole, size };
  }
  const written = writeText(start, size, form.exact);
  if (form.start === 0 || written.quoted) return written;
  // A part of a value, not a value.
  return { ...written, text: quote(written.text, start.whole), quoted: true };
}

/** A value in its type's binary form: `\x…`, as bytea prints itself. */
export function writeHex(bytes: Uint8Array, width: number): Written {
  let text = "\\x";
  for (const byte of bytes.subarray(0, width)) text += byte.toString(16).padStart(2, "0");
  const whole = bytes.length <= width;
  return { text, quoted: false, escaped: false, whole, size: bytes.length };
}

export function writeText(start: Start, size: number, exact = false): Written {
  const { text, bytes, whole } = start;
  if (text !== undefined && !isUnclear(text, exact)) {
    const safe = clearLine(text);
    const bare = BYTEA.test(safe) || !AMBIGUOUS.test(safe);
    if (bare) return { text: safe, quoted: false, escaped: false, whole, size };
    return { text: quote(safe, whole), quoted: true, escaped: false, whole, size };
  }
  const escaped = quote(escapeText(text, bytes, exact), whole);
  return { text: `E${escaped}`, quoted: true, escaped: true, whole, size };
}

/** The text between the quotes of E'…': a backslash is doubled, and bytes that are not UTF-8 are `\xff`. */
export function escapeText(text: string | undefined, bytes: Uint8Array, exact = false): string {
  if (text === undefined) return escapeBytes(bytes);
  return clearLine(text.replaceAll("\\", "\\\\"), exact);
}

/**
 * Quotes as in SQL.
 * @param whole adds the closing quote
 */
export function quote(text: string, whole = true): string {
  return `'${text.replaceAll("'", "''")}${whole ? "'" : ""}`;
}

/** As much of it as fits the width, painted. */
export function drawWritten(
  written: Written,
  width: number,
  palette: Palette,
  paint?: Paint,
  besideSizeMin = BESIDE_SIZE_MIN,
): Drawn {
  const { text, quoted, escaped, whole, size } = written;
  if (whole) {
    const columns = textWidth(text);
    if (columns <= width) {
      const drawn = paintText(text, escaped, palette, paint);
      return { text: drawn, width: columns, isCut: false, seen: seenOf(written, text, true) };
    }
  }
  const close = quoted ? "'" : "";
  const open = whole && quoted ? text.slice(0, -1) : text;
  const { ellipsis } = palette.glyphs;
  const told = `${ellipsis} ${formatSize(size)}`;
  const end = width >= told.length + close.length + besideSizeMin ? told : ellipsis;
  // The opening quote is not half of a doubled one.
  const opening = quoted ? open.slice(0, open.indexOf("'") + 1) : "";
  const room = width - close.length - textWidth(end) - opening.length;
  const start = opening + startOfTokens(open.slice(opening.length), room);
  const shown = painted(start + close);
  const mark = painted(end.slice(0, Math.max(width, 0)), palette.quiet);
  if (shown.width + mark.width > width)
    return { ...mark, isCut: true, seen: seenOf(written, "", false) };
  const value = { ...shown, text: paintText(shown.text, escaped, palette, paint) };
  return { ...joined(value, mark), isCut: true, seen: seenOf(written, shown.text, false) };
}

/** @param shown the text, including its quotes if it has any */
export function seenOf(
  { quoted, escaped }: Pick<Written, "quoted" | "escaped">,
  shown: string,
  ends: boolean,
): Seen {
  return { body: quoted ? shown.slice(shown.indexOf("'") + 1, -1) : shown, escaped, ends };
}

/** Its characters with their marks, and its escapes. */
export function tokensOf(text: string): readonly string[] {
  return text.match(TOKEN) ?? [];
}

/**
 * As much of the start as fits `width` columns, cut between two tokens.
 * @param opening the length up to the opening quote, which is not half of a doubled one
 */
export function startOfTokens(text: string, width: number, opening = 0): string {
  if (INDIVISIBLE.test(text)) return text.slice(0, Math.max(width, 0));
  let used = textWidth(text.slice(0, opening));
  if (used > width) return "";
  let at = opening;
  for (const [token] of text.slice(opening).matchAll(TOKEN)) {
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
  if (!escaped) return paint === undefined || text === "" ? text : paint(text);
  const plain = (part: string): string => paintText(part, false, palette, paint);
  let drawn = "";
  let at = 0;
  for (const match of text.matchAll(ESCAPE)) {
    drawn += plain(text.slice(at, match.index)) + palette.escape(match[0]);
    at = match.index + match[0].length;
  }
  return drawn + plain(text.slice(at));
}

/** Cut, it would look like a value. */
export function drawWord(word: string, width: number, palette: Palette): Drawn {
  const isCut = word.length > width;
  const shown = isCut ? palette.glyphs.ellipsis.slice(0, Math.max(width, 0)) : word;
  const seen = { body: isCut ? "" : word, escaped: false, ends: !isCut };
  return { ...painted(shown, palette.quiet), isCut, seen };
}

export interface Text {
  readonly bytes: Uint8Array;
  /** The text unchanged, not safe to print; undefined if it is not UTF-8. */
  readonly text: string | undefined;
}

export interface Start extends Text {
  /** Nothing was left out. */
  readonly whole: boolean;
}

/** Decodes only what can be shown: a value may have a million characters of which forty are shown. */
export function readStart(bytes: Uint8Array, width: number): Start {
  const bytesMax = (width + 1) * CHARACTER_BYTES_MAX;
  const whole = bytes.length <= bytesMax;
  const start = whole ? bytes : bytes.subarray(0, characterBoundary(bytes, bytesMax));
  return { bytes: start, text: decodeUtf8(start), whole };
}

/** Undefined if it is not UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The last place at or before `at` where a character starts that no mark follows there, in either of two texts. */
export function startOfCharacter(texts: readonly Uint8Array[], at: number): number {
  const [bytes = new Uint8Array()] = texts;
  let start = characterBoundary(bytes, at);
  const isJoined = (text: Uint8Array): boolean =>
    JOINING.test(Buffer.from(text.subarray(start, start + CHARACTER_BYTES_MAX)).toString());
  for (let marks = 0; start > 0 && marks < MARKS_MAX && texts.some(isJoined); marks++)
    start = characterBoundary(bytes, start - 1);
  return start;
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

/** Prints bytes that are not UTF-8: `\xff` outside of ASCII, and a doubled backslash. */
function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte === 0x5c) text += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}
