import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";

/** How far an NDJSON file of walctl's goes. */
export interface FileEnd {
  /** The highest end of a whole transaction; 0/0 if there is none. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0 if none follows that transaction. */
  readonly messageLsn: Lsn;
  /** The transaction that ends at endLsn, if it ended with a commit. */
  readonly commit:
    | { readonly xid: number; readonly commitLsn: Lsn; readonly commitUnixMs: number }
    | undefined;
  /**
   * The transaction of the last end, if that is a Prepare. One that was prepared before the slot's two_phase_at is sent
   * at its COMMIT PREPARED, directly before that (ReorderBufferFinishPrepared). Its end may then be lower than endLsn,
   * and the server sends it again with its COMMIT PREPARED.
   */
  readonly prepared: { readonly xid: number; readonly prepareLsn: Lsn } | undefined;
}

export const NO_END: FileEnd = {
  endLsn: INVALID_LSN,
  messageLsn: INVALID_LSN,
  commit: undefined,
  prepared: undefined,
};

/** How far one file and the next go together. */
export function joinEnds(one: FileEnd, next: FileEnd): FileEnd {
  const { endLsn, commit } = next.endLsn >= one.endLsn ? next : one;
  const { prepared } = next.endLsn === INVALID_LSN ? one : next;
  return { endLsn, commit, prepared, messageLsn: maxLsn(one.messageLsn, next.messageLsn) };
}
