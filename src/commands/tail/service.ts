/** What a tail says about itself: in the log of a service, and of what it leaves behind. */
import { INVALID_LSN, type Lsn, formatLsn } from "../../lsn.ts";
import type { BootstrapOutcome } from "../../server/start/bootstrap.ts";
import { quoteIdentifier } from "../../server/query/sql.ts";
import { walctlCommand } from "../../server/target/paste.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import type { TailConfig } from "./config.ts";
import { formatSeconds } from "./status.ts";

export function isService({ endpos, until, limit }: TailConfig): boolean {
  return endpos === undefined && until === undefined && limit === undefined;
}

/** At Ctrl-C, of the publication that --bootstrap created. */
export function staysText(publication: string, target: ConnectionTarget): string {
  const command = walctlCommand(["drop-publication", publication], target);
  return `publication ${quoteIdentifier(publication)} stays. To drop it: ${command}`;
}

/**
 * @param outageMs undefined: it is the first connection
 * @param keeps a slot of which nothing is acknowledged
 */
export function streamingText(
  { slotName, slotPosition }: BootstrapOutcome,
  from: Lsn,
  outageMs: number | undefined,
  keeps: boolean,
): string {
  // 0/0: the server starts at the slot's position.
  const start = from === INVALID_LSN ? slotPosition : formatLsn(from);
  const again =
    outageMs === undefined ? "" : `connected again after ${formatSeconds(outageMs / 1000)}, `;
  const kept =
    keeps && outageMs === undefined ? "; without --ack the slot retains all WAL from there on" : "";
  return `${again}streaming from slot "${slotName}" at ${start}${kept}`;
}
