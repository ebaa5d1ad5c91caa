import type { WalPosition } from "../../pgoutput/messages.ts";

/** Limit for one transaction: later subtransactions that are rolled back during an interruption go unnoticed. */
const KEPT_MAX = 100_000;

interface First extends WalPosition {
  readonly xid: number;
}

/**
 * The subtransactions of a transaction whose changes were passed on while it was open. If one is rolled back while the
 * connection is lost, the server neither sends it again nor mentions it: it is recognised by its first change, which is
 * missing in the repetition.
 */
export class Subtransactions {
  /** The first change of each, in the order of the log. */
  #firsts: First[] = [];
  readonly #known = new Set<number>();
  readonly #aborted = new Set<number>();
  #next = 0;

  /** The transaction will be sent again from its beginning. */
  rewind(): void {
    this.#next = 0;
  }

  /** Records a change that is passed on. */
  add(xid: number, { high, low }: WalPosition): void {
    if (this.#known.has(xid) || this.#known.size >= KEPT_MAX) return;
    this.#known.add(xid);
    this.#firsts.push({ xid, high, low });
    this.#next = this.#firsts.length;
  }

  /** The server has sent a Stream Abort for it. */
  abort(xid: number): void {
    if (this.#known.has(xid)) this.#aborted.add(xid);
  }

  /** Those whose first change was due before `position` and did not come. At the end (undefined) all were due. */
  missingBefore(position: WalPosition | undefined): readonly number[] {
    if (this.#next === this.#firsts.length) return NONE;
    const missing: number[] = [];
    for (; this.#next < this.#firsts.length; this.#next++) {
      const first = this.#firsts[this.#next];
      if (first === undefined || (position !== undefined && !isBefore(first, position))) break;
      if (!this.#aborted.has(first.xid)) missing.push(first.xid);
      this.#aborted.add(first.xid);
    }
    const first = this.#firsts[this.#next];
    if (first !== undefined && first.high === position?.high && first.low === position.low) {
      this.#next++;
    }
    return missing;
  }
}

const NONE: readonly number[] = [];

function isBefore(one: WalPosition, other: WalPosition): boolean {
  return one.high === other.high ? one.low < other.low : one.high < other.high;
}
