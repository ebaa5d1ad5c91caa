import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";

/** How far an NDJSON file of walctl's goes. */
export interface FileEnd {
  /** The end of the last whole transaction; 0/0 if there is none. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0 if none follows that transaction. */
  readonly messageLsn: Lsn;
  /** The xid of the last transaction that ended or was prepared. */
  readonly xid: number | undefined;
  /** That transaction, if it was sent whole and committed. */
  readonly commit:
    | { readonly xid: number; readonly commitLsn: Lsn; readonly commitUnixMs: number }
    | undefined;
}

export const NO_END: FileEnd = {
  endLsn: INVALID_LSN,
  messageLsn: INVALID_LSN,
  xid: undefined,
  commit: undefined,
};

/**
 * The end of one file and the next together. What ended last need not be furthest in the log: see boundaryOf() for late
 * prepares.
 */
export function laterEnd(one: FileEnd, other: FileEnd): FileEnd {
  const messageLsn = maxLsn(one.messageLsn, other.messageLsn);
  if (other.endLsn === INVALID_LSN) return { ...one, messageLsn };
  if (other.endLsn >= one.endLsn) return { ...other, messageLsn };
  return { endLsn: one.endLsn, messageLsn, xid: other.xid, commit: undefined };
}
