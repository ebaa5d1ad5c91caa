import { DecodeError } from "../../errors.ts";
import type { WalPosition } from "../../postgres/messages/messages.ts";
import { isKnownTag } from "../../postgres/messages/decoder.ts";
import { NO_POSITION } from "../../postgres/messages/surroundings.ts";
import { hexDigit } from "./bytea.ts";

/** The last field of a line, the text of a bytea, and the position in its first field. */
export interface LineFields {
  /** The text that `from` and `to` refer to: the line itself, or a copy without the format's quoting. */
  readonly text: Uint8Array;
  readonly from: number;
  readonly to: number;
  readonly position: WalPosition;
  /** The offset of the value's start in the line. */
  readonly source: number;
}

/** Splits a line, given without its line feed. Null if the line holds no row. */
export type SplitLine = (line: Uint8Array, first: boolean) => LineFields | null;

const BAR = 0x7c;
const TAB = 0x09;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_X = 0x78;
const SPACE = 0x20;
const SLASH = 0x2f;

const DASH = 0x2d;
const PLUS = 0x2b;

/** The heading. psql centres it over values of any length. */
const HEADING = /^"?(lsn|location|data)"?\s*(?:[|,\t]|$)/;
/** The line below the rows that psql prints without -t. */
const ROW_COUNT = /^\(\d+ rows?\)\s*$/;
/** How many bytes of a line are needed to recognise these. */
const TRIMMINGS_BYTES = 200;

/** A line of psql's expanded output (`-x`, `\x`): one field of a row. */
const FIELD = /^(lsn|location|xid|data)\s*\| ?/;
const RECORD = /^-\[ RECORD \d+ \]/;

/** psql's output: `\x…` only, or `lsn|xid|\x…`; also aligned output, and expanded output, of which it keeps the lsn. */
export function hexLines(): SplitLine {
  let position = NO_POSITION;
  return (line) => {
    const start = Buffer.from(line.buffer, line.byteOffset, Math.min(line.length, TRIMMINGS_BYTES));
    const text = start.toString("latin1");
    if (RECORD.test(text)) position = NO_POSITION;
    const [field, name] = RECORD.test(text) ? ["", "xid"] : (FIELD.exec(text) ?? []);
    const from = field?.length ?? 0;
    if (name === undefined || (line[from] !== BACKSLASH && name === "data"))
      return splitHexLine(line);
    if (name === "data")
      return { text: line, from, to: endWithoutSpaces(line, from), position, source: from };
    // A heading of the other forms has no position in the second field.
    const value = line.subarray(from);
    if (name !== "xid") position = readLsn(value, value.length) ?? position;
    return null;
  };
}

function endWithoutSpaces(line: Uint8Array, start: number): number {
  let to = line.length;
  while (to > start && line[to - 1] === SPACE) to--;
  return to;
}

function splitHexLine(line: Uint8Array): LineFields | null {
  if (isTrimmings(line, HEADING) || isTrimmings(line, ROW_COUNT) || isRule(line)) return null;
  const { from, position } = readRow(line, BAR);
  const start = behindSpaces(line, from);
  const to = endWithoutSpaces(line, start);
  return { text: line, from: start, to, position, source: start };
}

/** COPY's text format: fields between tabs, backslashes doubled, `\.` at the end if psql wrote it. */
export const splitCopyTextLine: SplitLine = (line, first) => {
  if (first && isTrimmings(line, HEADING)) return null;
  if (line.length === 2 && line[0] === BACKSLASH && line[1] === 0x2e) return null;
  const { from, position } = readRow(line, TAB);
  if (line[from] === BACKSLASH && line[from + 2] === LOWER_X && line[from + 1] === BACKSLASH) {
    return { text: line, from: from + 1, to: line.length, position, source: from + 1 };
  }
  const text = halveBackslashes(line, from);
  return { text, from: 0, to: text.length, position, source: from };
};

