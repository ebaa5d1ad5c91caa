/** Compares xids, which wrap around: whether a precedes b. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Tells which transactions may have begun before the available WAL. */
export class Beginnings {
  /** Where the available WAL begins. */
  #from: number;
  /** Transactions from this xid on began after a checkpoint's redo point, which is in the available WAL. */
  #nextXid: number | undefined;
  /** The transactions that ran at the first list; undefined before it. */
  #running: Set<number> | undefined;

  constructor(from: number) {
    this.#from = from;
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

  /** Whether one of those may still run. */
  get mayRun(): boolean {
    return this.#running === undefined || this.#running.size > 0;
  }

  ended(xids: readonly number[]): void {
    for (const xid of xids) this.#running?.delete(xid);
  }

  /** Whether a transaction that ends now may have begun earlier. */
  mayBeOlder(xid: number): boolean {
    if (this.#nextXid !== undefined && !precedes(xid, this.#nextXid)) return false;
    return this.#running === undefined || this.#running.has(xid);
  }
}
