declare const pgTimeBrand: unique symbol;

/** A TimestampTz as the protocol sends it: microseconds since 2000-01-01 00:00 UTC, signed. */
export type PgTime = bigint & { readonly [pgTimeBrand]: true };

const EPOCH_OFFSET_MS = Date.UTC(2000, 0, 1);
/** The range of a Date: 100,000,000 days either side of 1970. */
const DATE_LIMIT_MS = 8_640_000_000_000_000;

let lastSecond = Number.NaN;
let lastSecondText = "";

/** ISO 8601 in UTC with microseconds: `2026-11-24T10:57:43.123456Z`. */
export function formatPgTime(time: PgTime): string {
  // A number holds microseconds exactly for 285 years; beyond that a bigint is needed, which takes several times as
  // long.
  const us = Number(time);
  const exact = Number.isSafeInteger(us);
  const second = exact
    ? Math.floor(us / 1_000_000)
    : Number(time / 1_000_000n) - (time % 1_000_000n < 0n ? 1 : 0);
  if (second !== lastSecond) {
    const unixMs = second * 1000 + EPOCH_OFFSET_MS;
    if (Math.abs(unixMs) > DATE_LIMIT_MS) return time < 0n ? "-infinity" : "infinity";
    lastSecond = second;
    // The text up to the decimal point is kept: transactions come by the thousand within a second.
    lastSecondText = new Date(unixMs).toISOString().slice(0, -4);
  }
  const fraction = exact ? us - second * 1_000_000 : Number(time - BigInt(second) * 1_000_000n);
  return `${lastSecondText}${fraction.toString().padStart(6, "0")}Z`;
}

/** The current time in the form that a StandbyStatusUpdate needs. */
export function pgTimeFromUnixMs(unixMs: number): PgTime {
  return (BigInt(Math.round(unixMs) - EPOCH_OFFSET_MS) * 1000n) as PgTime;
}

export function unixMsFromPgTime(time: PgTime): number {
  return Number(time / 1000n) + EPOCH_OFFSET_MS;
}
