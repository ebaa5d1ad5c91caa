/** TIME, wherever an option takes one: ISO 8601, a timestamptz as PostgreSQL prints it, or what people say. */
import { usageError } from "../errors.ts";
import { type PgTime, formatPgTime, pgTimeFromUnixMs } from "../pg-time.ts";
import { type TimeMode, Times } from "../render/cells/times.ts";

/** The flags as commander passes them. */
export interface TimeFlags {
  readonly since?: string;
  readonly until?: string;
  /** --time local: a TIME without a zone is in the zone of the process (TZ), otherwise UTC. */
  readonly time?: TimeMode;
  /** More is awaited, so that --until may be in the future. */
  readonly follow?: boolean;
}

export interface TimeRange {
  readonly since: PgTime | undefined;
  readonly until: PgTime | undefined;
  /** What a TIME that depends on the clock or has no zone was taken for. Undefined: no TIME does. */
  readonly taken: string | undefined;
}

const DAY_MS = 86_400_000;
const CLOCK = String.raw`(?<hour>\d{1,2})(?::(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d{1,6}))?)?)?(?:\s*(?<half>[ap])m)?|(?<word>noon|midnight)`;
const ZONE = String.raw`Z|UTC|[+-]\d\d(?::?\d\d)?`;
/** A day, a time of the day, or both. */
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const MOMENT = new RegExp(
  String.raw`^(?<day>\d{4}-\d\d-\d\d|today|yesterday|tomorrow|last\s+(?:${WEEKDAYS.join("|")}))?(?:(?:^|[T ] *)(?:${CLOCK}))?\s*(?<zone>${ZONE})?$`,
  "i",
);
/** By their first letter; `m` is a minute, as in an interval of PostgreSQL. */
const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };
const UNIT = "(?:s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:r|our)?s?|d(?:ays?)?|w(?:eeks?)?)";
const NUMBERS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
const COUNT = String.raw`\d{1,9}(?:\.\d{1,6})?|(?:half(?:\s+an?)?|an?|${NUMBERS.join("|")})\b`;
const LAST = String.raw`(?:the\s+)?(?:last|past)\s`;
/** Of `last hour` the count is one. */
const PART = String.raw`(?:(?:${COUNT})\s*|(?<=^${LAST}\s*))${UNIT}`;
const SPAN = new RegExp(
  String.raw`^((?:now\s*)?[+-]|in\s|${LAST})?\s*(${PART}(?:\s*${PART})*)(\s+ago)?$`,
  "i",
);
const COUNTED = new RegExp(String.raw`(${COUNT})?\s*([smhdw])[a-z]*`, "gi");

/**
 * @param nowMs the clock that `1h` and `today` are about, in milliseconds since 1970
 * @throws WalctlError, a usage error
 */
export function timeRange(flags: TimeFlags, nowMs = Date.now()): TimeRange {
  const isLocal = flags.time === "local";
  const taken: string[] = [];
  const now = pgTimeFromUnixMs(nowMs);
  const isTimeOfDay = { since: false, until: false };
  const parse = (
    name: "since" | "until",
    choose: (each: OnDays) => PgTime | undefined,
  ): PgTime | undefined => {
    const text = flags[name];
    if (text === undefined) return undefined;
    const each = DAYS.map((day) => parseTime(`--${name}`, text, nowMs, isLocal, day)) as OnDays;
    isTimeOfDay[name] = each[0] !== each[1];
    const time = choose(each) ?? each[1];
    const future = time > now ? ", in the future" : "";
    if (!saysAll(text) || future !== "")
      taken.push(`--${name} ${text} is ${print(time, isLocal)}${future}`);
    return time;
  };
  const since = parse("since", (each) => each.findLast((time) => time <= now));
  const until = parse("until", (each) => {
    const after = each.filter((time) => time >= (since ?? time));
    if (isTimeOfDay.since) return after[0];
    if (flags.follow !== true) return after.findLast((time) => time <= now) ?? after[0];
    return /^midnight/i.test(flags.until ?? "") ? each[2] : each[1];
  });
  const said = taken.length === 0 ? undefined : taken.join("; ");
  if (since !== undefined && until !== undefined && since > until) {
    throw usageError("--since is after --until: nothing can be printed", said);
  }
  return { since, until, taken: said };
}

/** The days that a time of the day may be of. Any other TIME is the same on each. */
const DAYS = ["yesterday", "today", "tomorrow"] as const;
type OnDays = [yesterday: PgTime, today: PgTime, tomorrow: PgTime];

/** Whether it depends on no clock and no zone. */
function saysAll(text: string): boolean {
  const { day = "", zone } = MOMENT.exec(text.trim())?.groups ?? {};
  return /^\d/.test(day) && zone !== undefined;
}

