import type { Relation, TableChanged } from "../../postgres/messages/messages.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";

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

/** The bytes of the tuple on the wire, including its column count. */
export function sizeOf(tuple: TupleData | null): number {
  if (tuple === null) return 0;
  const { view, start, columnCount } = tuple;
  let at = start;
  for (let column = 0; column < columnCount; column++) {
    const kind = view.getUint8(at++);
    if (kind === ColumnKind.text || kind === ColumnKind.binary) at += 4 + view.getUint32(at);
  }
  return 2 + at - start;
}

/** So many are kept: a server may create and drop tables all day. */
const TABLES_CHANGED_MAX = 1000;

/** Tables that were created, dropped, rewritten and truncated, in the order of commits. */
export class TablesChanged {
  #last: TableChanged[] = [];
  /** All, also those that are not kept. */
  count = 0;
  /** What the open transaction emptied, as new files show: a Truncate of the same tables may follow. */
  readonly #emptied = new Set<number>();

  /** The last ones. */
  get last(): readonly TableChanged[] {
    return this.#last.slice(-TABLES_CHANGED_MAX);
  }

  begin(): void {
    this.#emptied.clear();
  }

  /** Returns whether it emptied the table. */
  add(message: TableChanged): boolean {
    const { action, relation, transaction } = message;
    // Rolled back.
    if (transaction?.commitTime === null) return false;
    this.count++;
    this.#last.push(message);
    if (this.#last.length > 2 * TABLES_CHANGED_MAX) this.#last = [...this.last];
    if (action === "truncated") this.#emptied.add(relation.oid);
    return action === "truncated";
  }

  /** Those of a Truncate of which no new file has told. */
  untold(relations: readonly Relation[]): readonly Relation[] {
    return relations.filter(({ oid }) => !this.#emptied.delete(oid));
  }
}
