import { usageError } from "../../errors.ts";
import type { Asked, AskedFlags } from "../../messages/run/asked.ts";
import { parseSize, parseUint32 } from "../../program/options.ts";
import type { RowOptions } from "../../rows/decoder/row-options.ts";
import { parsePosition, parseTimeline } from "../positions.ts";
import type { WalFlags } from "./wal-flags.ts";

export interface WalOptions {
  readonly catalogPath: string;
  readonly rows: Omit<RowOptions, "database" | "asked">;
  readonly endPosition: number | undefined;
  readonly timeline: number | "latest" | undefined;
  readonly keepGoing: boolean;
  readonly undo: boolean;
  /** Bytes of all temporary files together. */
  readonly tempFileLimit: number | undefined;
}

/** @throws WalctlError, a usage error */
export function walOptions(
  flags: WalFlags & AskedFlags & { readonly keepGoing?: boolean },
  { gate: { since, until }, rendering: { sql } }: Asked,
): WalOptions {
  const { startpos, endpos, xid = [], old = "auto", origin = "any", tempFileLimit } = flags;
  const { aborted = false, tablesChanged = false, messages = false } = flags;
  const { sequences = false, timeline } = flags;
  if (sql !== undefined && old === "logged") {
    throw usageError(
      "--old logged is not for -F sql: at wal_level=replica no keys of changed rows are logged",
      "Leave it out: where the server logged them, these are used.",
    );
  }
  return {
    catalogPath: flags.catalog ?? "",
    rows: {
      old,
      aborted,
      tablesChanged,
      messages,
      sequences,
      origins: origin === "any",
      startPosition: startpos === undefined ? 0 : parsePosition("--startpos", startpos),
      since,
      until,
      xids: xid.map((text) => parseUint32("--xid", text)),
    },
    endPosition: endpos === undefined ? undefined : parsePosition("--endpos", endpos),
    timeline: timeline === undefined ? undefined : parseTimeline(timeline),
    keepGoing: flags.keepGoing ?? false,
    undo: sql?.undo === true,
    tempFileLimit:
      tempFileLimit === undefined ? undefined : parseSize("--temp-file-limit", tempFileLimit),
  };
}
