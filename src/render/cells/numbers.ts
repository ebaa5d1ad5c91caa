import type { PgTime } from "../../pg-time.ts";

/** `12,345`. Intl would do it too, and takes 7 MB. */
export function formatCount(count: number | bigint): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `1 change`, `3,000 changes`. */
export function countOf(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}`;
}

const SIZES = ["B", "kB", "MB", "GB"] as const;

/** `60 B`, `3.9 kB`, `1.2 MB`: the size of a value that is not shown whole, in units of 1024. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let count = bytes;
  while (count >= 1000 && unit < SIZES.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${unit === 0 || count >= 10 ? Math.round(count) : count.toFixed(1)} ${SIZES[unit]}`;
}

const UNITS = [
  { name: "µs", us: 1 },
  { name: "ms", us: 1000 },
  { name: "s", us: 1_000_000 },
  { name: "min", us: 60_000_000 },
  { name: "h", us: 3_600_000_000 },
  { name: "days", us: 86_400_000_000 },
] as const;

/** `790 µs`, `3.2 s`, `4 h`: two digits of the largest unit that leaves at least 1. */
export function formatDuration(from: PgTime, to: PgTime, micro: string): string {
  const us = Math.max(0, Number(to - from));
  const unit = UNITS.findLast((candidate) => us >= candidate.us) ?? UNITS[0];
  const count = us / unit.us;
  const digits = count >= 10 || unit.us === 1 ? 0 : 1;
  return `${count.toFixed(digits)} ${unit.us === 1 ? `${micro}s` : unit.name}`;
}
