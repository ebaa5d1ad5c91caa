import type { CatalogHeader } from "../../catalog/model.ts";
import { ShortPayload } from "../../postgres/records/payload.ts";
import { TransactionRecord, endKind } from "../../postgres/records/transaction.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { Doubts } from "../catalog/doubts.ts";
import { isFinished } from "../catalog/snapshot.ts";
import { StandbyOperation } from "../../postgres/records/standby.ts";
import { WalState } from "./wal-state.ts";

/**
 * Transactions that may have changed the catalogue before the input's start, and whose changes a catalogue of afterwards holds: they
 * cannot be taken back, and nobody else saw them before their commit.
 */
export class OlderChanges {
  /** The rows that they changed, up to their commits. */
  readonly doubts = new Doubts();
  readonly #header: CatalogHeader;
  readonly #state: WalState;
  readonly #record = new TransactionRecord();

  constructor(header: CatalogHeader, from: number) {
    this.#header = header;
    this.#state = new WalState(from, header);
  }

  /** Every record up to the export. */
  note(record: WalRecord, version: WalVersion): void {
    if (record.rmgr === Rmgr.xlog) this.#state.xlog(record, version);
    else if (record.rmgr === Rmgr.standby) {
      if (record.opcode === StandbyOperation.runningXacts) this.#state.running(record);
    } else if (record.rmgr === Rmgr.transaction) this.#noteEnd(record, version);
  }

  /** Records before `end` are missing: what was before it is not known anyhow. */
  skipped(end: number): void {
    this.#state.skipped(end);
    this.doubts.clear();
  }

  #noteEnd(record: WalRecord, version: WalVersion): void {
    if (endKind(record) !== "commit") return;
    try {
      const read = this.#record.read(record, version);
      const { database, invalidations } = read;
      const [xid] = read.end(record).xids;
      const { database_oid: own, snapshot } = this.#header;
      if (invalidations === 0 || (database !== 0 && database !== own)) return;
      if (this.#state.beginnings.mayBeOlder(xid, record.lsn) && isFinished(xid, snapshot)) {
        this.#record.forEachInvalidation(record, (id, value) =>
          this.doubts.note(id, value, record.lsn),
        );
      }
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      this.doubts.noteAll(record.lsn);
    }
  }
}
