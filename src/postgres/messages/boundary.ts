import { INVALID_LSN, type Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { OtherMessage } from "./messages.ts";

/** What a message says about where a transaction begins or ends. */
export interface Boundary {
  /** What follows belongs to it, until a message closes it: a whole transaction, or a block of one in progress. */
  readonly opens: "transaction" | "block" | undefined;
  readonly closes: boolean;
  /**
   * What the record at `record` does. An opening message names it too, since the server sends a whole transaction only
   * when it reads that record. Undefined: the transaction is in progress.
   */
  readonly fate: "commit" | "prepare" | "rollback" | undefined;
  /** The transaction has ended, or is prepared: its changes are complete. */
  readonly ends: boolean;
  /** It says this of a transaction that was sent in blocks. */
  readonly inBlocks: boolean;
  /** Only a two-phase slot sends it. */
  readonly twoPhase: boolean;
  /** The transaction's xid, never a subtransaction's; 0 if it is not known. */
  readonly xid: number;
  /** A position inside the record, in most cases its start; 0/0 if it is not sent. */
  readonly record: Lsn;
  /** The byte after the record: the position that a consumer confirms. 0/0 unless the transaction has ended. */
  readonly end: Lsn;
  /** When the record was written; null if that is not sent. */
  readonly time: PgTime | null;
}

/**
 * Undefined if the message is neither the beginning nor the end of anything (manual: Logical Replication Message
 * Formats).
 *
 * The server sends these messages in the order in which it reads their records, with one exception. It sends a
 * transaction whole at COMMIT PREPARED if it was prepared before the slot decoded prepared transactions
 * (ReorderBufferFinishPrepared in reorderbuffer.c: before two_phase_at). Its Begin Prepare and Prepare, or Stream
 * Prepare, have the old positions of PREPARE, behind transactions that ended later. Commit Prepared follows at once. So
 * a prepare may be *late*: its record says nothing about how far the server has read its log.
 */
export function boundaryOf(message: OtherMessage): Boundary | undefined {
  const xid = message.transaction?.xid ?? 0;
  switch (message.kind) {
    case "begin":
      return opens("transaction", xid, "commit", message.finalLsn, message.commitTime);
    case "begin_prepare":
      return opens("transaction", xid, "prepare", message.prepareLsn, message.prepareTime);
    case "stream_start":
      return opens("block", xid, undefined, INVALID_LSN, null);
    case "stream_stop":
      return { ...opens(undefined, xid, undefined, INVALID_LSN, null), closes: true };
    case "commit":
    case "stream_commit":
    case "commit_prepared":
      return ends(message, xid, "commit", message.commitLsn, message.endLsn, message.commitTime);
    case "prepare":
    case "stream_prepare":
      return ends(message, xid, "prepare", message.prepareLsn, message.endLsn, message.prepareTime);
    case "rollback_prepared": {
      // The start of its record is not sent.
      const { rollbackEndLsn: end, rollbackTime } = message;
      return ends(message, xid, "rollback", lastByteBefore(end), end, rollbackTime);
    }
    case "stream_abort":
      // Without its changes a subtransaction's transaction continues.
      if (message.subxid !== xid) return undefined;
      return ends(message, xid, "rollback", INVALID_LSN, INVALID_LSN, message.abortTime);
    case "abort":
      return ends(message, xid, "rollback", message.abortLsn, INVALID_LSN, message.abortTime);
    case "origin":
    case "relation":
    case "type":
    case "truncate":
    case "message":
    case "table_changed":
    case "sequence":
    case "unknown":
      return undefined;
  }
}

/** Messages whose boundary has an `end`. */
export const ENDING_KINDS: readonly OtherMessage["kind"][] = [
  "commit",
  "stream_commit",
  "prepare",
  "stream_prepare",
  "commit_prepared",
  "rollback_prepared",
];

export function isEnding(kind: string): boolean {
  return ENDING_KINDS.some((each) => each === kind);
}

/**
 * Whether a server that starts at the record is sure to send this again, without regard to what the transaction did. It
 * streams nothing before that position (ReorderBufferCanStartStreaming), and 15 and later send no committed transaction
 * without a change. What it sent whole had a change, and has it again: snapshots of the catalogue are those of the time,
 * for publications, row filters and column lists too. What it sent in blocks may have had none, or only such as were
 * rolled back to a savepoint. A two-phase slot sends PREPARE even without a change, and COMMIT PREPARED always: a
 * prepared transaction holds back restart_lsn. Of ROLLBACK PREPARED the server does not send where its record starts.
 */
export function isSureToComeAgain({ fate, inBlocks }: Boundary): boolean {
  return fate === "prepare" || (fate === "commit" && !inBlocks);
}

/** What an earlier process printed of transactions that were open, and all ends since. */
export type PrintedPart =
  | { readonly kind: "boundary"; readonly boundary: Boundary }
  /** Inside a block; `change`: a row or truncate. */
  | { readonly kind: "change" | "message"; readonly xid: number; readonly lsn: Lsn }
  /** A subtransaction was rolled back. */
  | { readonly kind: "abort"; readonly xid: number; readonly subxid: number };

/** A position inside the record that ends there: the next one may start at its end. 0/0 for 0/0. */
export function lastByteBefore(end: Lsn): Lsn {
  return end === INVALID_LSN ? end : ((end - 1n) as Lsn);
}

function opens(
  what: Boundary["opens"],
  xid: number,
  fate: Boundary["fate"],
  record: Lsn,
  time: PgTime | null,
): Boundary {
  return {
    opens: what,
    closes: false,
    fate,
    ends: false,
    inBlocks: what === "block",
    twoPhase: fate === "prepare",
    xid,
    record,
    end: INVALID_LSN,
    time,
  };
}

/** A message that ends a transaction which another one opened closes that one. */
function ends(
  { kind }: OtherMessage,
  xid: number,
  fate: Boundary["fate"],
  record: Lsn,
  end: Lsn,
  time: PgTime | null,
): Boundary {
  const closes = kind === "commit" || kind === "prepare" || kind === "abort";
  const inBlocks = kind.startsWith("stream_");
  const twoPhase = kind.endsWith("prepare") || kind.endsWith("prepared");
  return { opens: undefined, closes, fate, ends: true, inBlocks, twoPhase, xid, record, end, time };
}
