import type { PageTuple } from "../../postgres/tuples/heap-page.ts";

/** Bits of t_infomask (access/htup_details.h). */
const XMAX_EXCLUSIVE_LOCK = 0x0040;
const XMAX_LOCK_ONLY = 0x0080;
const XMIN_COMMITTED = 0x0100;
const XMIN_INVALID = 0x0200;
const XMAX_COMMITTED = 0x0400;
const XMAX_INVALID = 0x0800;
const XMAX_IS_MULTI = 0x1000;
const XMAX_KEY_SHARE_LOCK = 0x0010;
/** Only the exclusive bit: a lock from before 9.3. */
const LOCK_BITS = XMAX_IS_MULTI | XMAX_EXCLUSIVE_LOCK | XMAX_KEY_SHARE_LOCK;

/** BootstrapTransactionId and FrozenTransactionId always count as committed. */
const FIRST_NORMAL_XID = 3;
const COMMITTED = 1;
const XIDS_PER_FILE = 1024 * 1024;

/** Tells which transactions committed: pg_xact, two bits each, lowest first. */
export class TransactionStatus {
  readonly #readFile: (number: number) => Uint8Array | undefined;
  readonly #files = new Map<number, Uint8Array | undefined>();

  /**
   * @param readFile reads a file of pg_xact; undefined if it was removed because everything in it is older than needed
   */
  constructor(readFile: (number: number) => Uint8Array | undefined) {
    this.#readFile = readFile;
  }

  committed(xid: number): boolean {
    if (xid < FIRST_NORMAL_XID) return true;
    const number = Math.floor(xid / XIDS_PER_FILE);
    if (!this.#files.has(number)) this.#files.set(number, this.#readFile(number));
    const file = this.#files.get(number);
    if (file === undefined) return true;
    const byte = file[(xid % XIDS_PER_FILE) >> 2] ?? 0;
    return ((byte >> (2 * (xid & 3))) & 3) === COMMITTED;
  }

  /**
   * Whether a new transaction sees the row (heapam_visibility.c, HeapTupleSatisfiesMVCC). A hint bit that is not set
   * says nothing. Undefined if its xmax is a multixact's updater, which is not looked up.
   */
  visible({ infomask, xmin, xmax }: PageTuple): boolean | undefined {
    if ((infomask & XMIN_COMMITTED) === 0) {
      if ((infomask & XMIN_INVALID) !== 0 || !this.committed(xmin)) return false;
    }
    if (xmax === 0 || (infomask & (XMAX_INVALID | XMAX_LOCK_ONLY)) !== 0) return true;
    if ((infomask & LOCK_BITS) === XMAX_EXCLUSIVE_LOCK) return true;
    if ((infomask & XMAX_IS_MULTI) !== 0) return undefined;
    return (infomask & XMAX_COMMITTED) === 0 && !this.committed(xmax);
  }
}
