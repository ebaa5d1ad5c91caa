import type { ColumnValue } from "../../pgoutput/tuple.ts";
import { isHostile, sanitizeLine } from "../bytes/sanitize.ts";
import { joined, type Paint, type Painted, painted, type Palette } from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { jsonOnLines, jsonOnOneLine } from "./json.ts";
import { formatSize } from "./numbers.ts";
import {
  BESIDE_SIZE_MIN,
  drawValue,
  escapeText,
  paintText,
  quote,
  readStart,
  type Start,
  startOfTokens,
  writeHex,
} from "./value.ts";

/** On a line by itself only these could be read as something that they are not. */
const AMBIGUOUS_ALONE = /^$|^NULL$|^[('"\s]|^E'|\\|[→⇢]|[\s…]$|\.\.\.$/u;
const BYTEA = /^\\x[\da-f]*$/;
const LINE_BREAK = /(?<=\n)/u;

interface LineLimits {
  /** Of a line. */
  readonly width: number;
  /** Of the whole value. Infinity: all of it. */
  readonly valueWidthMax: number;
}

interface Lines {
  readonly lines: readonly string[];
  readonly escaped: boolean;
}

/**
 * A value on as many lines as it takes: JSON that is longer than one is indented, a text with line breaks
 * has them as `\n` at the end of its lines. An `…` and its size at the very end say that there is more.
 */
export function valueLines(
  value: ColumnValue,
  limits: LineLimits,
  json: boolean,
  palette: Palette,
  paint?: Paint,
): readonly Painted[] {
  const { width, valueWidthMax } = limits;
  if (value.kind === "null" || value.kind === "unchanged")
    return [drawValue(value, width, json, palette)];
  const { bytes } = value;
  if (value.kind === "binary") {
    const hex = writeHex(bytes, valueWidthMax);
    return drawn({ lines: [hex.text], escaped: false }, hex.whole);
  }
  const start = readStart(bytes, valueWidthMax);
  const asJson =
    json && start.text !== undefined ? jsonLines(start.text, start.whole, width) : undefined;
  const written = asJson === undefined ? textLines(start) : { lines: asJson, escaped: false };
  return drawn(written, start.whole);

  function drawn({ lines, escaped }: Lines, whole: boolean): readonly Painted[] {
    const { ellipsis } = palette.glyphs;
    const broke = broken(lines, limits);
    const shown = broke.lines.map((line) => ({
      text: paintText(line, escaped, palette, paint),
      width: textWidth(line),
    }));
    if (whole && broke.whole) return shown;
    const told = `${ellipsis} ${formatSize(bytes.length)}`;
    const room = Math.min(width, valueWidthMax);
    const end = room >= told.length + BESIDE_SIZE_MIN ? told : ellipsis;
    const last = startOfTokens(broke.lines.at(-1) ?? "", room - textWidth(end));
    const mark = painted(end, palette.quiet);
    const painting = { text: paintText(last, escaped, palette, paint), width: textWidth(last) };
    return [...shown.slice(0, -1), joined(painting, mark)];
  }
}

function jsonLines(text: string, whole: boolean, width: number): readonly string[] | undefined {
  const line = jsonOnOneLine(text, whole);
  if (line === undefined || textWidth(line) <= width) return line === undefined ? line : [line];
  return jsonOnLines(text, whole, width);
}

function textLines({ text, bytes }: Start): Lines {
  if (text !== undefined && !isHostile(text)) {
    const safe = sanitizeLine(text);
    const bare = BYTEA.test(safe) || !AMBIGUOUS_ALONE.test(safe);
    return { lines: [bare ? safe : quote(safe)], escaped: false };
  }
  const parts = text?.split(LINE_BREAK) ?? [undefined];
  const last = parts.length - 1;
  // One pair of quotes around all of them.
  const lines = parts.map((part, index) => {
    const quoted = quote(escapeText(part, bytes), index === last);
    return index === 0 ? `E${quoted}` : quoted.slice(1);
  });
  return { lines, escaped: true };
}

/** Lines that are too long go on in the next one; what is too much altogether is left out. */
function broken(
  lines: readonly string[],
  { width, valueWidthMax }: LineLimits,
): { readonly lines: readonly string[]; readonly whole: boolean } {
  const out: string[] = [];
  let left = valueWidthMax;
  for (const line of lines) {
    let rest = line;
    do {
      if (left <= 0) return { lines: out, whole: false };
      const piece = startOfTokens(rest, Math.min(width, left)) || firstCharacter(rest);
      out.push(piece);
      rest = rest.slice(piece.length);
      left -= textWidth(piece);
    } while (rest !== "");
  }
  return { lines: out, whole: true };
}

/** Or a wide one would never fit a width of 1. */
function firstCharacter(text: string): string {
  const [first = ""] = text;
  return first;
}
