import { formatPgTime, pgTimeFromUnixMs } from "../../pg-time.ts";
import type { Warning } from "../../program/reporter.ts";
import type { TailConfig } from "./config.ts";

/** `--since now` says what is so anyway. */
const NOW_MS = 1000;

/** Where --since leaves nothing out, or --until nothing to print, whatever the server sends. */
export function timesWarning(
  { gate: { since }, until, slot }: TailConfig,
  nowMs = Date.now(),
): Warning | undefined {
  const now = pgTimeFromUnixMs(nowMs - NOW_MS);
  const isLate = until !== undefined && until < now;
  if (slot !== undefined || (!isLate && (since === undefined || since >= now))) return undefined;
  return {
    message: isLate
      ? `nothing can be printed: --until is ${formatPgTime(until)}, and without a slot tail starts now`
      : "--since has no effect: without a slot tail starts now",
    hint: "What committed earlier is in a slot that was there by then (-S NAME), or in the WAL: walctl decode-file --catalog FILE",
  };
}
