import { unlessShort } from "../postgres/records/payload.ts";
import type { WalRecord } from "../postgres/records/record.ts";
import { Rmgr } from "../postgres/records/rmgrs.ts";
import { TransactionRecord } from "../postgres/records/transaction.ts";
import type { WalVersion } from "../postgres/pages/versions.ts";

/** Transactions and their subtransactions, as far as the log has named the parents of these. */
export class TransactionFamily {
  readonly #xids: Set<number>;
  readonly #record = new TransactionRecord();

  constructor(xids: readonly number[]) {
    this.#xids = new Set(xids);
  }

  /** Whether the record belongs to one of them. Needs to see every record, in order. */
  has(record: WalRecord, version: WalVersion): boolean {
    const { xid, topXid } = record;
    if (topXid !== 0 && this.#xids.has(topXid)) this.#xids.add(xid);
    if (record.rmgr === Rmgr.transaction && this.#learn(record, version)) return true;
    return xid !== 0 && this.#xids.has(xid);
  }

  #learn(record: WalRecord, version: WalVersion): boolean {
    const read = unlessShort(() => this.#record.read(record, version));
    if (read === undefined) return false;
    const { preparedXid, subxids, topXid } = read;
    const own = [record.xid, topXid, preparedXid].some((xid) => xid !== 0 && this.#xids.has(xid));
    if (own) for (const xid of subxids) this.#xids.add(xid);
    return own;
  }
}