/** Whether an option that takes a TIME would take the text. */
export function isTime(text: string): boolean {
  const nowMs = Date.now();
  return (
    (parseMoment(text.trim(), nowMs, false, "today") ?? parseSpan(text.trim(), nowMs)) !== undefined
  );
}

/** @param day that of a time of the day */
function parseTime(
  option: string,
  given: string,
  nowMs: number,
  isLocal: boolean,
  day: string,
): PgTime {
  const text = given.trim();
  const time = /^now$/i.test(text)
    ? pgTimeFromUnixMs(nowMs)
    : (parseMoment(text, nowMs, isLocal, day) ?? parseSpan(text, nowMs));
  if (time !== undefined) return time;
  throw usageError(
    `${option} takes a time such as 2026-11-25T01:49:05Z or "2026-11-25 01:49:05+00", not "${given}"`,
    "Also 06:50, 6:50pm, noon, yesterday, 'yesterday 06:50', 'last monday', 1h, -15min, 'half an hour ago', 'last hour', now, now-1h. A zone is Z, UTC or an offset such as +02 or -03:30; without one it is UTC, or with --time local the zone of TZ.",
  );
}

function parseMoment(
  text: string,
  nowMs: number,
  isLocal: boolean,
  dayElse: string,
): PgTime | undefined {
  const {
    day,
    word,
    hour = word && (/^n/i.test(word) ? "12" : "00"),
    minute = word && "00",
    second = "00",
    fraction = "",
    half,
    zone,
  } = MOMENT.exec(text)?.groups ?? {};
  if (hour === undefined ? day === undefined : (minute ?? half) === undefined) return undefined;
  const clock = `${hourOf(hour ?? "0", half)}:${minute ?? "00"}:${second}`;
  const offset = zone === undefined && isLocal ? "" : isoZone(zone ?? "Z");
  if (Number.isNaN(Date.parse(`1970-01-01T00:00${offset}`))) return undefined;
  const date = dateOf((day ?? dayElse).toLowerCase(), nowMs, offset);
  const ms = Date.parse(`${date}T${clock}${offset}`);
  // Date.parse() takes February 30 for March 2.
  if (Number.isNaN(ms) || isoDate(Date.parse(`${date}T00:00Z`)) !== date) return undefined;
  return (pgTimeFromUnixMs(ms) + BigInt(fraction.padEnd(6, "0"))) as PgTime;
}

/** Two digits; of `12am` 00. Of `13pm` none that is an hour. */
function hourOf(text: string, half: string | undefined): string {
  const hour = Number(text);
  if (half === undefined) return text.padStart(2, "0");
  if (hour < 1 || hour > 12) return "";
  return String((hour % 12) + (/p/i.test(half) ? 12 : 0)).padStart(2, "0");
}

/** @param offset as in ISO 8601; empty for the zone of the process */
function dateOf(day: string, nowMs: number, offset: string): string {
  if (/^\d/.test(day)) return day;
  const aheadMs =
    offset === ""
      ? new Date(nowMs).getTimezoneOffset() * -60_000
      : -Date.parse(`1970-01-01T00:00${offset}`);
  const today = new Date(nowMs + aheadMs);
  const weekday = WEEKDAYS.indexOf(day.replace(/^last\s+/, ""));
  const days =
    weekday === -1
      ? { yesterday: -1, tomorrow: 1 }[day]
      : -((today.getUTCDay() - weekday + 6) % 7) - 1;
  return isoDate(today.getTime() + (days ?? 0) * DAY_MS);
}

function isoDate(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** `1h`, `now-15min`, `1 hour 30 minutes ago`, `last hour`: before now. `+15min`, `in 15 minutes`: after it. */
function parseSpan(text: string, nowMs: number): PgTime | undefined {
  const [, sign, parts = "", ago] = SPAN.exec(text) ?? [];
  if (parts === "" || (ago !== undefined && sign !== undefined)) return undefined;
  let ms = 0;
  for (const [, count = "one", unit = ""] of parts.matchAll(COUNTED)) {
    ms += numberOf(count.toLowerCase()) * UNITS_MS[unit.toLowerCase() as keyof typeof UNITS_MS];
  }
  return pgTimeFromUnixMs(nowMs + (/\+|^in/i.test(sign ?? "") ? ms : -ms));
}

function numberOf(count: string): number {
  if (count.startsWith("half")) return 0.5;
  return /^an?$/.test(count) ? 1 : NUMBERS.indexOf(count) + 1 || Number(count);
}

function isoZone(zone: string): string {
  if (/^(z|utc)$/i.test(zone)) return "Z";
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** As PostgreSQL prints a timestamptz. */
function print(time: PgTime, isLocal: boolean): string {
  const utc = formatPgTime(time)
    .replace("T", " ")
    .replace(/(?:\.0+|(\.\d*?)0+)?Z$/, "$1+00");
  return new Times(isLocal ? "local" : "utc").timestamptz(utc);
}
