import type { PgTime } from "../../pg-time.ts";
import type { PgoutputMessage, Relation, RowChange, Truncate } from "../../pgoutput/messages.ts";
import { ColumnKind } from "../../pgoutput/tags.ts";
import type { TupleData } from "../../pgoutput/tuple.ts";

export interface RelationTotals {
  /** As first seen. */
  readonly relation: Relation;
  inserts: number;
  updates: number;
  deletes: number;
  truncates: number;
  /** Of the rows as received. */
  bytes: number;
}

export interface TransactionTotals {
  readonly xid: number;
  /** Rows and truncates; in a streamed transaction also those of subtransactions that were rolled back. */
  changes: number;
  bytes: number;
  commitTime: PgTime | null;
}

const LARGEST_COUNT = 10;
/** Streamed transactions whose end has not been seen; a server streams no more than it has connections. */
const OPEN_COUNT_MAX = 10_000;

/** Counts what messages change. Its memory grows with the number of tables, not with that of messages. */
export class SummaryCounts {
  readonly #relations = new Map<string, RelationTotals>();
  readonly #byRelation = new WeakMap<Relation, RelationTotals>();
  readonly #open = new Map<number, TransactionTotals>();
  #largest: TransactionTotals[] = [];
  #current: TransactionTotals | undefined;
  /** The transaction that was open when something was skipped, and may still be open. */
  #skippedIn: TransactionTotals | undefined;

  add(message: PgoutputMessage): void {
    switch (message.kind) {
      case "insert":
      case "update":
      case "delete":
        return this.#row(message);
      case "truncate":
        return this.#truncate(message);
      case "begin":
      case "begin_prepare":
      case "stream_start":
        this.#current = this.#opened(message.transaction?.xid ?? 0);
        if (message.kind === "begin") this.#current.commitTime = message.commitTime;
        return;
      case "stream_stop":
        this.#current = undefined;
        return;
      case "commit":
      case "prepare":
      case "stream_commit":
      case "stream_prepare":
        return this.#end(message);
      case "stream_abort":
        // A subtransaction's end does not end its transaction.
        if (message.subxid === message.transaction.xid) this.#open.delete(message.subxid);
        return;
      case "commit_prepared":
        return this.#committed(message.transaction.xid, message.commitTime);
      case "rollback_prepared":
      case "origin":
      case "relation":
      case "type":
      case "message":
      case "unknown":
        return;
    }
  }

  /** The next message may belong to another transaction. */
  skipped(): void {
    this.#skippedIn = this.#current ?? this.#skippedIn;
    this.#current = undefined;
  }

  /** Ordered by bytes, the most first. */
  relations(): readonly RelationTotals[] {
    return [...this.#relations.values()].toSorted((a, b) => b.bytes - a.bytes);
  }

  /** The largest transactions, the largest first, including those whose end was not seen. */
  transactions(): readonly TransactionTotals[] {
    return largest([...this.#largest, ...this.#open.values()]);
  }

  #row(message: RowChange): void {
    let bytes = 0;
    if (message.kind !== "insert") bytes += sizeOf(message.key) + sizeOf(message.old);
    if (message.kind !== "delete") bytes += sizeOf(message.new);
    const totals = this.#totalsOf(message.relation);
    if (message.kind === "insert") totals.inserts++;
    else if (message.kind === "update") totals.updates++;
    else totals.deletes++;
    totals.bytes += bytes;
    this.#changed(message, bytes);
  }

  #truncate(message: Truncate): void {
    for (const relation of message.relations) this.#totalsOf(relation).truncates++;
    this.#changed(message, 0);
  }

  #changed({ transaction }: RowChange | Truncate, bytes: number): void {
    // In a stream block a row names its subtransaction, so the transaction is only known after a Begin.
    if (this.#skippedIn !== undefined && transaction !== null && transaction.commitTime !== null) {
      if (this.#skippedIn.xid === transaction.xid) this.#current = this.#skippedIn;
      this.#skippedIn = undefined;
    }
    if (this.#current === undefined) return;
    this.#current.changes++;
    this.#current.bytes += bytes;
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
      totals = { relation, inserts: 0, updates: 0, deletes: 0, truncates: 0, bytes: 0 };
      this.#relations.set(name, totals);
    }
    this.#byRelation.set(relation, totals);
    return totals;
  }

  #opened(xid: number): TransactionTotals {
    let open = this.#open.get(xid);
    if (open === undefined) {
      open = { xid, changes: 0, bytes: 0, commitTime: null };
      this.#open.set(xid, open);
      if (this.#open.size > OPEN_COUNT_MAX) {
        const [oldest = xid] = this.#open.keys();
        this.#open.delete(oldest);
      }
    }
    return open;
  }

  #end(
    message: Extract<
      PgoutputMessage,
      { kind: "commit" | "prepare" | "stream_commit" | "stream_prepare" }
    >,
  ): void {
    const xid = message.transaction?.xid;
    const ended = xid === undefined ? undefined : this.#open.get(xid);
    this.#current = undefined;
    if (xid === undefined || ended === undefined) return;
    this.#open.delete(xid);
    if ("commitTime" in message) ended.commitTime = message.commitTime;
    const least = this.#largest[LARGEST_COUNT - 1];
    if (least !== undefined && ended.bytes < least.bytes) return;
    this.#largest = largest([...this.#largest, ended]);
  }

  /** Sets the commit time of a prepared transaction that is among the largest. */
  #committed(xid: number, commitTime: PgTime): void {
    const prepared = this.#largest.find(
      (totals) => totals.xid === xid && totals.commitTime === null,
    );
    if (prepared !== undefined) prepared.commitTime = commitTime;
  }
}

function largest(transactions: TransactionTotals[]): TransactionTotals[] {
  return transactions
    .filter(({ changes }) => changes > 0)
    .toSorted((a, b) => b.bytes - a.bytes || b.changes - a.changes)
    .slice(0, LARGEST_COUNT);
}

/** What the tuple takes on the wire, the count of its columns included. */
function sizeOf(tuple: TupleData | null): number {
  if (tuple === null) return 0;
  const { view, start, columnCount } = tuple;
  let at = start;
  for (let column = 0; column < columnCount; column++) {
    const kind = view.getUint8(at++);
    if (kind === ColumnKind.text || kind === ColumnKind.binary) at += 4 + view.getUint32(at);
  }
  return 2 + at - start;
}
