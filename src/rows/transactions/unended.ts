import type { Snapshot } from "../../catalog/model.ts";
import { ShortPayload } from "../../wal/detail/payload.ts";
import { TRANSACTION_OPERATION_MASK, TransactionOperation } from "../../wal/detail/transaction.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";
import { Rmgr } from "../../wal/rmgrs.ts";
import { isFinished } from "../catalog/snapshot.ts";
import { TransactionRecord } from "./ends.ts";

const RUNNING_XACTS = 0x10;

/** Transactions in the WAL whose end was not read. */
export class UnendedTransactions {
  readonly #xids = new Set<number>();
  readonly #record = new TransactionRecord();
  #newest: number | undefined;

  note(record: WalRecord, version: WalVersion): void {
    const { xid } = record;
    if (xid !== 0) {
      if (this.#newest === undefined || ((xid - this.#newest) | 0) > 0) this.#newest = xid;
      this.#xids.add(xid);
    }
    if (record.rmgr === Rmgr.transaction) this.#noteEnd(record, version);
    else if (record.rmgr === Rmgr.standby && record.opcode === RUNNING_XACTS)
      this.#noteList(record);
  }

  /** A crash ended those before its oldest running one, which is at 16. */
  #noteList({ mainBytes, mainStart, view }: WalRecord): void {
    if (mainBytes < 20) return;
    const oldest = view.getUint32(mainStart + 16, true);
    for (const xid of this.#xids) if (((xid - oldest) | 0) < 0) this.#xids.delete(xid);
  }

  /** Whether one of them, or a newer one, had ended by then. */
  mayHaveEnded(snapshot: Snapshot): boolean {
    const { xmax } = snapshot;
    if (this.#newest !== undefined && ((Number(xmax & 0xffff_ffffn) - this.#newest) | 0) > 1) {
      return true;
    }
    for (const xid of this.#xids) if (isFinished(xid, snapshot)) return true;
    return false;
  }

  #noteEnd(record: WalRecord, version: WalVersion): void {
    const operation = record.info & TRANSACTION_OPERATION_MASK;
    try {
      const { preparedXid, subxids } = this.#record.read(record, version);
      if (operation === TransactionOperation.prepare) return;
      if (operation === TransactionOperation.assignment) return;
      if (operation === TransactionOperation.invalidation) return;
      for (const xid of [record.xid, preparedXid, ...subxids]) this.#xids.delete(xid);
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
    }
  }
}
