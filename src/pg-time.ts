declare const pgTimeBrand: unique symbol;

/** A TimestampTz as the protocol sends it: microseconds since 2000-01-01 00:00 UTC, signed. */
export type PgTime = bigint & { readonly [pgTimeBrand]: true };

const EPOCH_OFFSET_MS = Date.UTC(2000, 0, 1);
/** What a Date can hold: 100,000,000 days either side of 1970. */
const DATE_LIMIT_MS = 8_640_000_000_000_000;

/** ISO 8601 in UTC with microseconds: `2026-11-24T10:57:43.123456Z`. */
export function formatPgTime(time: PgTime): string {
  let ms = time / 1000n;
  let us = time % 1000n;
  if (us < 0n) {
    ms -= 1n;
    us += 1000n;
  }
  const unixMs = Number(ms) + EPOCH_OFFSET_MS;
  if (Math.abs(unixMs) > DATE_LIMIT_MS) return time < 0n ? "-infinity" : "infinity";
  return `${new Date(unixMs).toISOString().slice(0, -1)}${us.toString().padStart(3, "0")}Z`;
}

/** The time of day as the protocol wants it in a StandbyStatusUpdate. */
export function pgTimeFromUnixMs(unixMs: number): PgTime {
  return (BigInt(Math.round(unixMs) - EPOCH_OFFSET_MS) * 1000n) as PgTime;
}

export function unixMsFromPgTime(time: PgTime): number {
  return Number(time / 1000n) + EPOCH_OFFSET_MS;
}
