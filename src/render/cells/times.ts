import { formatPgTime, type PgTime, unixMsFromPgTime } from "../../pg-time.ts";

export type TimeMode = "utc" | "local" | "relative";

/** A timestamptz as sent: the session's TimeZone is UTC. Where the local year may not have four digits, it stays so. */
const TIMESTAMPTZ = /^((?!0001-01-01|9999-12-31)\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d+)?\+00$/;

/** Formats a table's times: those of commits and of timestamptz values, in the same time zone. */
export class Times {
  readonly mode: TimeMode;
  /** The first commit, to which the others are relative. */
  #first: PgTime | undefined;
  #date: string | undefined;

  constructor(mode: TimeMode) {
    this.mode = mode;
  }

  /** The width of a time of day, with milliseconds if `wide`. */
  width(wide: boolean): number {
    if (this.mode === "relative") return 10;
    return wide ? 12 : 8;
  }

  /** `10:57:43`, or `+12.3s` since the first one. */
  ofDay(time: PgTime, wide: boolean): string {
    if (this.mode === "relative") {
      this.#first ??= time;
      return elapsed(Number(time - this.#first) / 1e6).padStart(this.width(wide));
    }
    const text = this.#zoned(time);
    return /T(\S*?)(?:\d{3})(?:Z|[+-]\S*)$/.exec(text)?.[1]?.slice(0, this.width(wide)) ?? text;
  }

  /** The date that was printed last, above transactions. */
  get date(): string | undefined {
    return this.#date;
  }

  /** The day, printed once above its transactions, and the time zone. */
  day(time: PgTime): string {
    if (this.mode === "relative") {
      this.#first ??= time;
      return `times since ${formatPgTime(this.#first).replace("T", " ")}`;
    }
    const text = this.#zoned(time);
    const [, date = text, zone = ""] = /^(.*)T.*\d(Z|[+-].*)$/.exec(text) ?? [];
    this.#date = date;
    return `${date} ${zone === "Z" ? "UTC" : `UTC${zone}`}`;
  }

  /** The value as the server prints it in the table's time zone. */
  timestamptz(text: string): string {
    if (this.mode !== "local") return text;
    const [, date, clock, fraction = ""] = TIMESTAMPTZ.exec(text) ?? [];
    if (date === undefined || clock === undefined) return text;
    return localSecond(Date.parse(`${date}T${clock}Z`), " ", fraction);
  }

  #zoned(time: PgTime): string {
    const utc = formatPgTime(time);
    if (this.mode !== "local" || !utc.endsWith("Z")) return utc;
    const [, fraction = ""] = /(\.\d+)Z$/.exec(utc) ?? [];
    return localSecond(Math.floor(unixMsFromPgTime(time) / 1000) * 1000, "T", fraction);
  }
}

/** In the process's time zone, which TZ sets: `2026-11-24 11:57:43.123+01`. */
function localSecond(unixMs: number, between: string, fraction: string): string {
  const minutes = -new Date(unixMs).getTimezoneOffset();
  const local = new Date(unixMs + minutes * 60_000).toISOString();
  const two = (count: number): string => String(count).padStart(2, "0");
  const rest = Math.abs(minutes) % 60;
  const zone = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}${rest === 0 ? "" : `:${two(rest)}`}`;
  return `${local.slice(0, 10)}${between}${local.slice(11, 19)}${fraction}${zone}`;
}

/** `+12.345s`, `+12m34s`, `+3h12m`, `+2d03h`. */
function elapsed(seconds: number): string {
  const sign = seconds < 0 ? "-" : "+";
  const whole = Math.abs(seconds);
  const two = (count: number): string => String(Math.floor(count)).padStart(2, "0");
  if (whole < 100) return `${sign}${whole.toFixed(3)}s`;
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400) return `${sign}${Math.floor(whole / 3600)}h${two((whole % 3600) / 60)}m`;
  return `${sign}${Math.floor(whole / 86_400)}d${two((whole % 86_400) / 3600)}h`;
}
