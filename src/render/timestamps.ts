import type { ByteWriter } from "./byte-writer.ts";
import { writeString } from "./json-text.ts";

const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const MINUS = 0x2d;
const COLON = 0x3a;
const ZERO = 0x30;
const LETTER_T = 0x54;

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
  const time = bytes.indexOf(COLON, start);
  if (time === -1 || time >= end) return writeString(out, bytes, view, start, end);
  let zone = time;
  while (zone < end && bytes[zone] !== PLUS && bytes[zone] !== MINUS) zone++;
  const hoursEnd = zone + 3;
  if (hoursEnd > end || (hoursEnd < end && bytes[hoursEnd] === COLON)) {
    return writeTimestamp(out, bytes, view, start, end);
  }
  const before = out.offset;
  out.reserve(end - start + 5);
  out.bytes[out.offset++] = QUOTE;
  out.copy(bytes, start, hoursEnd);
  out.reserve(end - hoursEnd + 4);
  out.bytes[out.offset++] = COLON;
  out.bytes[out.offset++] = ZERO;
  out.bytes[out.offset++] = ZERO;
  out.copy(bytes, hoursEnd, end);
  out.byte(QUOTE);
  setDateTimeSeparator(out, before);
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
