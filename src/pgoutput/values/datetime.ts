import type { BinaryReader } from "./binary-reader.ts";

const DAY_US = 86_400_000_000n;
const HOUR_US = 3_600_000_000n;
const SECOND_US = 1_000_000;
/** Days from 0000-03-01 (proleptic Gregorian) to 2000-01-01. */
const EPOCH_DAYS = 730_425;
/** Days in 400 years. */
const ERA_DAYS = 146_097;

const INT32_MAX = 0x7fffffff;
const INT64_MAX = 0x7fffffffffffffffn;

/** Int32 days since 2000-01-01; the ends of the range are the infinities */
export function date(reader: BinaryReader): string {
  const days = reader.int32();
  if (days === INT32_MAX) return "infinity";
  if (days === -INT32_MAX - 1) return "-infinity";
  const { text, era } = calendarDay(days);
  return text + era;
}

/** Int64 microseconds since 2000-01-01 */
export function timestamp(reader: BinaryReader): string {
  return formatTimestamp(reader.int64(), "");
}

/** Int64 microseconds since 2000-01-01 UTC, which is also the session's zone */
export function timestamptz(reader: BinaryReader): string {
  return formatTimestamp(reader.int64(), "+00");
}

/** Int64 microseconds since midnight */
export function time(reader: BinaryReader): string {
  const us = reader.int64();
  if (us < 0n || us > DAY_US) throw reader.unfit();
  return timeOfDay(us);
}

/** Int64 microseconds since midnight  Int32 seconds west of UTC */
export function timetz(reader: BinaryReader): string {
  return time(reader) + formatZone(reader.int32());
}

/** `10:57:43.1`; the hours may exceed 23. */
export function timeOfDay(us: bigint): string {
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
  // Years that begin in March have their leap day at the end, and every 400 of them are alike.
  const days = sinceEpoch + EPOCH_DAYS;
  const era = Math.floor(days / ERA_DAYS);
  const ofEra = days - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (ofEra -
      Math.floor(ofEra / 1460) +
      Math.floor(ofEra / 36_524) -
      Math.floor(ofEra / (ERA_DAYS - 1))) /
      365,
  );
  const ofYear =
    ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  // March is 0. From March on, the lengths of the months repeat every five months: 153 days.
  const month = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * month + 2) / 5) + 1;
  const year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0);
  const shown = year > 0 ? year : 1 - year;
  const monthOfYear = month >= 10 ? month - 9 : month + 3;
  return {
    text: `${pad(shown, 4)}-${pad(monthOfYear, 2)}-${pad(day, 2)}`,
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
