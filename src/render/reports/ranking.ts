import type { PgTime } from "../../pg-time.ts";
import type { Relation } from "../../postgres/messages/messages.ts";
import { type Counts, fold, newShare, type Share } from "./summary-shares.ts";

export interface RelationTotals extends Counts {
  /** The relation as it was first seen. */
  readonly relation: Relation;
}

/** What a transaction did to one table. */
export interface TransactionTable extends Counts {
  readonly relation: Relation;
}

export interface TransactionTotals {
  readonly xid: number;
  /** Counts rows and truncates. */
  changes: number;
  bytes: number;
  commitTime: PgTime | null;
  /** It may have begun before the input, so that it did more. */
  partial: boolean;
  /** Where most was deleted first, then where most was changed. */
  readonly tables: readonly TransactionTable[];
}

export interface OpenTransaction extends Omit<TransactionTotals, "tables"> {
  /** Its own changes and those of folded subtransactions. */
  readonly own: Share;
  readonly subtransactions: Map<number, Share>;
  folded: boolean;
}

const LARGEST_COUNT = 10;
/** Those that deleted most are listed too: a DELETE sends few bytes. */
const DELETING_COUNT = 5;
/** The transactions that a summary lists, of all that ended. */
export class Ranking {
  #listed: readonly TransactionTotals[] = [];
  /** A transaction below both is not listed. */
  #bytesMin = 0;
  #goneMin = 0;

  add(ended: OpenTransaction): void {
    const gone = goneOf(ended.own.byRelation.values());
    if (ended.bytes < this.#bytesMin && gone <= this.#goneMin) return;
    this.#listed = listed([...this.#listed, totalsOf(ended)]);
    this.#bytesMin = this.#listed[LARGEST_COUNT - 1]?.bytes ?? 0;
    this.#goneMin = goneOf(deleting(this.#listed)[DELETING_COUNT - 1]?.tables ?? []);
  }

  /** With those whose end was not seen. */
  with(open: Iterable<OpenTransaction>): readonly TransactionTotals[] {
    return listed([...this.#listed, ...Array.from(open, totalsOf)]);
  }
}

function totalsOf(open: OpenTransaction): TransactionTotals {
  const { xid, changes, bytes, commitTime, partial, own, subtransactions } = open;
  const all = newShare();
  for (const share of [own, ...subtransactions.values()]) {
    for (const [totals, counts] of share.byRelation)
      fold({ ...share, byRelation: new Map([[totals, { ...counts }]]) }, all);
  }
  const tables = [...all.byRelation].map(([totals, counts]) => ({
    ...counts,
    relation: (totals as RelationTotals).relation,
  }));
  return {
    xid,
    changes,
    bytes,
    commitTime,
    partial,
    tables: tables.toSorted((a, b) => goneOf([b]) - goneOf([a]) || changesOf(b) - changesOf(a)),
  };
}

function changesOf({ inserts, updates, deletes, truncates }: Counts): number {
  return inserts + updates + deletes + truncates;
}

function listed(transactions: readonly TransactionTotals[]): readonly TransactionTotals[] {
  const bySize = transactions
    .filter(({ changes }) => changes > 0)
    .toSorted((a, b) => b.bytes - a.bytes || b.changes - a.changes);
  const wanted = new Set([...bySize.slice(0, LARGEST_COUNT), ...deleting(bySize)]);
  return bySize.filter((each) => wanted.has(each));
}

function deleting(transactions: readonly TransactionTotals[]): readonly TransactionTotals[] {
  return transactions
    .filter(({ tables }) => goneOf(tables) > 0)
    .toSorted((a, b) => goneOf(b.tables) - goneOf(a.tables))
    .slice(0, DELETING_COUNT);
}

/** A TRUNCATE counts before any DELETE. */
function goneOf(tables: Iterable<Counts>): number {
  let gone = 0;
  for (const { deletes, truncates } of tables) gone += deletes + truncates * 1e12;
  return gone;
}
