/** What a tail without an end of its own says in the log of a service. */
import { INVALID_LSN, type Lsn, formatLsn } from "../../lsn.ts";
import type { BootstrapOutcome } from "../../server/start/bootstrap.ts";
import type { TailConfig } from "./config.ts";
import { formatSeconds } from "./status.ts";

export function isService({ endpos, until, limit }: TailConfig): boolean {
  return endpos === undefined && until === undefined && limit === undefined;
}

/** @param outageMs undefined: it is the first connection */
export function streamingText(
  { slotName, slotPosition }: BootstrapOutcome,
  from: Lsn,
  outageMs: number | undefined,
): string {
  // 0/0: the server starts at the slot's position.
  const start = from === INVALID_LSN ? slotPosition : formatLsn(from);
  const again =
    outageMs === undefined ? "" : `connected again after ${formatSeconds(outageMs / 1000)}, `;
  return `${again}streaming from slot "${slotName}" at ${start}`;
}
