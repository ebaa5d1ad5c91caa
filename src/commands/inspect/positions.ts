/** Parses values of inspect's options. */
import { usageError } from "../../errors.ts";
import { isNow, parseLsn } from "../../lsn.ts";

/** MAXALIGN: records begin at multiples of it. */
const ALIGNMENT = 8n;

/**
 * Where the first or the last record may begin.
 * @throws WalctlError, a usage error
 */
export function parsePosition(option: "--startpos" | "--endpos", text: string): number {
  const lsn = parseLsn(text);
  if (lsn === undefined) {
    const isEnd = isNow(text) && option === "--endpos";
    const hint = isEnd ? "Without it all that is there is read." : undefined;
    throw usageError(`${option} takes an LSN such as 16/B374D848, not "${text}"`, hint);
  }
  const rest = lsn % ALIGNMENT;
  const isUp = option === "--startpos" && rest !== 0n;
  return Number(lsn - rest + (isUp ? ALIGNMENT : 0n));
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
