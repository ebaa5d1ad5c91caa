/** Parses values of inspect's options. */
import { usageError } from "../../errors.ts";
import { parseLsn } from "../../lsn.ts";
import { type PgTime, pgTimeFromUnixMs } from "../../pg-time.ts";

/** MAXALIGN: records begin at multiples of it. */
const ALIGNMENT = 8n;

/**
 * Where the first or the last record may begin.
 * @throws WalctlError, a usage error
 */
export function parsePosition(option: "--startpos" | "--endpos", text: string): number {
  const lsn = parseLsn(text);
  if (lsn === undefined)
    throw usageError(`${option} takes an LSN such as 16/B374D848, not "${text}"`);
  const rest = lsn % ALIGNMENT;
  const isUp = option === "--startpos" && rest !== 0n;
  return Number(lsn - rest + (isUp ? ALIGNMENT : 0n));
}

const TIME =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i;

/** Accepts ISO 8601, or a timestamptz as PostgreSQL prints it. Without a zone it is UTC. */
export function parseTime(option: string, text: string): PgTime {
  const match = TIME.exec(text.trim());
  const [, date = "", minutes = "00:00", seconds = "00", fraction = "", zone = "Z"] = match ?? [];
  const iso = `${date}T${minutes}:${seconds}${isoZone(zone)}`;
  const ms = match === null ? Number.NaN : Date.parse(iso);
  // Date.parse() takes February 30 for March 2.
  if (Number.isNaN(ms) || new Date(`${date}T00:00Z`).toISOString().slice(0, 10) !== date) {
    throw usageError(
      `${option} takes a time such as 2026-11-25T01:49:05Z or "2026-11-25 01:49:05+00", not "${text}"`,
    );
  }
  return (pgTimeFromUnixMs(ms) + BigInt(fraction.padEnd(6, "0"))) as PgTime;
}

function isoZone(zone: string): string {
  if (/^(z|utc)$/i.test(zone)) return "Z";
  const digits = zone.slice(1).replace(":", "").padEnd(4, "0");
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

const UINT32_MAX = 0xffff_ffff;

/** Throws WalctlError, a usage error. */
export function parseUint32(option: string, text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= UINT32_MAX)) {
    throw usageError(`${option} takes a number of up to ${UINT32_MAX}, not "${text}"`);
  }
  return value;
}

/** Throws WalctlError, a usage error. */
export function parseTimeline(text: string): number | "latest" {
  if (text === "latest") return text;
  const timeline = parseUint32("--timeline", text);
  if (timeline === 0) throw usageError("--timeline takes a number of at least 1, or latest");
  return timeline;
}

/** Undefined parts match anything. */
export interface RelationPattern {
  readonly tablespace: number | undefined;
  readonly database: number | undefined;
  readonly relfilenode: number;
}

/** `[[TABLESPACE/]DATABASE/]NODE` */
export function parseRelation(text: string): RelationPattern {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !/^\d{1,10}$/.test(part))) {
    throw usageError(
      `--relation takes [[TABLESPACE/]DATABASE/]RELFILENODE, not "${text}"`,
      "SELECT pg_relation_filepath('orders') prints them: base/DATABASE/RELFILENODE.",
    );
  }
  const numbers = parts.map((part) => parseUint32("--relation", part));
  const relfilenode = numbers.at(-1) ?? 0;
  return { tablespace: numbers.at(-3), database: numbers.at(-2), relfilenode };
}
