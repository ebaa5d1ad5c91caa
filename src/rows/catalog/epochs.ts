import type { Owner } from "./owner.ts";
import type { Writer } from "./row-version.ts";
import type { TableVersion } from "./table-version.ts";

/** Positions between which the catalogue is the same. */
interface Range {
  readonly from: number;
  until: number;
}

interface Answer {
  readonly range: Range;
  readonly table: TableVersion | undefined;
}

/**
 * Answers by relfilenode, for as long as the catalogue does not change: an epoch begins at each commit that changed it. A transaction
 * that changes it itself has answers of its own, which also end at each of its changes.
 */
export class Epochs {
  #epochs: Range[] = [{ from: 0, until: Infinity }];
  readonly #answers = new Map<number, Map<number, Answer>>();
  #ownAnswers = new Map<number, Map<number, Answer>>();
  #owner: Owner | undefined;
  /** Where the owner itself changed the catalogue, in order. Undefined: nowhere. */
  #changes: readonly number[] | undefined;

  get count(): number {
    return this.#epochs.length;
  }

  commit(lsn: number): void {
    this.#epochs.at(-1)!.until = lsn;
    this.#epochs.push({ from: lsn, until: Infinity });
    this.#owner = undefined;
  }

  /** Somebody changed the catalogue: it may be the owner. */
  changed(): void {
    this.#owner = undefined;
  }

  /** Undefined: not asked yet. */
  find(tablespace: number, number: number, lsn: number): Answer | undefined {
    const answers = this.#changes === undefined ? this.#answers : this.#ownAnswers;
    const known = answers.get(tablespace)?.get(number);
    if (known === undefined || lsn < known.range.from || lsn >= known.range.until) return undefined;
    return known;
  }

  remember(tablespace: number, number: number, lsn: number, table: TableVersion | undefined): void {
    const answers = this.#changes === undefined ? this.#answers : this.#ownAnswers;
    let ofSpace = answers.get(tablespace);
    if (ofSpace === undefined) answers.set(tablespace, (ofSpace = new Map()));
    ofSpace.set(number, { range: this.#rangeOf(lsn), table });
  }

  /** Whose changes are asked about. */
  setOwner(owner: Owner, writers: ReadonlyMap<number, Writer>): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    const changes: number[] = [];
    for (const writer of writersOf(owner, writers)) {
      for (const { createdAt } of writer.created) changes.push(createdAt);
      for (const { deletedAt } of writer.deleted) changes.push(deletedAt);
    }
    this.#changes = changes.length === 0 ? undefined : changes.toSorted((a, b) => a - b);
    this.#ownAnswers = new Map();
  }

  #rangeOf(lsn: number): Range {
    const epochs = this.#epochs;
    let low = 0;
    for (let high = epochs.length - 1; low < high;) {
      const middle = (low + high + 1) >> 1;
      if (epochs[middle]!.from <= lsn) low = middle;
      else high = middle - 1;
    }
    const epoch = epochs[low]!;
    if (this.#changes === undefined) return epoch;
    let { from, until } = epoch;
    for (const change of this.#changes) {
      if (change <= lsn) from = Math.max(from, change);
      else until = Math.min(until, change);
    }
    return { from, until };
  }
}

/** Those of the owner that changed the catalogue. */
export function writersOf(owner: Owner, writers: ReadonlyMap<number, Writer>): readonly Writer[] {
  const found: Writer[] = [];
  if (owner.size <= writers.size) {
    for (const xid of owner) {
      const writer = writers.get(xid);
      if (writer !== undefined) found.push(writer);
    }
  } else for (const writer of writers.values()) if (owner.has(writer.xid)) found.push(writer);
  return found;
}
