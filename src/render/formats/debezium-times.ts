/** Converts PostgreSQL's ISO text forms of dates and times to the numbers and strings of io.debezium.time. */
import type { PgTime } from "../../pg-time.ts";
import { civil, daysOf, toCivil } from "../../postgres/types/calendar.ts";

const DAY_MICROS = 86_400_000_000n;
const SECOND_MICROS = 1_000_000n;
/** 1970-01-01 in the protocol's microseconds. */
const EPOCH = -BigInt(Date.UTC(2000, 0, 1)) * 1000n;
/** From 1970-01-01 to 2000-01-01. */
const EPOCH_DAYS = 10_957;

interface Moment {
  /** Days since 1970-01-01, proleptic Gregorian. */
  readonly days: number;
  readonly micros: bigint;
}

const DATE = /^(\d{4,7})-(\d\d)-(\d\d)( BC)?$/;
const CLOCK = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/;
const ZONED = /^(.*?)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?( BC)?$/;

/** Microseconds since 1970-01-01. */
export function unixMicros(time: PgTime): bigint {
  return BigInt(time) - EPOCH;
}

/** `2026-11-24` → days since 1970-01-01. Undefined for infinity, or if it is not a date. */
export function daysOfDate(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [, digits = "", month = "", day = "", bc] = match;
  const year = bc === undefined ? Number(digits) : 1 - Number(digits);
  const days = Number(digits) === 0 ? undefined : daysOf(year, Number(month), Number(day));
  return days === undefined ? undefined : days + EPOCH_DAYS;
}

/** `10:57:43.1` → microseconds since midnight. */
export function microsOfTime(text: string): bigint | undefined {
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const [, hours = "", minutes = "", seconds = "", fraction = ""] = match;
  if (Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const whole = BigInt((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds));
  const micros = whole * SECOND_MICROS + BigInt(fraction.padEnd(6, "0"));
  return micros > DAY_MICROS ? undefined : micros;
}

/** `2026-11-24 10:57:43.1` → microseconds since 1970-01-01. */
export function microsOfTimestamp(text: string): bigint | undefined {
  const moment = parseTimestamp(text);
  return moment && BigInt(moment.days) * DAY_MICROS + moment.micros;
}

/** `2026-11-24 10:57:43.1+01` → `2026-11-24T09:57:43.100000Z`, with `fractionDigits` digits in the fraction. */
export function zonedTimestamp(text: string, fractionDigits: number): string | undefined {
  const [, local = "", sign = "", hours = "", minutes = "0", seconds = "0", bc = ""] =
    ZONED.exec(text) ?? [];
  const micros = microsOfTimestamp(local + bc);
  const offset = offsetMicros(sign, hours, minutes, seconds);
  if (micros === undefined || offset === undefined) return undefined;
  const utc = micros - offset;
  const days = floorDivide(utc, DAY_MICROS);
  return `${formatDate(Number(days))}T${formatTime(utc - days * DAY_MICROS, fractionDigits)}Z`;
}

/** `10:57:43+02` → `08:57:43Z`. A change of day is lost. 24:00 in UTC stays 24:00. */
export function zonedTime(text: string): string | undefined {
  const [, local = "", sign = "", hours = "", minutes = "0", seconds = "0"] =
    ZONED.exec(text) ?? [];
  const micros = microsOfTime(local);
  const offset = offsetMicros(sign, hours, minutes, seconds);
  if (micros === undefined || offset === undefined) return undefined;
  if (micros === DAY_MICROS && offset === 0n) return "24:00:00Z";
  const utc = micros - offset;
  const inDay = utc - floorDivide(utc, DAY_MICROS) * DAY_MICROS;
  return `${formatTime(inDay, fractionOf(local))}Z`;
}

const UNITS = /^(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?/;
const INTERVAL_CLOCK = /^([+-]?)(\d+):(\d\d):(\d\d(?:\.\d+)?)$/;

/** `1 year 2 mons 3 days 04:05:06.78` → `P1Y2M3DT4H5M6.78S`, every part, as interval.handling.mode=string. */
export function isoInterval(text: string): string | undefined {
  const [units = "", years = "0", months = "0", days = "0"] = UNITS.exec(text) ?? [];
  const rest = text.slice(units.length);
  const clock = INTERVAL_CLOCK.exec(rest);
  if (clock === null && (rest !== "" || units === "" || units.endsWith(" "))) return undefined;
  const [, sign = "", hours = "0", minutes = "0", seconds = "0"] = clock ?? [];
  const count = (digits: string): string => String(Number(digits));
  const part = (digits: string): string => {
    const plain = digits.replace(/^0+(?=\d)/, "");
    return sign === "-" && /[1-9]/.test(plain) ? `-${plain}` : plain;
  };
  return (
    `P${count(years)}Y${count(months)}M${count(days)}D` +
    `T${part(hours)}H${part(minutes)}M${part(seconds)}S`
  );
}

function parseTimestamp(text: string): Moment | undefined {
  const match = /^(\S+) (\S+)( BC)?$/.exec(text);
  if (match === null) return undefined;
  const days = daysOfDate(`${match[1]}${match[3] ?? ""}`);
  const micros = microsOfTime(match[2] ?? "");
  return days === undefined || micros === undefined ? undefined : { days, micros };
}

function fractionOf(local: string): number {
  return /\.(\d+)/.exec(local)?.[1]?.length ?? 0;
}

/** Undefined: no zone is that far from UTC. */
function offsetMicros(
  sign: string,
  hours: string,
  minutes: string,
  seconds: string,
): bigint | undefined {
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined;
  const total = BigInt((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds));
  return (sign === "-" ? -total : total) * SECOND_MICROS;
}

/** Years that do not have four digits get a sign, as in ISO 8601; 1 BC is the year 0. */
function formatDate(days: number): string {
  toCivil(days - EPOCH_DAYS);
  const { day, month, year } = civil;
  const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${sign}${String(Math.abs(year)).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

function formatTime(micros: bigint, fractionDigits: number): string {
  const seconds = Number(micros / SECOND_MICROS);
  const two = (value: number): string => String(value).padStart(2, "0");
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(two);
  if (fractionDigits === 0) return clock.join(":");
  const fraction = (micros % SECOND_MICROS).toString().padStart(6, "0").slice(0, fractionDigits);
  return `${clock.join(":")}.${fraction}`;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}
