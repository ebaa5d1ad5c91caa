import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import type {
  Begin,
  BeginPrepare,
  Commit,
  PgoutputMessage,
  StreamCommit,
  WalPosition,
} from "../../pgoutput/messages.ts";
import type { Anchor } from "./continuity.ts";
import { Progress } from "./progress.ts";
import { Subtransactions } from "./subtransactions.ts";

/** A transaction of which some has been passed on, and whose end has not. */
interface Unfinished {
  readonly xid: number;
  readonly progress: Progress;
  /** Of one that is streamed. */
  subtransactions: Subtransactions | undefined;
  /** Undefined: it has not come. */
  begin: Begin | BeginPrepare | undefined;
  origin: boolean;
  /** Rolled back: if it comes again, then only until something that ended later has been passed on. */
  aborted: boolean;
  /** Some of it was streamed, while it was open. */
  streamed: boolean;
}

/** A subtransaction that was rolled back without a word. */
interface RolledBack {
  readonly xid: number;
  readonly subxid: number;
}

/** What an earlier process passed on. */
export interface Mark {
  /** All that ended before that; 0/0: nothing. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0: none. */
  readonly messageLsn: Lsn;
}

const NONE: readonly RolledBack[] = [];

/**
 * Tells what a stream that was begun again repeats. What ends a transaction (Commit, Prepare and their
 * like) comes in the order of the log, so that what is not beyond the last one passed on is a repetition.
 * A transaction that was cut comes again from its beginning; one that was streamed before may come in
 * other blocks, or in one piece, and is known by its xid.
 */
export class Resume {
  /** Within the record of the last end that was passed on. */
  #lastEnd = INVALID_LSN;
  #lastMessageLsn = INVALID_LSN;
  /** The last end, when it was a commit. */
  #commit: Commit | StreamCommit | undefined;
  /** Those that were streamed or cut: of the many that come whole, none is ever put here. */
  readonly #unfinished = new Map<number, Unfinished>();
  /** The transaction that is open now. */
  #open: Unfinished | undefined;
  /** The open transaction was passed on whole. */
  #old = false;
  /** The block that is open goes on with a transaction of which some was passed on. */
  #continued = false;
  #rolledBack: readonly RolledBack[] = NONE;

