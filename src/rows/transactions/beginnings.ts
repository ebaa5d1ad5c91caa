/** uint32s that wrap: whether a comes before b. */
function precedes(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Which transactions may have begun before the WAL at hand. */
export class Beginnings {
  /** Where the WAL at hand begins. */
  #from: number;
  /** Transactions from this one on began behind a checkpoint's redo point, which is in the WAL at hand. */
  #nextXid: number | undefined;
  /** Those that ran at the first list; undefined: there was none yet. */
  #running: Set<number> | undefined;

  constructor(from: number) {
    this.#from = from;
  }

  /** What comes now does not follow what came before: nothing is certain any more. */
  restart(from: number): void {
    this.#from = from;
    this.#nextXid = undefined;
    this.#running = undefined;
  }

  /** A checkpoint's record. */
  checkpoint(redo: number, nextXid: number): void {
    if (redo >= this.#from) this.#nextXid ??= nextXid;
  }

  /** A RUNNING_XACTS record: only the first one tells. */
  listed(xids: readonly number[]): void {
    this.#running ??= new Set(xids);
  }

  /** It ends now. */
  mayBeOlder(xid: number): boolean {
    if (this.#nextXid !== undefined && !precedes(xid, this.#nextXid)) return false;
    return this.#running === undefined || this.#running.has(xid);
  }
}
