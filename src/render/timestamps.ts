import { type ByteWriter, piece } from "./byte-writer.ts";
import { writeString } from "./json-text.ts";

const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const LETTER_C = 0x43;
const LETTER_T = 0x54;
/** Whatever is shorter is no time: `-infinity`. */
const DATE_BYTES = 10;
const MINUTES_END = piece(':00"');
const MINUTES_BC_END = piece(':00 BC"');

/** `2026-11-24 10:57:43.1 BC` → `"2026-11-24T10:57:43.1 BC"`; infinity stays as it is. */
export function writeTimestamp(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): void {
  const before = out.offset;
  writeString(out, bytes, view, start, end);
  setDateTimeSeparator(out, before);
}

/**
 * The same with the zone's minutes, which row_to_json always prints and the ISO DateStyle only when
 * they are not 0: `10:57:43+00` → `10:57:43+00:00`.
 */
export function writeTimestampTz(
  out: ByteWriter,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): void {
  writeTimestamp(out, bytes, view, start, end);
  if (endsWithHours(bytes, start, end)) {
    out.offset -= 1;
    out.piece(MINUTES_END);
  } else if (bytes[end - 1] === LETTER_C && endsWithHours(bytes, start, end - 3)) {
    out.offset -= 4;
    out.piece(MINUTES_BC_END);
  }
}

/** `+00` or `-11`, and not the minutes of `+05:30`. */
function endsWithHours(bytes: Uint8Array, start: number, end: number): boolean {
  const sign = bytes[end - 3];
  return end - start > DATE_BYTES && (sign === PLUS || sign === MINUS);
}

/** The first space of the value is the one between date and time, unless there is no time. */
function setDateTimeSeparator(out: ByteWriter, start: number): void {
  for (let at = start; at < out.offset; at++) {
    if (out.bytes[at] === SPACE) {
      out.bytes[at] = LETTER_T;
      return;
    }
  }
}
