import type { PgTime } from "../../pg-time.ts";

const numbers = new Intl.NumberFormat("en-US");

/** `12,345` */
export function formatCount(count: number): string {
  return numbers.format(count);
}

/** `1 change`, `3,000 changes`. */
export function countOf(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? "" : "s"}`;
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
export function formatDuration(from: PgTime, to: PgTime): string {
  const us = Math.max(0, Number(to - from));
  const unit = UNITS.findLast((candidate) => us >= candidate.us) ?? UNITS[0];
  const count = us / unit.us;
  const digits = count >= 10 || unit.us === 1 ? 0 : 1;
  return `${count.toFixed(digits)} ${unit.name}`;
}
