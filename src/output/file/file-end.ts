import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";

/** How far an NDJSON file of ours goes. */
export interface FileEnd {
  /** The end of the last transaction that is there whole; 0/0: there is none. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0: there is none behind that end. */
  readonly messageLsn: Lsn;
  /** The last transaction, if what ended it was its commit. */
  readonly commit:
    | { readonly xid: number; readonly commitLsn: Lsn; readonly commitUnixMs: number }
    | undefined;
}

export const NO_END: FileEnd = {
  endLsn: INVALID_LSN,
  messageLsn: INVALID_LSN,
  commit: undefined,
};

/** What was written to one file and then to the next. */
export function laterEnd(one: FileEnd, other: FileEnd): FileEnd {
  const last = other.endLsn >= one.endLsn ? other : one;
  return { ...last, messageLsn: maxLsn(one.messageLsn, other.messageLsn) };
}
