import { describeRecord } from "./detail/describe.ts";
import { ShortPayload } from "./detail/payload.ts";
import type { DetailSink } from "./detail/sink.ts";
import type { WalRecord } from "./record.ts";
import { Rmgr } from "./rmgrs.ts";
import type { WalVersion } from "./pages/versions.ts";

/** What a record of the Transaction rmgr says about transactions other than the one in its header. */
class NamedTransactions implements DetailSink {
  parent = 0;
  prepared = 0;
  subtransactions: readonly number[] = [];

  number(key: string, value: number): void {
    if (key === "top_xid") this.parent = value;
    if (key === "twophase_xid") this.prepared = value;
  }

  numbers(key: string, value: readonly number[]): void {
    if (key === "subxids") this.subtransactions = value;
  }

  bool(): void {}
  text(): void {}
  lsn(): void {}
  time(): void {}
  names(): void {}
  rows(): void {}
}

/** Transactions and their subtransactions, as far as the log has named the parents of these. */
export class TransactionFamily {
  readonly #xids: Set<number>;

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
    const named = new NamedTransactions();
    try {
      describeRecord(record, version, named);
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      return false;
    }
    const { parent, prepared, subtransactions } = named;
    const own = [record.xid, parent, prepared].some((xid) => xid !== 0 && this.#xids.has(xid));
    if (own) for (const xid of subtransactions) this.#xids.add(xid);
    return own;
  }
}
