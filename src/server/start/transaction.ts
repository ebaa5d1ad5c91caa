/*
 * The life of one transaction in a stream that is cut and starts again, as the reader of the output sees it.
 *
 *   state  the reader has of it               its beginning,  a change                  its end, prepare
 *                                             a block's                                 or rollback
 *   new    nothing                            pass → open     pass → open               pass → gone
 *   open   a part, up to a place in the log   pass            pass                      pass → gone
 *   cut    the same; the connection is lost   leave out, (1)  leave out up to that      pass → gone
 *                                                             place, then pass → open
 *   gone   all that is left of it             leave out       leave out                 leave out
 *
 * (1) The beginning of a block passes, as the continuation of the earlier blocks.
 * What comes in state `cut` may have another shape: the server may repeat a streamed transaction in other blocks or
 * whole, and subtransactions that were rolled back meanwhile are missing (Subtransactions).
 * `gone` is not kept for each transaction: Resume knows it by where the last end is in the log, and by the xids of
 * prepared and rolled-back ones.
 */

import { INVALID_LSN, type Lsn, lsnOf, maxLsn } from "../../lsn.ts";
import type { WalPosition } from "../../postgres/messages/messages.ts";
import { type Boundary, lastByteBefore } from "../../postgres/messages/boundary.ts";

/**
 * A subtransaction that was rolled back while nobody was connected: the server sends nothing about it. If `subxid` is
 * the transaction's own xid, a change of its own is missing although the transaction goes on: it is another one, in
 * another log.
 */
export interface RolledBack {
  readonly xid: number;
  readonly subxid: number;
}

/** How a message relates to what was passed on before. */
export interface Repetition {
  /** The message itself was passed on before. */
  readonly repeated: boolean;
  /** It is a Stream Start, and an earlier block of its transaction was passed on before. */
  readonly continued: boolean;
  /** Subtransactions whose changes were passed on before. They were due again before this message and did not come. */
  readonly rolledBack: readonly RolledBack[];
}

const NONE: readonly RolledBack[] = Object.freeze([]);

/** Shared objects: rows come by the million, and one for each would have to be collected. */
export const NEW: Repetition = Object.freeze({
  repeated: false,
  continued: false,
  rolledBack: NONE,
});
export const REPEATED: Repetition = Object.freeze({ ...NEW, repeated: true });
export const CONTINUED: Repetition = Object.freeze({ ...NEW, continued: true });

/** A transaction of which a part may have been passed on, but not its end. */
export class PartialTransaction {
  readonly xid: number;
  /** The beginning of the whole transaction, if that was passed on. */
  begin: Boundary | undefined;
  /** Its Origin was passed on. */
  origin = false;
  /** Blocks of it were passed on. */
  streamed = false;
  /** It is being sent whole: its changes have its xid, whatever subtransaction they are of. */
  isWhole = false;
  /**
   * A change of its own was passed on in a block, not of a subtransaction. Only with the transaction itself is it rolled
   * back.
   */
  isChanged = false;
  /** The last change that came, and the furthest one that was passed on. */
  readonly #last: Place = { high: 0, low: 0, count: 0 };
  readonly #passed: Place = { high: 0, low: 0, count: 0 };
  /** The end of the last logical message's record that was passed on. */
  #passedMessage = INVALID_LSN;
  #subtransactions: Subtransactions | undefined;
  /** The last row or truncate of its own that was passed on in a block, and whether it has come again. */
  #own: { readonly place: Place; isMet: boolean } | undefined;
  /** It is certain that it has committed. */
  #commits = false;

  constructor(xid: number) {
    this.xid = xid;
  }

  /** It comes whole: the server has read the record that decides about it. */
  beginWhole(begin: Boundary): void {
    this.begin = begin;
    this.isWhole = true;
    this.#commits = begin.fate === "commit";
  }

