import type { Snapshot } from "../../catalog/model.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { TransactionRecord, endKind } from "../../postgres/records/transaction.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { StandbyOperation, readRunningXacts } from "../../postgres/records/standby.ts";
import { isFinished } from "../catalog/snapshot.ts";

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
    else if (record.rmgr === Rmgr.standby && record.opcode === StandbyOperation.runningXacts)
      this.#noteList(record);
  }

  /** A crash ended those before its oldest running one. */
  #noteList(record: WalRecord): void {
    const running = unlessShort(() => readRunningXacts(record));
    if (running === undefined) return;
    const oldest = running.oldest_running_xid;
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
    if (endKind(record) === undefined) return;
    const read = unlessShort(() => this.#record.read(record, version));
    if (read !== undefined) for (const xid of read.end(record).xids) this.#xids.delete(xid);
  }
}
