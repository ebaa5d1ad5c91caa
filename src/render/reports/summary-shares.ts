export interface Counts {
  inserts: number;
  updates: number;
  deletes: number;
  truncates: number;
  /** Bytes of the rows as they were received. */
  bytes: number;
}

/**
 * What a transaction or a subtransaction has added to the totals, so that it can be subtracted if it is rolled back.
 */
export interface Share {
  changes: number;
  bytes: number;
  /** Keyed by the totals that the counts were added to. */
  readonly byRelation: Map<Counts, Counts>;
}

export function noCounts(): Counts {
  return { inserts: 0, updates: 0, deletes: 0, truncates: 0, bytes: 0 };
}

export function newShare(): Share {
  return { changes: 0, bytes: 0, byRelation: new Map() };
}

export function takeOff(share: Share): void {
  for (const [totals, counts] of share.byRelation) addCounts(totals, counts, -1);
}

/** Adds a subtransaction's share to its transaction's. */
export function fold(share: Share, into: Share): void {
  for (const [totals, counts] of share.byRelation) {
    const sum = into.byRelation.get(totals);
    if (sum === undefined) into.byRelation.set(totals, counts);
    else addCounts(sum, counts, 1);
  }
}

function addCounts(sum: Counts, counts: Counts, sign: 1 | -1): void {
  sum.inserts += sign * counts.inserts;
  sum.updates += sign * counts.updates;
  sum.deletes += sign * counts.deletes;
  sum.truncates += sign * counts.truncates;
  sum.bytes += sign * counts.bytes;
}