  /** The connection is gone: what was not finished will come again. */
  disconnect(): void {
    if (this.#open !== undefined) this.#keep(this.#open);
    this.#open = undefined;
    this.#old = false;
    for (const { progress, subtransactions } of this.#unfinished.values()) {
      progress.rewind();
      subtransactions?.rewind();
    }
  }

  /** What was passed on by an earlier process. */
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

  /** The furthest WAL record of which something has been passed on. */
  get passed(): Lsn {
    let passed = maxLsn(this.#lastEnd, lastByteBefore(this.#lastMessageLsn));
    const open = this.#open === undefined ? [] : [this.#open];
    for (const { progress, begin } of [...this.#unfinished.values(), ...open]) {
      const record = begin === undefined ? INVALID_LSN : recordOf(begin);
      passed = maxLsn(passed, maxLsn(progress.passed, record));
    }
    return passed;
  }

  /** The transaction that the lost connection cut between its Begin and its end: nothing is to come before the rest. */
  get interrupted(): Anchor | undefined {
    for (const { begin } of this.#unfinished.values()) {
      if (begin !== undefined && recordOf(begin) > this.#lastEnd) return anchorOf(begin);
    }
    return undefined;
  }

  /** The transaction that is open was passed on whole, and comes again. */
  get repeating(): boolean {
    return this.#old;
  }

  /** Whether the Stream Start just asked for is not the first one of its transaction that is passed on. */
  get continued(): boolean {
    return this.#continued;
  }

  /** Subtransactions of which the message just asked for tells, by not being theirs, that they were rolled back. */
  get rolledBack(): readonly RolledBack[] {
    return this.#rolledBack;
  }

  /** To be asked once for each message received, before anything is done with it. Relation and Type may come again. */
  repeats(message: PgoutputMessage): boolean {
    this.#rolledBack = NONE;
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
      case "truncate":
        return this.repeatsChange(message);
      case "relation":
      case "type":
        return false;
      case "begin":
        return this.#beginRepeats(message, message.transaction?.xid ?? 0);
      case "begin_prepare":
        return this.#beginRepeats(message, message.transaction.xid);
      case "origin":
        return this.#originRepeats();
      case "message":
        return message.transactional
          ? this.repeatsChange(message)
          : this.#outsideRepeats(message.messageLsn);
      case "stream_start":
        return this.#blockRepeats(message.transaction.xid);
      case "stream_stop": {
        const repeated = this.#old;
        this.#open = undefined;
        this.#old = false;
        return repeated;
      }
      case "stream_abort":
        return this.#abort(message.transaction.xid, message.subxid);
      case "commit":
      case "stream_commit": {
        const repeated = this.#endRepeats(message.transaction?.xid ?? 0, message.commitLsn);
        return repeated || this.#passEnd(message);
      }
      case "commit_prepared":
        return this.#endRepeats(message.transaction.xid, message.commitLsn) || this.#passEnd();
      case "prepare":
      case "stream_prepare":
        return this.#endRepeats(message.transaction.xid, message.prepareLsn) || this.#passEnd();
      case "rollback_prepared":
        // The one end that is known by the byte after its record, where the next record may start.
        return (
          this.#endRepeats(message.transaction.xid, lastByteBefore(message.rollbackEndLsn)) ||
          this.#passEnd()
        );
      case "unknown":
        return this.#old;
    }
  }

  /** The same for a change that belongs to the open transaction. */
  repeatsChange(message: PgoutputMessage): boolean {
    this.#rolledBack = NONE;
    if (this.#old) return true;
    const open = this.#open;
    if (open === undefined) return false;
    if (open.streamed) this.#missing(open, message.position);
    if (open.progress.repeats(message.position)) return true;
    const xid = message.transaction?.xid ?? open.xid;
    if (xid !== open.xid) {
      open.subtransactions ??= new Subtransactions();
      open.subtransactions.add(xid, message.position);
    }
    return false;
  }

  #missing({ xid, subtransactions }: Unfinished, position: WalPosition | undefined): void {
    const missing = subtransactions?.missingBefore(position) ?? [];
    if (missing.length > 0) this.#rolledBack = missing.map((subxid) => ({ xid, subxid }));
  }

  #beginRepeats(begin: Begin | BeginPrepare, xid: number): boolean {
    this.#old = recordOf(begin) <= this.#lastEnd;
    if (this.#old) return true;
    const open = this.#enter(xid);
    const repeated = open.begin !== undefined;
    open.begin = begin;
    return repeated;
  }

  /** A stream that starts at the last commit may repeat that transaction in blocks. */
  #blockRepeats(xid: number): boolean {
    const known = this.#find(xid);
    this.#old = known === undefined && this.#commit?.transaction?.xid === xid;
    if (this.#old) return true;
    this.#continued = known?.streamed ?? false;
    this.#keep(this.#enter(xid)).streamed = true;
    return false;
  }

  #originRepeats(): boolean {
    if (this.#old || this.#open === undefined) return this.#old;
    const repeated = this.#open.origin;
    this.#open.origin = true;
    return repeated;
  }

  /** Outside of transactions they come in the order of the log, each at a position of its own. */
  #outsideRepeats(lsn: Lsn): boolean {
    if (lsn <= this.#lastMessageLsn) return true;
    this.#lastMessageLsn = lsn;
    return false;
  }

  #endRepeats(xid: number, end: Lsn): boolean {
    const repeated = end <= this.#lastEnd;
    const unfinished = this.#find(xid);
    if (unfinished?.streamed === true && !repeated) this.#missing(unfinished, undefined);
    this.#open = undefined;
    this.#old = false;
    if (this.#unfinished.size > 0) this.#unfinished.delete(xid);
    this.#lastEnd = maxLsn(this.#lastEnd, end);
    if (!repeated) this.#forgetAborted();
    return repeated;
  }

  /** Returns false: it is no repetition. */
  #passEnd(commit?: Commit | StreamCommit): false {
    this.#commit = commit;
    return false;
  }

  /** A subtransaction's voids only its own changes: the transaction goes on. */
  #abort(xid: number, subxid: number): boolean {
    const unfinished = this.#find(xid);
    if (xid !== subxid) unfinished?.subtransactions?.abort(subxid);
    if (unfinished === undefined && this.#commit?.transaction?.xid === xid) return true;
    if (xid !== subxid || unfinished === undefined) return false;
    const repeated = unfinished.aborted;
    unfinished.aborted = true;
    return repeated;
  }

  /** A new start would be behind them. */
  #forgetAborted(): void {
    for (const [xid, { aborted }] of this.#unfinished) {
      if (aborted) this.#unfinished.delete(xid);
    }
  }

  #enter(xid: number): Unfinished {
    this.#open = this.#find(xid) ?? {
      xid,
      progress: new Progress(),
      subtransactions: undefined,
      begin: undefined,
      origin: false,
      aborted: false,
      streamed: false,
    };
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

/** Within the record that ends there: the next one may start at its end. */
function lastByteBefore(end: Lsn): Lsn {
  return end === INVALID_LSN ? end : ((end - 1n) as Lsn);
}

/** Where its commit or prepare record starts. */
function recordOf(begin: Begin | BeginPrepare): Lsn {
  return begin.kind === "begin" ? begin.finalLsn : begin.prepareLsn;
}

function anchorOf(begin: Begin | BeginPrepare): Anchor {
  const commitLsn = recordOf(begin);
  return {
    commitLsn,
    // At the least: where the record ends only its end tells.
    endLsn: (commitLsn + 1n) as Lsn,
    xid: begin.transaction?.xid ?? 0,
    commitUnixMs: unixMsFromPgTime(begin.kind === "begin" ? begin.commitTime : begin.prepareTime),
  };
}
