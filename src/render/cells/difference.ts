import type { ColumnValue } from "../../pgoutput/tuple.ts";
import {
  joined,
  type Paint,
  type Painted,
  painted,
  type Palette,
  SPACE,
} from "../terminal/painted.ts";
import { textWidth } from "../terminal/text-width.ts";
import { formatSize } from "./numbers.ts";
import { characterBoundary, drawWritten, readStart, writeText } from "./value.ts";

/** Bytes that two long values have in common before they differ: more than these are passed over. */
const COMMON_SHOWN = 6;

/**
 * Two values of which at least one is cut, each from shortly before the place where they begin to differ.
 * Undefined: that is not far enough from their start.
 */
export function drawDifference(
  before: ColumnValue,
  after: ColumnValue,
  width: number,
  palette: Palette,
): readonly [before: Painted, after: Painted] | undefined {
  if (before.kind !== "text" || after.kind !== "text") return undefined;
  const common = commonLength(before.bytes, after.bytes);
  const start = characterBoundary(before.bytes, Math.max(0, common - COMMON_SHOWN));
  if (start < COMMON_SHOWN) return undefined;
  const draw = (bytes: Uint8Array, paint: Paint): Painted => {
    const mark = painted(palette.glyphs.ellipsis, palette.quiet);
    const rest = bytes.subarray(start);
    const end = readStart(rest, width);
    const { text, escaped, quoted } = writeText(end, bytes.length);
    const whole = quoted ? text : `'${text}${end.whole ? "'" : ""}`;
    const size = painted(formatSize(bytes.length), palette.quiet);
    const room = width - mark.width;
    const written = { text: whole, escaped, quoted: true, whole: end.whole, size: bytes.length };
    const tells = end.whole && textWidth(whole) + 1 + size.width <= room;
    const drawn = drawWritten(written, room, palette, paint);
    return tells ? joined(mark, drawn, SPACE, size) : joined(mark, drawn);
  };
  return [draw(before.bytes, palette.oldValue), draw(after.bytes, palette.newValue)];
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length += 1;
  return length;
}
