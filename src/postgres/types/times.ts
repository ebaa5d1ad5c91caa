/** The types of dates, times and intervals. */
import type { BinaryReader } from "./binary-reader.ts";
import { civil, toCivil } from "./calendar.ts";
import { dropZeros, writeGroup, writePair } from "./digits.ts";
import { int32At, int64At } from "./integers.ts";
import type { TextBuffer } from "./text-buffer.ts";
import { type BuiltinType, type SqlName, alike, builtin } from "./type.ts";

const DAY_US = 86_400_000_000n;
const HOUR_US = 3_600_000_000n;
const SECOND_US = 1_000_000;

const INT32_MAX = 0x7fffffff;
const INT64_MAX = 0x7fffffffffffffffn;

/** Int32 days since 2000-01-01; the ends of the range are the infinities */
function date(reader: BinaryReader): string {
  const days = reader.int32();
  if (days === INT32_MAX) return "infinity";
  if (days === -INT32_MAX - 1) return "-infinity";
  const { text, era } = calendarDay(days);
  return text + era;
}

/** Int64 microseconds since 2000-01-01 */
function timestamp(reader: BinaryReader): string {
  return formatTimestamp(reader.int64(), "");
}

/** Int64 microseconds since 2000-01-01 UTC, which is also the session's zone */
function timestamptz(reader: BinaryReader): string {
  return formatTimestamp(reader.int64(), "+00");
}

/** Int64 microseconds since midnight */
function time(reader: BinaryReader): string {
  const us = reader.int64();
  if (us < 0n || us > DAY_US) throw reader.unfit();
  return timeOfDay(us);
}

/** Int64 microseconds since midnight  Int32 seconds west of UTC */
function timetz(reader: BinaryReader): string {
  return time(reader) + formatZone(reader.int32());
}

/** `10:57:43.1`; the hours may exceed 23. */
function timeOfDay(us: bigint): string {
  const ofHour = Number(us % HOUR_US);
  const fraction = ofHour % SECOND_US;
  const seconds = (ofHour - fraction) / SECOND_US;
  const minutes = Math.floor(seconds / 60);
  const clock = `${pad(Number(us / HOUR_US), 2)}:${pad(minutes, 2)}:${pad(seconds % 60, 2)}`;
  return fraction === 0 ? clock : `${clock}.${pad(fraction, 6).replace(/0+$/, "")}`;
}

function formatTimestamp(us: bigint, zone: string): string {
  if (us === INT64_MAX) return "infinity";
  if (us === -INT64_MAX - 1n) return "-infinity";
  const ofDay = ((us % DAY_US) + DAY_US) % DAY_US;
  const { text, era } = calendarDay(Number((us - ofDay) / DAY_US));
  return `${text} ${timeOfDay(ofDay)}${zone}${era}`;
}

/** `2026-11-24`, and ` BC` for behind time and zone. */
function calendarDay(sinceEpoch: number): { text: string; era: string } {
  toCivil(sinceEpoch);
  const { day, month, year } = civil;
  const shown = year > 0 ? year : 1 - year;
  return {
    text: `${pad(shown, 4)}-${pad(month, 2)}-${pad(day, 2)}`,
    era: year > 0 ? "" : " BC",
  };
}

/** `+05:30:15`: minutes and seconds only if they are not 0. */
function formatZone(west: number): string {
  const seconds = Math.abs(west);
  let zone = (west > 0 ? "-" : "+") + pad(Math.floor(seconds / 3600), 2);
  const minutes = Math.floor(seconds / 60) % 60;
  if (seconds % 60 !== 0) zone += `:${pad(minutes, 2)}:${pad(seconds % 60, 2)}`;
  else if (minutes !== 0) zone += `:${pad(minutes, 2)}`;
  return zone;
}

function pad(number: number, width: number): string {
  return String(number).padStart(width, "0");
}

const MONTHS_A_YEAR = 12;

/**
 * Int64 microseconds  Int32 days  Int32 months, each with its own sign
 *
 * Printed as with IntervalStyle postgres: `1 year 2 mons -3 days +04:05:06.789`.
 */
function interval(reader: BinaryReader): string {
  const us = reader.int64();
  const days = reader.int32();
  const months = reader.int32();
  // From PostgreSQL 17 on. Before, it was the largest interval, which does not occur in practice.
  if (us === INT64_MAX && days === INT32_MAX && months === INT32_MAX) return "infinity";
  if (us === -INT64_MAX - 1n && days === -INT32_MAX - 1 && months === -INT32_MAX - 1) {
    return "-infinity";
  }
  return formatInterval(Math.trunc(months / MONTHS_A_YEAR), months % MONTHS_A_YEAR, days, us);
}

function formatInterval(years: number, months: number, days: number, us: bigint): string {
  const parts: string[] = [];
  // A part behind a negative one always gets a sign.
  let afterNegative = false;
  for (const [count, unit] of [
    [years, "year"],
    [months, "mon"],
    [days, "day"],
  ] as const) {
    if (count === 0) continue;
    const plus = afterNegative && count > 0 ? "+" : "";
    parts.push(`${plus}${count} ${unit}${count === 1 ? "" : "s"}`);
    afterNegative = count < 0;
  }
  if (us !== 0n || parts.length === 0) {
    const sign = us < 0n ? "-" : afterNegative ? "+" : "";
    parts.push(sign + timeOfDay(us < 0n ? -us : us));
  }
  return parts.join(" ");
}

