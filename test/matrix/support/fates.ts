/** What became of the transactions of a stream, at any protocol version. */
import { type RelationInfo, type StreamLine, relationInfo } from "./stream-line.ts";

export interface Change {
  readonly line: StreamLine;
  /** The changed table as last announced; undefined for truncates and messages. */
  readonly relation: RelationInfo | undefined;
  readonly truncated: readonly RelationInfo[];
}

export interface Transaction {
  readonly xid: number;
  /** Row changes, truncates and transactional messages. */
  readonly changes: readonly Change[];
  /** The name of the origin that it was marked with. */
  readonly origin: string | undefined;
  /** The line that committed it. */
  readonly commit: StreamLine;
}

export interface Fates {
  /** In the order of their commits. */
  readonly committed: readonly Transaction[];
  readonly rolledBack: number;
  /** The subtransactions that a stream told to be void. */
  readonly voided: number;
  /** Messages outside of transactions. */
  readonly loose: readonly StreamLine[];
  /** What was told of each table last, by its oid. */
  readonly relations: ReadonlyMap<number, RelationInfo>;
}

export function fatesOf(lines: readonly StreamLine[]): Fates {
  const tracker = new FateTracker();
  for (const line of lines) tracker.read(line);
  return tracker.end();
}

interface Pending {
  readonly xid: number;
  changes: Change[];
  origin: string | undefined;
}

class FateTracker {
  readonly #committed: Transaction[] = [];
  readonly #pending = new Map<number, Pending>();
  readonly #relations = new Map<number, RelationInfo>();
  readonly #byName = new Map<string, RelationInfo>();
  readonly #loose: StreamLine[] = [];
  #rolledBack = 0;
  #voided = 0;
  #open: Pending | undefined;

  read(line: StreamLine): void {
    const xid = line.number("xid");
    switch (line.kind) {
      case "begin":
      case "begin_prepare":
      case "stream_start":
        if (this.#open !== undefined) throw new Error(`${line.kind} inside of a transaction`);
        this.#open = this.#pendingOf(xid);
        return;
      case "stream_stop":
      case "prepare":
        this.#requireOpen(line);
        this.#open = undefined;
        return;
      case "commit":
        this.#requireOpen(line);
        this.#open = undefined;
        return this.#commit(xid, line);
      case "stream_commit":
      case "commit_prepared":
        return this.#commit(xid, line);
      case "stream_abort":
        return this.#abort(xid, line.number("subxid"));
      case "rollback_prepared":
        return this.#abort(xid, xid);
      case "stream_prepare":
      case "type":
        return;
      case "relation":
        this.#announce(relationInfo(line));
        return;
      case "origin":
        this.#requireOpen(line).origin = line.text("name");
        return;
      case "message":
        if (line.value("transactional") === false) this.#loose.push(line);
        else this.#add(line, undefined, []);
        return;
      case "truncate":
        this.#add(
          line,
          undefined,
          truncatedTables(line).map((table) => this.#relation(table)),
        );
        return;
      case "insert":
      case "update":
      case "delete":
        this.#add(line, this.#relation(line.table), []);
        return;
      default:
        throw new Error(`a line of the unexpected kind ${line.kind}`);
    }
  }

  end(): Fates {
    if (this.#open !== undefined) throw new Error("the stream ends inside of a transaction");
    return {
      committed: this.#committed,
      rolledBack: this.#rolledBack,
      voided: this.#voided,
      loose: this.#loose,
      relations: this.#relations,
    };
  }

  #announce(relation: RelationInfo): void {
    this.#relations.set(relation.oid, relation);
    this.#byName.set(relation.table, relation);
  }

  #relation(table: string): RelationInfo {
    const relation = this.#byName.get(table);
    if (relation === undefined) throw new Error(`${table} was not announced`);
    return relation;
  }

  #add(line: StreamLine, relation: RelationInfo | undefined, truncated: RelationInfo[]): void {
    this.#requireOpen(line).changes.push({ line, relation, truncated });
  }

  #pendingOf(xid: number): Pending {
    const known = this.#pending.get(xid) ?? { xid, changes: [], origin: undefined };
    this.#pending.set(xid, known);
    return known;
  }

  #requireOpen(line: StreamLine): Pending {
    if (this.#open === undefined) throw new Error(`${line.kind} outside of a transaction`);
    return this.#open;
  }

  #commit(xid: number, commit: StreamLine): void {
    const { changes, origin } = this.#pendingOf(xid);
    this.#pending.delete(xid);
    this.#committed.push({ xid, changes, origin, commit });
  }

  /** Of a subtransaction only what it did itself is void: those inside of it are told one by one. */
  #abort(xid: number, subxid: number): void {
    if (xid === subxid) {
      this.#pending.delete(xid);
      this.#rolledBack++;
      return;
    }
    const pending = this.#pendingOf(xid);
    pending.changes = pending.changes.filter(({ line }) => line.number("xid") !== subxid);
    this.#voided++;
  }
}

export function truncatedTables(line: StreamLine): readonly string[] {
  const tables = line.value("tables") as ReadonlyArray<{ schema: string; table: string }>;
  return tables.map(({ schema, table }) => `${schema}.${table}`);
}

/** Of these tables only; messages are nobody's. */
export function changesIn(
  transactions: readonly Transaction[],
  accepts: (table: string) => boolean,
): readonly Transaction[] {
  return transactions
    .map((transaction) => ({
      ...transaction,
      changes: transaction.changes.filter(({ relation, truncated }) =>
        [...truncated, ...(relation === undefined ? [] : [relation])].some(({ table }) =>
          accepts(table),
        ),
      ),
    }))
    .filter(({ changes }) => changes.length > 0);
}
