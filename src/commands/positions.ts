/** Parses what options say of places in physical WAL. */
import { usageError } from "../errors.ts";
import { type Lsn, isNow, parseLsn } from "../lsn.ts";
import { parseUint32 } from "../program/options.ts";
import { isTime } from "../program/times.ts";
import { shellQuote } from "../server/target/target.ts";

/** MAXALIGN: records begin at multiples of it. */
const ALIGNMENT = 8n;

/**
 * @param ofNow what to do in place of `now` or `latest`
 * @throws WalctlError, a usage error
 */
export function requireLsn(option: string, text: string, ofNow?: string): Lsn {
  const lsn = parseLsn(text);
  if (lsn !== undefined) return lsn;
  const time = option === "--endpos" ? "--until" : "--since";
  const hint = isNow(text)
    ? ofNow
    : isTime(text) && /^--(?:start|end)pos$/.test(option)
      ? `A time is ${time} ${shellQuote(text)}`
      : undefined;
  throw usageError(`${option} takes an LSN such as 16/B374D848, not "${text}"`, hint);
}

/**
 * Where the first or the last record may begin.
 * @throws WalctlError, a usage error
 */
export function parsePosition(option: "--startpos" | "--endpos", text: string): number {
  const ofNow = option === "--endpos" ? "Without it all that is there is read." : undefined;
  const lsn = requireLsn(option, text, ofNow);
  const rest = lsn % ALIGNMENT;
  const isUp = option === "--startpos" && rest !== 0n;
  return Number(lsn - rest + (isUp ? ALIGNMENT : 0n));
}

/** @throws WalctlError, a usage error */
export function parseTimeline(text: string): number | "latest" {
  if (text === "latest") return text;
  const timeline = parseUint32("--timeline", text);
  if (timeline === 0) throw usageError("--timeline takes a number of at least 1, or latest");
  return timeline;
}
