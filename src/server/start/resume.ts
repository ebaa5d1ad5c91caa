import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import type {
  Begin,
  BeginPrepare,
  Commit,
  OtherMessage,
  StreamCommit,
  WalPosition,
} from "../../pgoutput/messages.ts";
import type { Anchor } from "./continuity.ts";
import {
  CONTINUED,
  NEW,
  REPEATED,
  type Repetition,
  Unfinished,
  anchorOf,
  recordOf,
} from "./unfinished.ts";

/** What an earlier process passed on. */
export interface Mark {
  /** Everything that ended before it was passed on; 0/0: nothing. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0 if none. */
  readonly messageLsn: Lsn;
  /** The transaction of the last end, if that is a Prepare: it may come again with its COMMIT PREPARED. */
  readonly prepared?: { readonly xid: number; readonly prepareLsn: Lsn } | undefined;
}

/** What an earlier process printed of open transactions. */
export type PrintedPart =
  /** A block of a streamed transaction begins or ends. */
  | { readonly kind: "start" | "stop"; readonly xid: number }
  /** A row, truncate or message inside a block. */
  | { readonly kind: "change"; readonly xid: number; readonly lsn: Lsn }
  | { readonly kind: "abort"; readonly xid: number; readonly subxid: number }
  /** The end of any transaction, streamed or not. `lsn` is inside the record that ended it. */
  | { readonly kind: "end"; readonly xid: number; readonly lsn: Lsn };

/**
 * Recognises what the server repeats after a restart of the stream. Ends of transactions (Commit, Prepare and similar)
 * come in the order of the log, so an end that is not beyond the last one passed on is a repetition. A transaction that
 * was cut is sent again from its beginning. One that was streamed before may be sent in other blocks, or in one piece,
 * and is recognised by its xid.
 */
export class Resume {
  /** A position inside the record of the last end that was passed on. */
  #lastEnd = INVALID_LSN;
  #lastMessageLsn = INVALID_LSN;
  /** The last end that was passed on, if it was a commit. */
  #commit: Commit | StreamCommit | undefined;
  /** The transaction of the last commit, also if an earlier process passed it on. */
  #committedXid: number | undefined;
  /** Transactions that were streamed or cut. The many that are sent whole are never added. */
  readonly #unfinished = new Map<number, Unfinished>();
  /** The transaction that is open now. */
  #open: Unfinished | undefined;
  /** The open transaction was already passed on completely. */
  #old = false;

