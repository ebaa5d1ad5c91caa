import type { ColumnValue } from "../../postgres/messages/tuple.ts";
import { clearLine, isUnclear } from "../bytes/sanitize.ts";
import { joined, type Paint, type Painted, painted, type Palette } from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { jsonOnLines, jsonOnOneLine } from "./json.ts";
import { formatSize } from "./numbers.ts";
import {
  BESIDE_SIZE_MIN,
  drawValue,
  escapeText,
  type Form,
  paintText,
  quote,
  readStart,
  type Seen,
  seenOf,
  type Start,
  startOfTokens,
  WHOLE,
  writeHex,
} from "./value.ts";

/** Only these texts could be misread on a line of their own. */
const AMBIGUOUS_ALONE = /^$|^NULL$|^[('"\s…]|^\.\.\.|^E'|\\|[→⇢]|[\s…]$|\.\.\.$/u;
const BYTEA = /^\\x[\da-f]*$/;
const LINE_BREAK = /(?<=\n)/u;

interface LineLimits {
  /** The width of a line. */
  readonly width: number;
  /** The width of the whole value; Infinity for all of it. */
  readonly valueWidthMax: number;
}

interface Lines {
  readonly lines: readonly string[];
  readonly quoted: boolean;
  readonly escaped: boolean;
}

interface DrawnLines {
  readonly lines: readonly Painted[];
  readonly seen: Seen;
}

/**
 * A value on as many lines as needed: long JSON is indented, and a text with line breaks has `\n` at the end of its
 * lines. An `…` and the value's size at the end say that more follows.
 */
export function valueLines(
  value: ColumnValue,
  limits: LineLimits,
  json: boolean,
  palette: Palette,
  paint?: Paint,
  form = WHOLE,
): DrawnLines {
  const { width, valueWidthMax } = limits;
  if (value.kind === "null" || value.kind === "unchanged") {
    const word = drawValue(value, width, "text", palette);
    return { lines: [word], seen: word.seen };
  }
  const { bytes } = value;
  const rest = bytes.subarray(form.start);
  let asJson: readonly string[] | undefined;
  const { ellipsis } = palette.glyphs;
  if (value.kind === "binary") {
    const hex = writeHex(rest, valueWidthMax);
    return drawn({ ...hex, lines: [hex.text] }, hex.whole);
  }
  const start = readStart(rest, valueWidthMax);
  if (json && form.start === 0 && !form.exact && start.text !== undefined) {
    asJson = jsonLines(start.text, start.whole, width);
  }
  const written =
    asJson === undefined
      ? textLines(start, form)
      : { lines: asJson, quoted: false, escaped: false };
  return drawn(written, start.whole);

  function drawn(all: Lines, whole: boolean): DrawnLines {
    const { escaped } = all;
    const [head = "", ...others] = all.lines;
    const first = form.start > 0 ? ellipsis + head : head;
    const opening = all.quoted ? first.indexOf("'") + 1 : 0;
    const broke = broken([first, ...others], limits, opening);
    const shown = broke.lines.map((line) => ({
      text: paintText(line, escaped, palette, paint),
      width: textWidth(line),
    }));
    const seen = (lines: readonly string[], ends: boolean): Seen => {
      // Nobody sees spaces where a line breaks.
      const text = lines
        .map((line, at) => (at < lines.length - 1 ? line.replace(/ +$/, "") : line))
        .map((line, at) => (at > 0 ? line.replace(/^ +/, "") : line))
        .join("")
        .slice(form.start > 0 ? ellipsis.length : 0);
      // How JSON is laid out depends on the width.
      const told = asJson === undefined ? text : text.replaceAll(" ", "");
      return seenOf(all, all.quoted && !ends ? `${told}'` : told, ends);
    };
    if (whole && broke.whole) return { lines: shown, seen: seen(broke.lines, true) };
    const more = `${ellipsis} ${formatSize(bytes.length)}`;
    const room = Math.min(width, valueWidthMax);
    const end = room >= more.length + BESIDE_SIZE_MIN ? more : ellipsis;
    const [line = ""] = broke.lines.slice(-1);
    const last = startOfTokens(line, room - textWidth(end), broke.lines.length > 1 ? 0 : opening);
    const mark = painted(end, palette.quiet);
    const painting = { text: paintText(last, escaped, palette, paint), width: textWidth(last) };
    return {
      lines: [...shown.slice(0, -1), joined(painting, mark)],
      seen: seen([...broke.lines.slice(0, -1), last], false),
    };
  }
}

function jsonLines(text: string, whole: boolean, width: number): readonly string[] | undefined {
  const line = jsonOnOneLine(text, whole);
  if (line === undefined || textWidth(line) <= width) return line === undefined ? line : [line];
  return jsonOnLines(text, whole, width);
}

function textLines({ text, bytes, whole }: Start, { start, exact }: Form): Lines {
  if (text !== undefined && !isUnclear(text, exact)) {
    const safe = clearLine(text);
    const bare = start === 0 && (BYTEA.test(safe) || !AMBIGUOUS_ALONE.test(safe));
    return { lines: [bare ? safe : quote(safe, whole)], quoted: !bare, escaped: false };
  }
  const parts = text?.split(LINE_BREAK) ?? [undefined];
  const last = parts.length - 1;
  // One pair of quotes encloses all lines.
  const lines = parts.map((part, index) => {
    const quoted = quote(escapeText(part, bytes, exact), index === last && whole);
    return index === 0 ? `E${quoted}` : quoted.slice(1);
  });
  return { lines, quoted: true, escaped: true };
}

/** Breaks lines that are too long. What exceeds the whole is left out. */
function broken(
  lines: readonly string[],
  { width, valueWidthMax }: LineLimits,
  opening: number,
): { readonly lines: readonly string[]; readonly whole: boolean } {
  const out: string[] = [];
  let left = valueWidthMax;
  for (const line of lines) {
    let rest = line;
    do {
      if (left <= 0) return { lines: out, whole: false };
      const fitting = startOfTokens(rest, Math.min(width, left), out.length === 0 ? opening : 0);
      if (fitting === "" && left < width) return { lines: out, whole: false };
      const piece = fitting || firstCharacter(rest);
      out.push(piece);
      rest = rest.slice(piece.length);
      left -= textWidth(piece);
    } while (rest !== "");
  }
  return { lines: out, whole: true };
}

/** Otherwise a wide character would never fit a width of 1. */
function firstCharacter(text: string): string {
  const [first = ""] = text;
  return first;
}
