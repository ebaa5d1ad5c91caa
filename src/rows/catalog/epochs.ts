import type { Owner } from "./owner.ts";
import type { Writer } from "./row-version.ts";
import type { TableVersion } from "./table-version.ts";

/** A range of positions in which the catalogue does not change. */
interface Range {
  readonly from: number;
  until: number;
}

interface Answer {
  readonly range: Range;
  readonly table: TableVersion | undefined;
}

/**
 * Caches answers by relfilenode while the catalogue does not change: an epoch begins at each commit that changed it. A
 * transaction that changes the catalogue has its own answers, which also end at each of its changes.
 */
export class Epochs {
  #epochs: Range[] = [{ from: 0, until: Infinity }];
  readonly #answers = new Map<number, Map<number, Answer>>();
  #ownAnswers = new Map<number, Map<number, Answer>>();
  #owner: Owner | undefined;
  /** The positions at which the owner itself changed the catalogue, in order. Undefined if it did not. */
  #changes: readonly number[] | undefined;

  /** Others see the catalogue change at `lsn`. Changes behind it have not been looked up yet. */
  commit(lsn: number): void {
    const index = this.#indexOf(lsn);
    const epoch = this.#epochs[index]!;
    this.#owner = undefined;
    if (epoch.from === lsn) return;
    this.#epochs.splice(index + 1, 0, { from: lsn, until: epoch.until });
    epoch.until = lsn;
  }

  forget(): void {
    this.#answers.clear();
  }

  /** Call it when any transaction, perhaps the owner, changed the catalogue. */
  changed(): void {
    this.#owner = undefined;
  }

  /** Undefined if there is no answer yet. */
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

  /** Sets the transaction whose changes are looked up. */
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

  #indexOf(lsn: number): number {
    const epochs = this.#epochs;
    let low = 0;
    for (let high = epochs.length - 1; low < high;) {
      const middle = (low + high + 1) >> 1;
      if (epochs[middle]!.from <= lsn) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #rangeOf(lsn: number): Range {
    const epoch = this.#epochs[this.#indexOf(lsn)]!;
    if (this.#changes === undefined) return epoch;
    let { from, until } = epoch;
    for (const change of this.#changes) {
      if (change <= lsn) from = Math.max(from, change);
      else until = Math.min(until, change);
    }
    return { from, until };
  }
}

/** The owner's (sub)transactions that changed the catalogue. */
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
