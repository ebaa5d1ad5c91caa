import type { Relation } from "../../postgres/messages/messages.ts";
import type { Locator } from "../../postgres/records/locator.ts";

/** Losses of one table, or of one unexplained file. */
export interface Loss {
  count: number;
  /** Where the first change's record starts. */
  readonly first: number;
}

export interface TableLoss extends Loss {
  readonly relation: Relation;
  /** Of `count`, those behind missing records. */
  behindGap: number;
}

export interface FileLoss extends Loss {
  readonly locator: Locator;
}

/** Counts what could not be printed, by table: nothing is filled in. */
export class Losses {
  /** Changes that are not printed since they need a page that is not known. */
  readonly rows = new Map<number, TableLoss>();
  /** Changes that are not printed since their bytes do not fit the table, as far as that is known. */
  readonly unfit = new Map<number, TableLoss>();
  /** Updates that are printed without their old rows. */
  readonly oldRows = new Map<number, TableLoss>();
  /** Changes that are printed without a value, whose chunks are not known. */
  readonly values = new Map<number, TableLoss>();
  /** Rows older than a column, whose value there the catalogue file has as of another time. */
  readonly lacking = new Map<number, TableLoss>();
  /** Deletes of tables without a replica identity. */
  readonly withoutIdentity = new Map<number, TableLoss>();
  /** Changes to files that the catalogue does not explain. */
  readonly unexplained = new Map<string, FileLoss>();
  /** Rolled-back transactions that may be of one that altered their tables: see RowDecoder. */
  savepoints: Loss | undefined;
  /** Tables that were emptied, of which WAL at wal_level=replica has no message. */
  readonly emptied = new Map<number, TableLoss>();
  /** What became of tables, where the catalogue is not known. */
  tableChanges: Loss | undefined;
  /** What the transaction that is being sent lacks; undefined: something of a file that no table explains. */
  readonly current = new Set<Relation | undefined>();
  /** How many of its changes are not printed. */
  currentCount = 0;
  /** Where the record of the first of these starts. */
  currentFirst = 0;
  /** Behind which records are missing. */
  gapAt = Infinity;

  row(relation: Relation, position: number, why: "rows" | "unfit" | "lacking"): void {
    this.#lost(position);
    this.#count(this[why], relation, position);
  }

  oldRow(relation: Relation, position: number): void {
    this.#count(this.oldRows, relation, position);
  }

  value(relation: Relation, position: number): void {
    this.#count(this.values, relation, position);
  }

  begin(): void {
    this.current.clear();
    this.currentCount = 0;
  }

  rolledBack(position: number): void {
    this.savepoints = {
      count: (this.savepoints?.count ?? 0) + 1,
      first: this.savepoints?.first ?? position,
    };
  }

  tableChange(position: number): void {
    this.current.add(undefined);
    const { count = 0, first = position } = this.tableChanges ?? {};
    this.tableChanges = { count: count + 1, first: Math.min(first, position) };
  }

  /** Nothing of its transaction is missing that the WAL has. */
  truncate(relation: Relation, position: number): void {
    const { count = 0, first = position } = this.emptied.get(relation.oid) ?? {};
    this.emptied.set(relation.oid, { count: count + 1, first, relation, behindGap: 0 });
  }

  deleteWithoutIdentity(relation: Relation, position: number): void {
    this.#count(this.withoutIdentity, relation, position);
  }

  file({ tablespace, database, relfilenode }: Locator, position: number): void {
    this.current.add(undefined);
    this.#lost(position);
    const key = `${tablespace}/${database}/${relfilenode}`;
    const known = this.unexplained.get(key);
    if (known !== undefined) known.count++;
    else {
      const locator = { tablespace, database, relfilenode };
      this.unexplained.set(key, { count: 1, first: position, locator });
    }
  }

  #lost(position: number): void {
    if (this.currentCount++ === 0) this.currentFirst = position;
  }

  #count(losses: Map<number, TableLoss>, relation: Relation, position: number): void {
    this.current.add(relation);
    const behindGap = position >= this.gapAt ? 1 : 0;
    const known = losses.get(relation.oid);
    if (known === undefined) {
      losses.set(relation.oid, { count: 1, first: position, relation, behindGap });
    } else {
      known.count++;
      known.behindGap += behindGap;
    }
  }
}