/** COPY's CSV format: a value with a comma or a quote (bytea_output = escape) is quoted, its quotes are doubled. */
export const splitCopyCsvLine: SplitLine = (line, first) => {
  if (first && isTrimmings(line, HEADING)) return null;
  const { from, position } = readRow(line, COMMA);
  if (line[from] !== QUOTE) return { text: line, from, to: line.length, position, source: from };
  const text = unquote(line, from);
  return { text, from: 0, to: text.length, position, source: from + 1 };
};

function isTrimmings(line: Uint8Array, what: RegExp): boolean {
  const start = behindSpaces(line, 0);
  if (startsRow(line[start] ?? 0)) return false;
  const text = line.subarray(start, start + TRIMMINGS_BYTES);
  return what.test(Buffer.from(text).toString("latin1"));
}

/** The rule below the heading that psql prints without -A: as wide as the widest value. */
function isRule(line: Uint8Array): boolean {
  if (line[0] !== DASH) return false;
  return line.every((byte) => byte === DASH || byte === PLUS);
}

function behindSpaces(line: Uint8Array, from: number): number {
  let at = from;
  while (line[at] === SPACE) at++;
  return at;
}

/** A backslash, a decimal digit or A to F: most rows start with one, a heading or rule never does. */
function startsRow(byte: number): boolean {
  return byte === BACKSLASH || (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46);
}

/** The start of the row's last field, and the position in the first of three fields. */
interface Row {
  readonly from: number;
  readonly position: WalPosition;
}

function readRow(line: Uint8Array, separator: number): Row {
  const byte = line[0] ?? 0;
  if (byte === BACKSLASH) return { from: 0, position: NO_POSITION };
  const first = line.indexOf(separator);
  const position = first === -1 ? undefined : readLsn(line, first);
  if (position === undefined) {
    // The line is only the bytea; printed with escapes, it starts with the message's first byte.
    if (byte === QUOTE || byte === SPACE || isKnownTag(byte))
      return { from: 0, position: NO_POSITION };
    throw new DecodeError("line: neither a bytea nor lsn, xid and a bytea", 0);
  }
  const second = line.indexOf(separator, first + 1);
  if (second === -1) throw new DecodeError("line: no third field", line.length);
  return { from: second + 1, position };
}

/** Reads the first `to` bytes of the line as pg_lsn prints them; blanks and quotes around it are skipped. */
function readLsn(line: Uint8Array, to: number): WalPosition | undefined {
  let high = 0;
  let low = 0;
  let digits = 0;
  let slashes = 0;
  for (let at = 0; at < to; at++) {
    const byte = line[at] ?? 0;
    const digit = hexDigit(byte);
    if (digit !== undefined) {
      low = low * 16 + digit;
      if (++digits > 8) return undefined;
    } else if (byte === SLASH) {
      high = low;
      low = 0;
      digits = 0;
      slashes++;
    } else if (byte !== SPACE && byte !== QUOTE) {
      return undefined;
    }
  }
  return slashes === 1 && digits > 0 ? { high, low } : undefined;
}

function halveBackslashes(line: Uint8Array, from: number): Uint8Array {
  const text = new Uint8Array(line.length - from);
  let length = 0;
  for (let at = from; at < line.length; at++) {
    if (line[at] === BACKSLASH) at++;
    text[length++] = line[at] ?? 0;
  }
  return text.subarray(0, length);
}

function unquote(line: Uint8Array, from: number): Uint8Array {
  const text = new Uint8Array(line.length - from);
  let length = 0;
  for (let at = from + 1; at < line.length; at++) {
    if (line[at] === QUOTE && line[++at] !== QUOTE) {
      if (at >= line.length) return text.subarray(0, length);
      throw new DecodeError("line: bytes after the closing quote", at);
    }
    text[length++] = line[at] ?? 0;
  }
  throw new DecodeError("line: no closing quote", line.length);
}
