import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { jsonOnOneLine } from "./json.ts";
import { lineToQuote, quote, readStart } from "./value.ts";
import { startWithin, textWidth } from "../terminal/text-width.ts";

/** What they have in common before this is passed over, but for a few characters, and at most as much looked at. */
const COMMON_SHOWN = 6;
const COMPARED_WIDTH_MAX = 10_000;

/**
 * Two values of which at least one is too long, each from shortly before the place where they begin to differ.
 * Undefined: that is not far enough from their start, or too far.
 */
export function formatDifference(
  before: ColumnValue,
  after: ColumnValue,
  width: number,
  json: boolean,
): readonly [before: string, after: string] | undefined {
  const old = wholeLine(before, json);
  const text = wholeLine(after, json);
  if (old === undefined || text === undefined) return undefined;
  const start = commonLength(old.line, text.line) - COMMON_SHOWN;
  if (start < COMMON_SHOWN) return undefined;
  const shown = ({ line, isJson }: WholeLine): string => {
    const end = fromCharacter(line, start);
    const bytes = Buffer.from(end);
    const rest = quote(isJson ? end : lineToQuote({ text: end, bytes }));
    const room = width - 1;
    if (textWidth(rest) <= room) return `…${rest}`;
    return `…${startWithin(rest.slice(0, -1), room - 2)}'…`;
  };
  return [shown(old), shown(text)];
}

/** From there on, but not from the middle of a character. */
function fromCharacter(text: string, start: number): string {
  const low = text.charCodeAt(start);
  return text.slice(low >= 0xdc00 && low <= 0xdfff ? start - 1 : start);
}

interface WholeLine {
  /** JSON is safe to print. Text is as it came: a place in it is not one within an escape. */
  readonly line: string;
  readonly isJson: boolean;
}

function wholeLine(value: ColumnValue, json: boolean): WholeLine | undefined {
  if (value.kind !== "text") return undefined;
  const { text, whole } = readStart(value.bytes, COMPARED_WIDTH_MAX);
  if (text === undefined || !whole) return undefined;
  const line = json ? jsonOnOneLine(text, whole) : undefined;
  return { line: line ?? text, isJson: line !== undefined };
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
