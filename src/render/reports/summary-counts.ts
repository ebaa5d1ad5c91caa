import type { PgTime } from "../../pg-time.ts";
import type {
  PgoutputMessage,
  Relation,
  RowChange,
  StreamAbort,
  TableChanged,
  Truncate,
  OtherMessage,
} from "../../postgres/messages/messages.ts";
import { type Boundary, boundaryOf } from "../../postgres/messages/boundary.ts";
import {
  type Counts,
  fold,
  newShare,
  noCounts,
  type Share,
  sizeOf,
  TablesChanged,
  takeOff,
} from "./summary-shares.ts";
import {
  type OpenTransaction,
  Ranking,
  type RelationTotals,
  type TransactionTotals,
} from "./ranking.ts";

/** Limit for transactions whose end has not been seen; a server streams no more than it has connections. */
const OPEN_COUNT_MAX = 10_000;
/** Limit for separate shares of subtransactions, counted once for each of their tables. */
const SHARES_MAX = 100_000;

const COUNT_OF = { insert: "inserts", update: "updates", delete: "deletes" } as const;

/** Counts changes without those rolled back. Its memory grows with the number of tables, not of messages. */
export class SummaryCounts {
  readonly tablesChanged = new TablesChanged();
  readonly #relations = new Map<string, RelationTotals>();
  readonly #byRelation = new WeakMap<Relation, RelationTotals>();
  readonly #open = new Map<number, OpenTransaction>();
  readonly #sharesMax: number;
  #shares = 0;
  readonly #ranking = new Ranking();
  #current: OpenTransaction | undefined;
  /** The last one that came in one piece. */
  #last: OpenTransaction | undefined;
  /** The transaction that was open when bytes were skipped; it may still be open. */
  #skippedIn: OpenTransaction | undefined;
  /** A change was counted whose transaction is not known. */
  #unowned = false;
  #exact = true;

  constructor(sharesMax = SHARES_MAX) {
    this.#sharesMax = sharesMax;
  }

  /** False if something was rolled back that may have been counted and could not be subtracted. */
  get exact(): boolean {
    return this.#exact;
  }

