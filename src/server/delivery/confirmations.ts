import { INVALID_LSN, type Lsn, formatLsn, maxLsn, parseLsn } from "../../lsn.ts";

/** How many commits without confirmation are kept; beyond that, every other one is forgotten. */
const OUTSTANDING_MAX = 65_536;

export type Verdict =
  | { readonly lsn: Lsn }
  /** Why it was not accepted. `stale`: a later position was confirmed before. */
  | { readonly refused: string; readonly stale: boolean };

interface Commit {
  readonly end: Lsn;
  /** The number of commits up to this one. */
  readonly count: number;
}

/**
 * Checks the consumer's confirmations against the commits that it can have read. Only the end of such a commit is
 * accepted: a position inside the next transaction, or one byte further, could lose that transaction.
 */
export class Confirmations {
  #rendered: Commit[] = [];
  #outstanding: Commit[] = [];
  /** The end of the last late prepare, see boundaryOf: it lies before ends that were rendered earlier. */
  #late: Lsn | undefined;
  #lastEnd = INVALID_LSN;
  #forgotten = false;
  #lastPrinted = INVALID_LSN;
  #confirmed = INVALID_LSN;
  #count = 0;
  #confirmedCount = 0;

  /** The number of printed commits that are neither confirmed nor forgotten. */
  get outstanding(): number {
    return this.#outstanding.length;
  }

  /** The number of commits that are not confirmed. */
  get unconfirmed(): number {
    return this.#count - this.#confirmedCount;
  }

  /** The end of the last printed commit. */
  get lastPrinted(): Lsn {
    return this.#lastPrinted;
  }

  /** Call it when a commit's line was rendered. */
  commit(end: Lsn): void {
    this.#count++;
    if (end < this.#lastEnd) this.#late = end;
    else this.#rendered.push({ end, count: this.#count });
    this.#lastEnd = maxLsn(this.#lastEnd, end);
  }

  /**
   * Call it when the write of everything rendered so far has begun. A consumer that confirms one of these lines has
   * read it, even if the end of a large write still waits for space in the pipe.
   */
  printed(): void {
    if (this.#rendered.length === 0) return;
    for (const commit of this.#rendered) this.#outstanding.push(commit);
    this.#lastPrinted = this.#rendered.at(-1)?.end ?? this.#lastPrinted;
    this.#rendered = [];
    if (this.#outstanding.length <= OUTSTANDING_MAX) return;
    // Keeps the newest: a confirmation is rounded down to a known commit.
    const { length } = this.#outstanding;
    this.#outstanding = this.#outstanding.filter((_, index) => (length - 1 - index) % 2 === 0);
    this.#forgotten = true;
  }

  /** What was written before belongs to a log that this server does not have, so it can no longer be confirmed. */
  forget(): void {
    this.#rendered = [];
    this.#outstanding = [];
    this.#late = undefined;
    this.#lastEnd = INVALID_LSN;
    this.#forgotten = false;
    this.#lastPrinted = INVALID_LSN;
    this.#confirmed = INVALID_LSN;
    this.#confirmedCount = this.#count;
  }

  /** Takes one line of the consumer: the end_lsn of a commit. */
  confirm(line: string): Verdict {
    const text = line.trim();
    const lsn = parseLsn(text);
    if (lsn === undefined) return refuse("it is not an LSN");
    // It confirms nothing: its transaction is sent again until the COMMIT PREPARED that follows it is confirmed.
    if (lsn === this.#late) return { lsn: this.#confirmed };
    if (lsn > this.#lastPrinted) {
      return refuse(`nothing beyond ${formatLsn(this.#lastPrinted)} has been written`);
    }
    if (lsn <= this.#confirmed) {
      if (lsn === this.#confirmed) return { lsn };
      return { refused: `${formatLsn(this.#confirmed)} is confirmed already`, stale: true };
    }
    const count = this.#countUpTo(lsn);
    const known = count === 0 ? undefined : this.#outstanding[count - 1];
    if (known === undefined || (known.end !== lsn && !this.#forgotten)) {
      return refuse("it is not the end_lsn of a commit");
    }
    this.#outstanding.splice(0, count);
    this.#confirmed = known.end;
    this.#confirmedCount = known.count;
    return { lsn: known.end };
  }

  /** The number of outstanding commits up to `lsn`; they are sorted. */
  #countUpTo(lsn: Lsn): number {
    let low = 0;
    let high = this.#outstanding.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#outstanding[middle]?.end ?? INVALID_LSN) <= lsn) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function refuse(why: string): Verdict {
  return { refused: why, stale: false };
}