  /** The connection is lost: what was not finished will be sent again. */
  disconnect(): void {
    if (this.#open !== undefined) this.#keep(this.#open);
    this.#open = undefined;
    this.#old = false;
    for (const unfinished of this.#unfinished.values()) unfinished.rewind();
  }

  /** Skips everything that an earlier process passed on and that has ended. */
  skip({ endLsn, messageLsn }: Mark): void {
    this.#lastEnd = maxLsn(this.#lastEnd, lastByteBefore(endLsn));
    this.#lastMessageLsn = maxLsn(this.#lastMessageLsn, messageLsn);
  }

  /** The end of the last message outside of transactions that was passed on. */
  get messageLsn(): Lsn {
    return this.#lastMessageLsn;
  }

  /** The last end that was passed on, if it is a commit. */
  get anchor(): Anchor | undefined {
    const commit = this.#commit;
    if (commit === undefined) return undefined;
    const { commitLsn, endLsn, transaction, commitTime } = commit;
    return {
      commitLsn,
      endLsn,
      xid: transaction?.xid ?? 0,
      commitUnixMs: unixMsFromPgTime(commitTime),
    };
  }

  /** The furthest WAL record of which something was passed on. */
  get passed(): Lsn {
    let passed = maxLsn(this.#lastEnd, lastByteBefore(this.#lastMessageLsn));
    for (const unfinished of this.#unfinished.values()) passed = maxLsn(passed, unfinished.passed);
    return maxLsn(passed, this.#open?.passed ?? INVALID_LSN);
  }

  /**
   * The transaction that the lost connection cut between its Begin and its end: its rest is sent before anything else.
   */
  get interrupted(): Anchor | undefined {
    for (const { begin } of this.#unfinished.values()) {
      if (begin !== undefined && recordOf(begin) > this.#lastEnd) return anchorOf(begin);
    }
    return undefined;
  }

  /** The open transaction was already passed on completely and is being repeated. */
  get repeating(): boolean {
    return this.#old;
  }

  /** Call it once for each message except rows, before it is processed. Relation and Type are never repetitions. */
  judge(message: OtherMessage): Repetition {
    switch (message.kind) {
      case "truncate":
        return this.judgeChange(message.transaction?.xid, message.position);
      case "relation":
      case "type":
        return NEW;
      case "begin":
        return this.#begin(message, message.transaction?.xid ?? 0);
      case "begin_prepare":
        return this.#begin(message, message.transaction.xid);
      case "origin":
        return this.#origin();
      case "message":
        return message.transactional
          ? this.judgeChange(message.transaction?.xid, message.position)
          : this.#outside(message.messageLsn);
      case "stream_start":
        return this.#startBlock(message.transaction.xid);
      case "stream_stop":
        return this.#stopBlock();
      case "stream_abort":
        return this.#abort(message.transaction.xid, message.subxid);
      case "commit":
      case "stream_commit": {
        const xid = message.transaction?.xid;
        return this.#end(xid ?? 0, message.commitLsn, message, xid);
      }
      case "commit_prepared":
        return this.#end(message.transaction.xid, message.commitLsn);
      case "prepare":
      case "stream_prepare":
        return this.#end(message.transaction.xid, message.prepareLsn);
      case "rollback_prepared":
        // The only end that is identified by the byte after its record, where the next record may start.
        return this.#end(message.transaction.xid, lastByteBefore(message.rollbackEndLsn));
      case "abort":
      case "table_changed":
      case "unknown":
        return this.#old ? REPEATED : NEW;
    }
  }

  /**
   * Like judge(), for a change of the open transaction.
   * @param xid the xid of its own transaction, which may be a subtransaction; undefined if not known
   */
  judgeChange(xid: number | undefined, position: WalPosition): Repetition {
    if (this.#old) return REPEATED;
    return this.#open === undefined ? NEW : this.#open.judgeChange(xid, position);
  }

  /** Takes what an earlier process printed, part by part and in order. */
  recall(part: PrintedPart): void {
    switch (part.kind) {
      case "start":
        return void this.#startBlock(part.xid);
      case "stop":
        return void this.#stopBlock();
      case "change":
        return void this.judgeChange(part.xid, positionOf(part.lsn));
      case "abort":
        return void this.#abort(part.xid, part.subxid);
      case "end":
        // Too little is known for an anchor.
        return void this.#end(part.xid, part.lsn, undefined, part.xid);
    }
  }

  #begin(begin: Begin | BeginPrepare, xid: number): Repetition {
    this.#old = recordOf(begin) <= this.#lastEnd;
    if (this.#old) return REPEATED;
    const open = this.#enter(xid);
    const repeated = open.begin !== undefined;
    open.begin = begin;
    return repeated ? REPEATED : NEW;
  }

  /** A stream that starts at the last commit may repeat that transaction in blocks. */
  #startBlock(xid: number): Repetition {
    const known = this.#find(xid);
    this.#old = known === undefined && this.#committedXid === xid;
    if (this.#old) return REPEATED;
    const continued = known?.streamed === true;
    this.#keep(this.#enter(xid)).streamed = true;
    return continued ? CONTINUED : NEW;
  }

  #stopBlock(): Repetition {
    const repeated = this.#old;
    this.#open = undefined;
    this.#old = false;
    return repeated ? REPEATED : NEW;
  }

  #origin(): Repetition {
    if (this.#old) return REPEATED;
    if (this.#open === undefined) return NEW;
    const repeated = this.#open.origin;
    this.#open.origin = true;
    return repeated ? REPEATED : NEW;
  }

  /** Outside of transactions, messages come in the order of the log, each at its own position. */
  #outside(lsn: Lsn): Repetition {
    if (lsn <= this.#lastMessageLsn) return REPEATED;
    this.#lastMessageLsn = lsn;
    return NEW;
  }

  #end(xid: number, end: Lsn, commit?: Commit | StreamCommit, committedXid?: number): Repetition {
    const unfinished = this.#find(xid);
    const repeated = end <= this.#lastEnd;
    this.#open = undefined;
    this.#old = false;
    if (unfinished !== undefined) this.#unfinished.delete(xid);
    if (repeated) return REPEATED;
    this.#lastEnd = end;
    this.#commit = commit;
    this.#committedXid = committedXid;
    this.#forgetAborted();
    return unfinished?.judgeEnd() ?? NEW;
  }

  /** A rolled-back subtransaction discards only its own changes: the transaction continues. */
  #abort(xid: number, subxid: number): Repetition {
    const unfinished = this.#find(xid);
    if (unfinished === undefined) return this.#committedXid === xid ? REPEATED : NEW;
    if (xid !== subxid) {
      unfinished.abortSubtransaction(subxid);
      return NEW;
    }
    const repeated = unfinished.aborted;
    unfinished.aborted = true;
    return repeated ? REPEATED : NEW;
  }

  /** The server does not send these again: a later start is behind them. */
  #forgetAborted(): void {
    for (const [xid, { aborted }] of this.#unfinished) {
      if (aborted) this.#unfinished.delete(xid);
    }
  }

  #enter(xid: number): Unfinished {
    this.#open = this.#find(xid) ?? new Unfinished(xid);
    return this.#open;
  }

  #keep(unfinished: Unfinished): Unfinished {
    this.#unfinished.set(unfinished.xid, unfinished);
    return unfinished;
  }

  #find(xid: number): Unfinished | undefined {
    return this.#unfinished.size === 0 ? undefined : this.#unfinished.get(xid);
  }
}

/** A position inside the record that ends there: the next one may start at its end. */
function lastByteBefore(end: Lsn): Lsn {
  return end === INVALID_LSN ? end : ((end - 1n) as Lsn);
}

function positionOf(lsn: Lsn): WalPosition {
  return { high: Number(lsn >> 32n), low: Number(BigInt.asUintN(32, lsn)) };
}
