import type { RowOptions } from "../../rows/decoder/row-options.ts";
import { parsePosition, parseTime, parseTimeline, parseUint32 } from "../inspect/positions.ts";
import type { GateFlags } from "../messages/gate.ts";
import type { WalFlags } from "./wal-flags.ts";

export interface WalOptions {
  readonly rows: Omit<RowOptions, "database" | "asked">;
  readonly endPosition: number | undefined;
  readonly timeline: number | "latest" | undefined;
}

/** @throws WalctlError, a usage error */
export function walOptions(flags: WalFlags & GateFlags): WalOptions {
  const { startpos, endpos, since, until, xid = [], old = "auto", origin = "any" } = flags;
  const { aborted = false, tablesChanged = false, messages = false, timeline } = flags;
  return {
    rows: {
      ...{ old, aborted, tablesChanged, messages, origins: origin === "any" },
      startPosition: startpos === undefined ? 0 : parsePosition("--startpos", startpos),
      since: since === undefined ? undefined : parseTime("--since", since),
      until: until === undefined ? undefined : parseTime("--until", until),
      xids: xid.map((text) => parseUint32("--xid", text)),
    },
    endPosition: endpos === undefined ? undefined : parsePosition("--endpos", endpos),
    timeline: timeline === undefined ? undefined : parseTimeline(timeline),
  };
}
