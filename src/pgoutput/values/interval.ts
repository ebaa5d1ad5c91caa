import type { BinaryReader } from "./binary-reader.ts";
import { timeOfDay } from "./datetime.ts";

const INT32_MAX = 0x7fffffff;
const INT64_MAX = 0x7fffffffffffffffn;
const MONTHS_A_YEAR = 12;

/**
 * Int64 microseconds  Int32 days  Int32 months, each with its own sign
 *
 * Printed as with IntervalStyle postgres: `1 year 2 mons -3 days +04:05:06.789`.
 */
export function interval(reader: BinaryReader): string {
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
