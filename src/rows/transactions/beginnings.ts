import type { RunningTransactions } from "../../catalog/model.ts";

/** Compares xids, which wrap around: whether a precedes b. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** The catalogue's export. */
export interface Export {
  readonly lsn: number;
  readonly running?: RunningTransactions | undefined;
}

/** Tells which transactions may have begun before the available WAL. */
export class Beginnings {
  /** Where the available WAL begins. */
  #from: number;
  /** Transactions from this xid on began after a checkpoint's redo point, which is in the available WAL. */
  #nextXid: number | undefined;
  /** The transactions that ran at the first list; undefined before it. */
  #running: Set<number> | undefined;
  readonly #export: Export;
  /** Those of the export's list whose end was not read. */
  readonly #exported: Set<number>;

  constructor(from: number, exported: Export) {
    this.#from = from;
    this.#export = exported;
    this.#exported = new Set(exported.running?.xids);
  }

  /** The following records do not continue the earlier ones: nothing is certain any more. */
  restart(from: number): void {
    this.#from = from;
    this.#nextXid = undefined;
    this.#running = undefined;
  }

  /** Takes a checkpoint's record. */
  checkpoint(redo: number, nextXid: number): void {
    if (redo >= this.#from) this.#nextXid ??= nextXid;
  }

  /** Takes a RUNNING_XACTS record: only the first one counts. */
  listed(xids: readonly number[]): void {
    this.#running ??= new Set(xids);
  }

  /** Whether one that began earlier may still run at `position`. */
  mayRun(position: number): boolean {
    if (this.#isExportedAt(position) && this.#exported.size === 0) return false;
    return this.#running === undefined || this.#running.size > 0;
  }

  ended(xids: readonly number[]): void {
    for (const xid of xids) {
      this.#running?.delete(xid);
      this.#exported.delete(xid);
    }
  }

  /** Whether a transaction that ends at `position` may have begun earlier. */
  mayBeOlder(xid: number, position: number): boolean {
    if (this.#nextXid !== undefined && !precedes(xid, this.#nextXid)) return false;
    if (this.#isExportedAt(position) && !this.#exported.has(xid)) return false;
    return this.#running === undefined || this.#running.has(xid);
  }

  /** Whether the export's list has all that began before the available WAL and had not ended by then. */
  #isExportedAt(position: number): boolean {
    const { lsn, running } = this.#export;
    return running !== undefined && running.lsn >= this.#from && position >= lsn;
  }
}
