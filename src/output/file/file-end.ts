import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";

/** How far an NDJSON file of walctl's goes. */
export interface FileEnd {
  /** The end of the last whole transaction; 0/0 if there is none. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0 if none follows that transaction. */
  readonly messageLsn: Lsn;
  /** The last transaction, if it ended with a commit. */
  readonly commit:
    | { readonly xid: number; readonly commitLsn: Lsn; readonly commitUnixMs: number }
    | undefined;
}

export const NO_END: FileEnd = {
  endLsn: INVALID_LSN,
  messageLsn: INVALID_LSN,
  commit: undefined,
};

/** The later of the ends of one file and of the next. */
export function laterEnd(one: FileEnd, other: FileEnd): FileEnd {
  const last = other.endLsn >= one.endLsn ? other : one;
  return { ...last, messageLsn: maxLsn(one.messageLsn, other.messageLsn) };
}
