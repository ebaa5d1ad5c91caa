import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import {
  type Boundary,
  type PrintedPart,
  isSureToComeAgain,
  lastByteBefore,
} from "../../postgres/messages/boundary.ts";
import type { OtherMessage, WalPosition } from "../../postgres/messages/messages.ts";
import type { Anchor } from "./continuity.ts";
import { CONTINUED, NEW, PartialTransaction, REPEATED, type Repetition } from "./transaction.ts";

/** What was passed on, in whole transactions. */
export interface Mark {
  /** Everything that ended before it was passed on; 0/0: nothing. */
  readonly endLsn: Lsn;
  /** The end of the last message outside of transactions; 0/0 if none. */
  readonly messageLsn: Lsn;
  /** The transaction that ended, or was prepared, last. */
  readonly xid: number | undefined;
  /** Its commit, if a server that has the same log is sure to repeat it. */
  readonly anchor: Anchor | undefined;
}

/** The server repeats only what was rolled back behind the start of the stream: the last ones are enough. */
const ROLLED_BACK_MAX = 10_000;

/**
 * Recognises what the server repeats after a restart of the stream.
 *
 * A record that decided before the start of the stream is not sent (SnapBuildXactNeedsSkip in snapbuild.c), and the
 * others come in the order of the log. So a transaction whose end is not beyond the last end that was passed on is
 * repeated. The exception is a late prepare (see boundaryOf), whose record is before the start: it comes with its
 * COMMIT PREPARED, so it was passed on only if nothing but other late prepares has ended since, or if an earlier stream
 * that started before two_phase_at got its PREPARE: such a transaction comes twice. A transaction that was cut is sent again from its
 * beginning, and is recognised by its xid.
 */
export class Resume {
  /** Where the server has started: it repeats no record before that. */
  #from = INVALID_LSN;
  /** A position inside the furthest record that ended something and was passed on. */
  #lastEnd = INVALID_LSN;
  #lastMessageLsn = INVALID_LSN;
  /** The transaction that ended, or was prepared, last. */
  #lastXid: number | undefined;
  #anchor: Anchor | undefined;
  /** Transactions that were streamed or cut. The many that are sent whole are never added. */
  readonly #parts = new Map<number, PartialTransaction>();
  /** Transactions that were passed on when they were prepared, until they are committed or rolled back. */
  readonly #prepared = new Set<number>();
  /** Streamed transactions whose rollback was passed on. */
  readonly #rolledBack = new Set<number>();
  /** The transaction that is open now. */
  #open: PartialTransaction | undefined;
  /** The open transaction was already passed on completely. */
  #old = false;

  /** The server has started to stream, from that position on. */
  start(from: Lsn): void {
    this.#from = from;
  }

