import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";

/** How far an NDJSON file of walctl's goes. */
export interface FileEnd {
  /** The highest end of a whole transaction; 0/0 if there is none. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0 if none follows that transaction. */
  readonly messageLsn: Lsn;
  /** The transaction of the last end. A late prepare (see boundaryOf) has a lower end than endLsn. */
  readonly xid: number | undefined;
  /** The transaction that ends at endLsn, if a server is sure to send that end again: see Resume. */
  readonly commit:
    | {
        readonly xid: number;
        readonly commitLsn: Lsn;
        readonly commitUnixMs: number;
        readonly twoPhase: boolean;
      }
    | undefined;
}

export const NO_END: FileEnd = {
  endLsn: INVALID_LSN,
  messageLsn: INVALID_LSN,
  xid: undefined,
  commit: undefined,
};

/** How far one file and the next go together. */
export function joinEnds(one: FileEnd, next: FileEnd): FileEnd {
  const { endLsn, commit } = next.endLsn >= one.endLsn ? next : one;
  const { xid } = next.endLsn === INVALID_LSN ? one : next;
  return { endLsn, messageLsn: maxLsn(one.messageLsn, next.messageLsn), xid, commit };
}
