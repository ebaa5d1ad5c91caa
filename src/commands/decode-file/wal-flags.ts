import { usageError } from "../../errors.ts";

/** Flags that say something about physical WAL only, as commander gives them. */
export interface WalFlags {
  readonly catalog?: string;
  readonly startpos?: string;
  readonly endpos?: string;
  readonly old?: "auto" | "logged" | "full";
  readonly aborted?: boolean;
  readonly tablesChanged?: boolean;
  readonly messages?: boolean;
  readonly sequences?: boolean;
  readonly origin?: "any" | "none";
  readonly timeline?: string;
  readonly tempFileLimit?: string;
}

const WAL_FLAGS: Readonly<Record<Exclude<keyof WalFlags, "catalog">, string>> = {
  startpos: "--startpos",
  endpos: "--endpos",
  old: "--old",
  aborted: "--aborted",
  tablesChanged: "--tables-changed",
  messages: "--messages",
  sequences: "--sequences",
  origin: "--origin",
  timeline: "--timeline",
  tempFileLimit: "--temp-file-limit",
};

/** @throws WalctlError (a usage error) where one is given for captures */
export function refuseWalFlags(flags: WalFlags): void {
  for (const [key, flag] of Object.entries(WAL_FLAGS)) {
    if (flags[key as keyof WalFlags] === undefined) continue;
    throw usageError(
      `${flag} is for physical WAL, which needs --catalog`,
      key === "sequences"
        ? "A capture has no sequences, since pgoutput sends none of them."
        : "Of a capture all is printed; --only, --only-table, --where and --xid choose from it.",
    );
  }
}