const [SPACE, PLUS, MINUS, POINT, COLON] = [0x20, 0x2b, 0x2d, 0x2e, 0x3a];
const DAY_MICROS = 86_400_000_000;

function writeDate(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  return end - start === 4 && writeDay(out, int32At(bytes, start));
}

function writeTimestamp(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (end - start !== 8) return false;
  const micros = int64At(bytes, start);
  if (!Number.isSafeInteger(micros)) return false;
  let day = Math.floor(micros / DAY_MICROS);
  let ofDay = micros - day * DAY_MICROS;
  // The quotient may have been rounded up.
  if (ofDay < 0) {
    day--;
    ofDay += DAY_MICROS;
  }
  if (!writeDay(out, day)) return false;
  out.bytes[out.offset++] = SPACE;
  writeClock(out, ofDay);
  return true;
}

function writeTimestamptz(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  if (!writeTimestamp(bytes, start, end, out)) return false;
  out.bytes[out.offset++] = PLUS;
  writePair(out, 0);
  return true;
}

function writeTime(bytes: Uint8Array, start: number, end: number, out: TextBuffer): boolean {
  const micros = end - start === 8 ? int64At(bytes, start) : -1;
  if (micros < 0 || micros > DAY_MICROS) return false;
  writeClock(out, micros);
  return true;
}

/** The first day of year 1, from 2000-01-01; years outside of 1 to 9999 take more to write. */
const FIRST_DAY = -730_119;
const LAST_DAY = 2_921_939;
function writeDay(out: TextBuffer, sinceEpoch: number): boolean {
  if (sinceEpoch < FIRST_DAY || sinceEpoch > LAST_DAY) return false;
  toCivil(sinceEpoch);
  writeGroup(out, civil.year);
  out.bytes[out.offset++] = MINUS;
  writePair(out, civil.month);
  out.bytes[out.offset++] = MINUS;
  writePair(out, civil.day);
  return true;
}

/** `10:57:43.1` */
function writeClock(out: TextBuffer, micros: number): void {
  const seconds = Math.floor(micros / 1_000_000);
  const minutes = (seconds / 60) | 0;
  const hours = (minutes / 60) | 0;
  writePair(out, hours);
  out.bytes[out.offset++] = COLON;
  writePair(out, minutes - hours * 60);
  out.bytes[out.offset++] = COLON;
  writePair(out, seconds - minutes * 60);
  const fraction = micros - seconds * 1_000_000;
  if (fraction === 0) return;
  out.bytes[out.offset++] = POINT;
  const upper = (fraction / 10_000) | 0;
  writePair(out, upper);
  writeGroup(out, fraction - upper * 10_000);
  dropZeros(out, 0);
}

/** The bits of an interval's modifier (PostgreSQL's utils/timestamp.h), by SQL's names of the fields. */
const [MONTH, YEAR, DAY, HOUR, MINUTE, SECOND] = [1, 2, 3, 10, 11, 12].map((bit) => 1 << bit);
const FULL_RANGE = 0x7fff;
const FULL_PRECISION = 0xffff;

const FIELDS = new Map<number, string>(
  (
    [
      [[YEAR], "year"],
      [[MONTH], "month"],
      [[DAY], "day"],
      [[HOUR], "hour"],
      [[MINUTE], "minute"],
      [[SECOND], "second"],
      [[YEAR, MONTH], "year to month"],
      [[DAY, HOUR], "day to hour"],
      [[DAY, HOUR, MINUTE], "day to minute"],
      [[DAY, HOUR, MINUTE, SECOND], "day to second"],
      [[HOUR, MINUTE], "hour to minute"],
      [[HOUR, MINUTE, SECOND], "hour to second"],
      [[MINUTE, SECOND], "minute to second"],
    ] as const
  ).map(([bits, name]) => [bits.reduce<number>((mask, bit) => mask | (bit ?? 0), 0), name]),
);

/** The text behind `interval`, with its leading space if there is one: ` day to second(3)`. */
function intervalModifier(modifier: number): string {
  if (modifier < 0) return "";
  const range = (modifier >> 16) & FULL_RANGE;
  const precision = modifier & FULL_PRECISION;
  const fields = range === FULL_RANGE ? undefined : FIELDS.get(range);
  const digits = precision === FULL_PRECISION ? "" : `(${precision})`;
  return `${fields === undefined ? "" : ` ${fields}`}${digits}`;
}

const WITHOUT: Omit<SqlName, "name"> = { suffix: " without time zone" };
const WITH: Omit<SqlName, "name"> = { suffix: " with time zone" };

export const TIMES: readonly BuiltinType[] = [
  builtin(1082, "date", 1182, "date", alike(date, { write: writeDate, isPlain: true })),
  builtin(1083, "time", 1183, "time", alike(time, { write: writeTime, isPlain: true }), {
    name: "time",
    ...WITHOUT,
  }),
  builtin(1266, "timetz", 1270, "timetz", alike(timetz), { name: "time", ...WITH }),
  builtin(1114, "timestamp", 1115, "timestamp", alike(timestamp, { write: writeTimestamp }), {
    name: "timestamp",
    ...WITHOUT,
  }),
  builtin(
    1184,
    "timestamptz",
    1185,
    "timestamptz",
    alike(timestamptz, { write: writeTimestamptz }),
    { name: "timestamp", ...WITH },
  ),
  builtin(1186, "interval", 1187, "interval", alike(interval), {
    name: "interval",
    modifier: intervalModifier,
  }),
];
