import type { WalPosition } from "../../pgoutput/messages.ts";

/** Remembered for one transaction. Of later ones nobody learns that they were rolled back while the connection was lost. */
const KEPT_MAX = 100_000;

interface First extends WalPosition {
  readonly xid: number;
}

/**
 * The subtransactions of a transaction whose changes were passed on while it was open. One that is rolled
 * back while the connection is lost does not come again, and the server says nothing of it: it is known by its
 * first change, which is missing where it stood.
 */
export class Subtransactions {
  /** Their first changes, in the order of the log. */
  #firsts: First[] = [];
  readonly #known = new Set<number>();
  readonly #aborted = new Set<number>();
  #next = 0;

  /** The transaction comes again from its beginning. */
  rewind(): void {
    this.#next = 0;
  }

  /** A change is passed on. */
  add(xid: number, { high, low }: WalPosition): void {
    if (this.#known.has(xid) || this.#known.size >= KEPT_MAX) return;
    this.#known.add(xid);
    this.#firsts.push({ xid, high, low });
    this.#next = this.#firsts.length;
  }

  /** The server has sent its Stream Abort. */
  abort(xid: number): void {
    if (this.#known.has(xid)) this.#aborted.add(xid);
  }

  /** Those whose first change was due before `position` and did not come. Undefined: the transaction ends, all were due. */
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