  /** The furthest WAL record of which something was passed on. */
  get passed(): Lsn {
    const passed = maxLsn(lsnOf(this.#passed), lastByteBefore(this.#passedMessage));
    return maxLsn(passed, this.begin?.record ?? INVALID_LSN);
  }

  /** The connection is lost: the server will send it again from its beginning. */
  cut(): void {
    Object.assign(this.#last, { high: 0, low: 0, count: 0 });
    if (this.#own !== undefined) this.#own.isMet = false;
    this.#subtransactions?.rewind();
  }

  /**
   * @param xid the subtransaction's xid; undefined if not known
   * @param isMessage a logical message's position is the end of its record, where the next record may start: if that is
   *   another subtransaction's, the server sends the two in either order
   */
  judgeChange(xid: number | undefined, position: WalPosition, isMessage: boolean): Repetition {
    const rolledBack = this.streamed ? this.#missingBefore(position, isMessage) : NONE;
    const repeated = isMessage ? this.#repeatsMessage(position) : this.#repeats(position);
    if (this.streamed && !isMessage) this.#noteOwn(xid, repeated);
    if (!repeated && xid !== this.xid && xid !== undefined) {
      // The server streams it again before it reads the rollback again.
      if (this.#subtransactions?.isAborted(xid) === true) return REPEATED;
      this.#subtransactions ??= new Subtransactions();
      this.#subtransactions.add(xid, position, isMessage);
    } else if (xid === this.xid && !this.isWhole) this.isChanged = true;
    if (rolledBack.length > 0) return { repeated, continued: false, rolledBack };
    return repeated ? REPEATED : NEW;
  }

  /** Takes its end, which comes for the first time. */
  judgeEnd({ fate, twoPhase }: Boundary): Repetition {
    // What was sent at PREPARE does not come again before COMMIT PREPARED. A FILE may not show that it was prepared.
    if (twoPhase && fate !== "prepare") return NEW;
    this.#commits ||= fate === "commit";
    const rolledBack = this.streamed ? this.#missingBefore(undefined, false) : NONE;
    return rolledBack.length > 0 ? { ...NEW, rolledBack } : NEW;
  }

  /** Takes the server's Stream Abort for the subtransaction. */
  judgeAbort(subxid: number): Repetition {
    if (this.#subtransactions?.isAborted(subxid) === true) return REPEATED;
    this.#subtransactions?.abort(subxid);
    return NEW;
  }

  /** Takes the next row or truncate. Positions never decrease within a transaction. */
  #repeats(position: WalPosition): boolean {
    const last = this.#last;
    const passed = this.#passed;
    move(last, position, isSame(last, position) ? last.count + 1 : 1);
    if (isSame(last, passed) ? last.count <= passed.count : isBefore(last, passed)) return true;
    move(passed, last, last.count);
    return false;
  }

  #repeatsMessage(position: WalPosition): boolean {
    const lsn = lsnOf(position);
    if (lsn <= this.#passedMessage) return true;
    this.#passedMessage = lsn;
    return false;
  }

  #missingBefore(position: WalPosition | undefined, isMessage: boolean): readonly RolledBack[] {
    const missing = this.#subtransactions?.missingBefore(position, isMessage) ?? [];
    // Of what is rolled back meanwhile the server may send anything.
    const isOther =
      this.#own !== undefined &&
      !this.#own.isMet &&
      this.#commits &&
      (position === undefined || isBefore(this.#own.place, position));
    if (missing.length === 0 && !isOther) return NONE;
    const subxids = isOther ? [this.xid, ...missing] : missing;
    return subxids.map((subxid) => ({ xid: this.xid, subxid }));
  }

  /** Notes a row or truncate that may be the transaction's own, and whether the last of these comes again. */
  #noteOwn(xid: number | undefined, repeated: boolean): void {
    const own = this.#own;
    const last = this.#last;
    if (own !== undefined && isSame(own.place, last) && last.count >= own.place.count)
      own.isMet = true;
    if (repeated || xid !== this.xid || this.isWhole) return;
    this.#own = { place: { ...last }, isMet: own?.isMet ?? true };
  }
}

/** Limit for one transaction: later subtransactions that are rolled back during an interruption go unnoticed. */
const KEPT_MAX = 100_000;

/**
 * The subtransactions of a transaction whose changes were passed on while it was open. If one is rolled back while the
 * connection is lost, the server neither sends it again nor mentions it: its first change is missing in the repetition.
 */
class Subtransactions {
  /** The first change of each, in the order of the log. */
  readonly #firsts: First[] = [];
  readonly #known = new Set<number>();
  /** Those whose rollback was passed on, and those of them for which the server sent it. */
  readonly #aborted = new Set<number>();
  readonly #abortedByServer = new Set<number>();
  /** Their first changes have come again, at the position of the next one. */
  readonly #met = new Set<First>();
  #next = 0;

  rewind(): void {
    this.#next = 0;
    this.#met.clear();
  }

  /** Takes a change that is passed on. */
  add(xid: number, { high, low }: WalPosition, isMessage: boolean): void {
    if (this.#known.has(xid) || this.#known.size >= KEPT_MAX) return;
    this.#known.add(xid);
    this.#firsts.push({ xid, high, low, isMessage });
    this.#next = this.#firsts.length;
  }

  abort(xid: number): void {
    if (!this.#known.has(xid)) return;
    this.#aborted.add(xid);
    this.#abortedByServer.add(xid);
  }

  isAborted(xid: number): boolean {
    return this.#abortedByServer.has(xid);
  }

  /** Those whose first change was due before `position` and did not come. At the end (undefined) all were due. */
  missingBefore(position: WalPosition | undefined, isMessage: boolean): readonly number[] {
    if (this.#next === this.#firsts.length) return [];
    const missing: number[] = [];
    for (; this.#next < this.#firsts.length; this.#next++) {
      const first = this.#firsts[this.#next];
      if (first === undefined || (position !== undefined && !isBefore(first, position))) break;
      if (this.#met.delete(first)) continue;
      if (!this.#aborted.has(first.xid)) missing.push(first.xid);
      this.#aborted.add(first.xid);
    }
    if (position !== undefined) this.#meet(position, isMessage);
    return missing;
  }

  /** A message and a row of one position come in either order. */
  #meet(position: WalPosition, isMessage: boolean): void {
    for (let index = this.#next; index < this.#firsts.length; index++) {
      const first = this.#firsts[index];
      if (first === undefined || !isSame(first, position)) return;
      if (first.isMessage === isMessage && !this.#met.has(first)) return void this.#met.add(first);
    }
  }
}

interface First extends WalPosition {
  readonly xid: number;
  readonly isMessage: boolean;
}

/** The rows of one multi-insert record have one position, so a place has a count too. */
interface Place {
  high: number;
  low: number;
  count: number;
}

function move(place: Place, { high, low }: WalPosition, count: number): void {
  place.high = high;
  place.low = low;
  place.count = count;
}

function isSame(one: WalPosition, other: WalPosition): boolean {
  return one.high === other.high && one.low === other.low;
}

function isBefore(one: WalPosition, other: WalPosition): boolean {
  return one.high === other.high ? one.low < other.low : one.high < other.high;
}