  /** The connection is lost: what was not finished will be sent again. */
  disconnect(): void {
    if (this.#open !== undefined) this.#parts.set(this.#open.xid, this.#open);
    this.#close();
    for (const part of this.#parts.values()) part.cut();
  }

  /** Skips everything that an earlier process passed on and that has ended. */
  skip({ endLsn, messageLsn, xid, anchor }: Mark): void {
    this.#lastEnd = maxLsn(this.#lastEnd, lastByteBefore(endLsn));
    this.#lastMessageLsn = maxLsn(this.#lastMessageLsn, messageLsn);
    this.#lastXid = xid;
    this.#anchor = anchor;
  }

  /** @param endLsn the end of the last transaction that was passed on */
  mark(endLsn: Lsn): Mark {
    const [messageLsn, xid, anchor] = [this.#lastMessageLsn, this.#lastXid, this.#anchor];
    return { endLsn, messageLsn, xid, anchor };
  }

  /** The furthest WAL record of which something was passed on. */
  get passed(): Lsn {
    let passed = maxLsn(this.#lastEnd, lastByteBefore(this.#lastMessageLsn));
    for (const part of this.#parts.values()) passed = maxLsn(passed, part.passed);
    return maxLsn(passed, this.#open?.passed ?? INVALID_LSN);
  }

  /**
   * The lost connection cut a late prepare. It has no place at which the stream could start, so that the server could
   * send blocks of others before its rest: the stream must not ask for blocks.
   */
  get isCutLate(): boolean {
    return this.#begun.some((begin) => this.#isLate(begin));
  }

  /** What a server with the same log is sure to send first if it starts there. See AnchorCheck. */
  get anchor(): Anchor | undefined {
    // The lost connection cut it, and its rest is sent before anything else. A late prepare has no place of its own.
    const cut = this.#begun.find((begin) => begin.record > this.#lastEnd && !this.#isLate(begin));
    return cut === undefined ? this.#anchor : anchorOf(cut);
  }

  /** The beginnings of whole transactions that were cut. */
  get #begun(): readonly Boundary[] {
    return [...this.#parts.values()].flatMap(({ begin }) => begin ?? []);
  }

  /** The open transaction was already passed on completely and is being repeated. */
  get repeating(): boolean {
    return this.#old;
  }

  /**
   * Takes each message except rows, before it is processed. Relation and Type are never repetitions.
   * @param boundary what boundaryOf() says of it
   */
  judge(message: OtherMessage, boundary: Boundary | undefined): Repetition {
    if (boundary !== undefined) return this.#judgeBoundary(boundary);
    switch (message.kind) {
      case "truncate":
        return this.judgeChange(message.transaction?.xid, message.position);
      case "message":
        return message.transactional
          ? this.judgeChange(message.transaction?.xid, message.position, true)
          : this.#outside(message.messageLsn);
      case "origin":
        return this.#origin();
      case "stream_abort":
        return this.#abortSubtransaction(message.transaction.xid, message.subxid);
      case "relation":
      case "type":
        return NEW;
      default:
        return this.#old ? REPEATED : NEW;
    }
  }

  /**
   * Like judge(), for a change of the open transaction.
   * @param xid the xid of its own transaction, which may be a subtransaction; undefined if not known
   */
  judgeChange(xid: number | undefined, position: WalPosition, isMessage = false): Repetition {
    if (this.#old) return REPEATED;
    return this.#open?.judgeChange(xid, position, isMessage) ?? NEW;
  }

  /** Takes what an earlier process printed, part by part and in order. */
  recall(part: PrintedPart): void {
    if (part.kind === "boundary") this.#judgeBoundary(part.boundary);
    else if (part.kind === "abort") this.#abortSubtransaction(part.xid, part.subxid);
    else {
      const { lsn } = part;
      const position = { high: Number(lsn >> 32n), low: Number(BigInt.asUintN(32, lsn)) };
      this.judgeChange(part.xid, position, part.kind === "message");
    }
  }

  #judgeBoundary(boundary: Boundary): Repetition {
    const { opens, ends, fate } = boundary;
    if (opens === "transaction") return this.#begin(boundary);
    if (opens === "block") return this.#startBlock(boundary.xid);
    if (!ends) return this.#stopBlock();
    // Without a position of its own, as of a transaction that the server streamed and that was rolled back.
    return fate === "rollback" && boundary.end === INVALID_LSN
      ? this.#abort(boundary.xid)
      : this.#end(boundary);
  }

  #begin(boundary: Boundary): Repetition {
    this.#old = this.#isOld(boundary);
    if (this.#old) return REPEATED;
    const open = (this.#open =
      this.#parts.get(boundary.xid) ?? new PartialTransaction(boundary.xid));
    const repeated = open.begin !== undefined;
    open.beginWhole(boundary);
    return repeated ? REPEATED : NEW;
  }

  /**
   * A stream that starts before the last end may repeat that transaction in blocks, and one that starts before a
   * rollback what was rolled back. The server may stream a prepared transaction again at any later time, although it
   * only has to read it for COMMIT PREPARED (ReorderBufferLargestStreamableTopTXN in reorderbuffer.c).
   */
  #startBlock(xid: number): Repetition {
    const known = this.#parts.get(xid);
    this.#old = known === undefined && this.#isGone(xid);
    if (this.#old) return REPEATED;
    const open = (this.#open = known ?? new PartialTransaction(xid));
    const continued = open.streamed;
    open.streamed = true;
    open.isWhole = false;
    this.#parts.set(xid, open);
    return continued ? CONTINUED : NEW;
  }

  #stopBlock(): Repetition {
    const repeated = this.#old;
    this.#close();
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

  #end(boundary: Boundary): Repetition {
    const { xid, record } = boundary;
    const part = this.#parts.get(xid);
    const repeated = this.#isOld(boundary);
    this.#close();
    this.#parts.delete(xid);
    if (repeated) return REPEATED;
    this.#lastXid = xid;
    if (boundary.fate === "prepare") this.#prepared.add(xid);
    else this.#prepared.delete(xid);
    if (record > this.#lastEnd) {
      this.#lastEnd = record;
      const isAnchor = !this.#isLate(boundary) && isRepeatable(boundary, part);
      this.#anchor = isAnchor ? anchorOf(boundary) : undefined;
    }
    return part?.judgeEnd(boundary) ?? NEW;
  }

  /** Whether its end was passed on. */
  #isOld(boundary: Boundary): boolean {
    const { fate, record, xid } = boundary;
    if (record > this.#lastEnd) return false;
    if (fate !== "prepare" || !this.#isLate(boundary)) return true;
    return this.#isPast(xid);
  }

  /** It ended last, in the order of the log or as the messages came, or is prepared. */
  #isPast(xid: number): boolean {
    return xid === this.#anchor?.xid || xid === this.#lastXid || this.#prepared.has(xid);
  }

  #isLate({ record }: Boundary): boolean {
    return record < this.#from;
  }

  #abort(xid: number): Repetition {
    this.#close();
    if (!this.#parts.delete(xid) && this.#isGone(xid)) return REPEATED;
    this.#rolledBack.add(xid);
    for (const first of this.#rolledBack) {
      if (this.#rolledBack.size <= ROLLED_BACK_MAX) break;
      this.#rolledBack.delete(first);
    }
    return NEW;
  }

  /** Only its own changes are void: the transaction continues. */
  #abortSubtransaction(xid: number, subxid: number): Repetition {
    const part = this.#parts.get(xid);
    if (part === undefined) return this.#isGone(xid) ? REPEATED : NEW;
    return part.judgeAbort(subxid);
  }

  /** Whether blocks of it are repetitions. */
  #isGone(xid: number): boolean {
    return this.#isPast(xid) || this.#rolledBack.has(xid);
  }

  #close(): void {
    this.#open = undefined;
    this.#old = false;
  }
}

/** A change of its own, not of a subtransaction, makes a streamed transaction one that comes again too. */
function isRepeatable(boundary: Boundary, part: PartialTransaction | undefined): boolean {
  const isChanged = boundary.fate === "commit" && part?.isChanged === true;
  return isChanged || isSureToComeAgain(boundary);
}

function anchorOf({ record, end, xid, time, twoPhase }: Boundary): Anchor {
  return {
    commitLsn: record,
    // Before its end has come, a lower bound: only that says where the record ends.
    endLsn: maxLsn(end, (record + 1n) as Lsn),
    xid,
    commitUnixMs: time === null ? 0 : unixMsFromPgTime(time),
    twoPhase,
  };
}
