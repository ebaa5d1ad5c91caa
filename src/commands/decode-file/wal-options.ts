import type { RowOptions } from "../../rows/decoder/row-options.ts";
import { parsePosition, parseTimeline, parseUint32 } from "../inspect/positions.ts";
import type { GateFlags, GateOptions } from "../messages/gate.ts";
import type { WalFlags } from "./wal-flags.ts";

export interface WalOptions {
  readonly rows: Omit<RowOptions, "database" | "asked">;
  readonly endPosition: number | undefined;
  readonly timeline: number | "latest" | undefined;
}

/** @throws WalctlError, a usage error */
export function walOptions(
  flags: WalFlags & GateFlags,
  { since, until }: Pick<GateOptions, "since" | "until">,
): WalOptions {
  const { startpos, endpos, xid = [], old = "auto", origin = "any" } = flags;
  const { aborted = false, tablesChanged = false, messages = false, timeline } = flags;
  return {
    rows: {
      ...{ old, aborted, tablesChanged, messages, origins: origin === "any" },
      startPosition: startpos === undefined ? 0 : parsePosition("--startpos", startpos),
      ...{ since, until },
      xids: xid.map((text) => parseUint32("--xid", text)),
    },
    endPosition: endpos === undefined ? undefined : parsePosition("--endpos", endpos),
    timeline: timeline === undefined ? undefined : parseTimeline(timeline),
  };
}