  add(message: PgoutputMessage): void {
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        return this.#row(message);
      case "truncate":
        return this.#emptied(this.tablesChanged.untold(message.relations), message);
      case "table_changed":
        if (this.tablesChanged.add(message)) this.#emptied([message.relation], message);
        return;
      default: {
        const boundary = boundaryOf(message);
        if (boundary !== undefined) this.#boundary(message, boundary);
        else if (message.kind === "stream_abort") this.#aborted(message);
      }
    }
  }

  #boundary(message: OtherMessage, { opens, ends, fate, xid, time }: Boundary): void {
    this.#current = undefined;
    if (message.kind === "begin") {
      this.tablesChanged.begin();
      this.#current = this.#whole(xid, message.commitTime);
      this.#current.partial = message.partial === true;
    } else if (opens !== undefined) {
      // After a reconnection the server sends the whole transaction again.
      if (message.kind !== "stream_start" || message.firstSegment) this.#takeBack(xid);
      this.#current = this.#opened(xid);
    } else if (ends && fate === "commit") this.#end(xid, time);
    else if (ends && fate === "prepare") this.#fold(this.#open.get(xid));
    else if (ends) {
      this.#exact &&= message.kind === "abort" || !this.#unowned;
      this.#takeBack(xid);
    }
  }

  /** The next changes may belong to another transaction. */
  skipped(): void {
    this.#skippedIn = this.#current ?? this.#skippedIn;
    this.#current = undefined;
  }

  /** Most bytes first. */
  relations(): readonly RelationTotals[] {
    return [...this.#relations.values()]
      .filter(
        ({ inserts, updates, deletes, truncates }) => inserts + updates + deletes + truncates > 0,
      )
      .toSorted((a, b) => b.bytes - a.bytes);
  }

  /** The largest transactions, and those that deleted most, largest first, including those whose end was not seen. */
  transactions(): readonly TransactionTotals[] {
    return this.#ranking.with(this.#open.values());
  }

  #row(message: RowChange): void {
    let bytes = 0;
    if (message.kind !== "insert") bytes += sizeOf(message.key) + sizeOf(message.old);
    if (message.kind !== "delete") bytes += sizeOf(message.new);
    const share = this.#changed(message, bytes);
    this.#add(this.#totalsOf(message.relation), share, COUNT_OF[message.kind], bytes);
  }

  #emptied(relations: readonly Relation[], message: Truncate | TableChanged): void {
    if (relations.length === 0) return;
    const share = this.#changed(message, 0);
    for (const relation of relations) {
      this.#add(this.#totalsOf(relation), share, "truncates", 0);
    }
  }

  #add(
    totals: RelationTotals,
    share: Share | undefined,
    what: Exclude<keyof Counts, "bytes">,
    bytes: number,
  ): void {
    totals[what]++;
    totals.bytes += bytes;
    if (share === undefined) return;
    let counts = share.byRelation.get(totals);
    if (counts === undefined) {
      counts = noCounts();
      share.byRelation.set(totals, counts);
      if (share !== this.#current?.own) this.#shares++;
    }
    counts[what]++;
    counts.bytes += bytes;
  }

  /** Counts the change for its transaction. Undefined if it cannot be rolled back, or its transaction is not known. */
  #changed({ transaction }: RowChange | Truncate | TableChanged, bytes: number): Share | undefined {
    // Inside a stream block a row carries its subtransaction, so only after a Begin is the transaction known.
    const committed = transaction !== null && transaction.commitTime !== null;
    if (this.#skippedIn !== undefined && committed) {
      if (this.#skippedIn.xid === transaction.xid) this.#current = this.#skippedIn;
      this.#skippedIn = undefined;
    }
    // Of walctl's lines, --only may have left out those that begin and end transactions.
    if (committed && this.#current?.xid !== transaction.xid)
      this.#current = this.#whole(transaction.xid, transaction.commitTime);
    const current = this.#current;
    if (current === undefined) {
      this.#unowned ||= !committed;
      return undefined;
    }
    current.changes++;
    current.bytes += bytes;
    const share = this.#shareOf(current, transaction?.xid ?? current.xid);
    if (share === undefined) return undefined;
    share.changes++;
    share.bytes += bytes;
    return share;
  }

  #shareOf(open: OpenTransaction, xid: number): Share | undefined {
    if (xid === open.xid) return open.own;
    const known = open.subtransactions.get(xid);
    if (known !== undefined) return known;
    // Folds all at once: folding only the oldest, for each new one, would take time for each.
    if (this.#shares >= this.#sharesMax) this.#open.forEach((each) => this.#fold(each));
    const share = newShare();
    open.subtransactions.set(xid, share);
    return share;
  }

  /** From now on its subtransactions can be subtracted only together with the whole transaction. */
  #fold(open: OpenTransaction | undefined): void {
    if (open === undefined || open.subtransactions.size === 0) return;
    for (const share of open.subtransactions.values()) {
      fold(share, open.own);
      this.#shares -= share.byRelation.size;
    }
    open.subtransactions.clear();
    open.folded = true;
  }

  #totalsOf(relation: Relation): RelationTotals {
    const known = this.#byRelation.get(relation);
    if (known !== undefined) return known;
    const name = JSON.stringify([
      relation.schema,
      relation.table,
      relation.announced ? 0 : relation.oid,
    ]);
    let totals = this.#relations.get(name);
    if (totals === undefined) {
      totals = { relation, ...noCounts() };
      this.#relations.set(name, totals);
    }
    this.#byRelation.set(relation, totals);
    return totals;
  }

  /** Of one that comes in one piece: the one before it has ended. */
  #whole(xid: number, commitTime: PgTime | null): OpenTransaction {
    if (this.#last !== undefined && this.#last.xid !== xid)
      this.#end(this.#last.xid, this.#last.commitTime);
    this.#last = this.#opened(xid);
    this.#last.commitTime = commitTime;
    return this.#last;
  }

  #opened(xid: number): OpenTransaction {
    let open = this.#open.get(xid);
    if (open === undefined) {
      const [own, subtransactions] = [newShare(), new Map<number, Share>()];
      open = {
        xid,
        changes: 0,
        bytes: 0,
        commitTime: null,
        partial: false,
        own,
        subtransactions,
        folded: false,
      };
      this.#open.set(xid, open);
      if (this.#open.size > OPEN_COUNT_MAX) {
        const [oldest = xid] = this.#open.keys();
        this.#fold(this.#open.get(oldest));
        this.#open.delete(oldest);
        this.#unowned = true;
      }
    }
    return open;
  }

  #end(xid: number, commitTime: PgTime | null): void {
    const ended = this.#open.get(xid);
    if (ended === undefined) return;
    this.#fold(ended);
    this.#open.delete(xid);
    ended.commitTime = commitTime;
    this.#ranking.add(ended);
  }

  #aborted({ transaction: { xid }, subxid }: StreamAbort): void {
    const open = this.#open.get(xid);
    this.#exact &&= !this.#unowned;
    const share = open?.subtransactions.get(subxid);
    if (open === undefined || share === undefined) {
      this.#exact &&= open?.folded !== true;
      return;
    }
    open.subtransactions.delete(subxid);
    this.#shares -= share.byRelation.size;
    open.changes -= share.changes;
    open.bytes -= share.bytes;
    takeOff(share);
  }

  #takeBack(xid: number): void {
    const open = this.#open.get(xid);
    this.#fold(open);
    if (open !== undefined) takeOff(open.own);
    this.#open.delete(xid);
  }
}
