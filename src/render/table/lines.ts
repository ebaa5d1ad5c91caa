import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { jsonOnLines, jsonOnOneLine } from "./json.ts";
import {
  bareLine,
  formatBytes,
  formatValue,
  lineToQuote,
  looksEscaped,
  quote,
  readStart,
} from "./value.ts";
import { startWithin, textWidth } from "../terminal/text-width.ts";

/** On a line by itself only these could be read as something that they are not. */
const AMBIGUOUS_ALONE = /^$|^NULL$|^[('"\s]|→|[\s…]$/u;
const LINE_BREAK = /(?<=\n)/u;

interface LineLimits {
  /** Of a line. */
  readonly width: number;
  /** Of the whole value. Infinity: all of it. */
  readonly valueWidthMax: number;
}

/**
 * A value on as many lines as it takes: JSON that is longer than one is indented, a text with line breaks
 * has them as `\n` at the end of its lines. An `…` at the very end says that there is more.
 */
export function valueLines(
  value: ColumnValue,
  limits: LineLimits,
  json: boolean,
): readonly string[] {
  const { width, valueWidthMax } = limits;
  if (value.kind === "null" || value.kind === "unchanged") return [formatValue(value, width, json)];
  if (value.kind === "binary") return broken([formatBytes(value.bytes, valueWidthMax)], limits);
  const { text, whole, bytes } = readStart(value.bytes, valueWidthMax);
  const asJson = json && text !== undefined ? jsonLines(text, whole, width) : undefined;
  return broken(asJson ?? textLines(text, bytes), limits, whole);
}

function jsonLines(text: string, whole: boolean, width: number): readonly string[] | undefined {
  const line = jsonOnOneLine(text, whole);
  if (line === undefined || textWidth(line) <= width) return line === undefined ? line : [line];
  return jsonOnLines(text, whole, width);
}

function textLines(text: string | undefined, bytes: Uint8Array): readonly string[] {
  const lines = text?.split(LINE_BREAK) ?? [undefined];
  const bare = lines.map((line) => bareLine({ text: line, bytes }));
  const all = bare.join("");
  if (!looksEscaped({ text, bytes }, all) && !AMBIGUOUS_ALONE.test(all)) return bare;
  return quoteLines(lines.map((line) => lineToQuote({ text: line, bytes })));
}

/** One pair of quotes around all of them. */
function quoteLines(lines: readonly string[]): readonly string[] {
  const last = lines.length - 1;
  return lines.map((line, index) => {
    const start = index === 0 ? 0 : 1;
    return quote(line).slice(start, index === last ? undefined : -1);
  });
}

/** Lines that are too long go on in the next one; what is too much altogether is left out. */
function broken(
  lines: readonly string[],
  { width, valueWidthMax }: LineLimits,
  whole = true,
): readonly string[] {
  const out: string[] = [];
  let left = valueWidthMax;
  for (const line of lines) {
    let rest = line;
    do {
      const piece = startWithin(rest, Math.min(width, left)) || firstCharacter(rest);
      if (left <= 0) return cutAtEnd(out, Math.min(width, valueWidthMax));
      out.push(piece);
      rest = rest.slice(piece.length);
      left -= textWidth(piece);
    } while (rest !== "");
  }
  return whole ? out : cutAtEnd(out, Math.min(width, valueWidthMax));
}

/** Or a wide one would never fit a width of 1. */
function firstCharacter(text: string): string {
  const [first = ""] = text;
  return first;
}

function cutAtEnd(lines: readonly string[], width: number): readonly string[] {
  const last = lines.at(-1) ?? "";
  return [...lines.slice(0, -1), `${startWithin(last, width - 1)}…`];
}
