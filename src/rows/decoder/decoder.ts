/*
 * Row changes out of physical WAL: records and the catalogue of a database → the messages of pgoutput that a walsender
 * would have sent of them (docs/wal.md).
 * Law: nothing is ever filled in. A row is whole and right, or it is counted in `losses` and not sent.
 */
import type { PgTime } from "../../pg-time.ts";
import type { PgoutputMessage } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import {
  TransactionOperation,
  TransactionRecord,
  endKind,
  transactionOperation,
} from "../../postgres/records/transaction.ts";
import type { SkippedRange } from "../../postgres/pages/faults.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import type { CatalogOverTime } from "../catalog/history.ts";
import { Losses } from "./losses.ts";

import type { PageStore } from "../pages/page-store.ts";
import type { Spill } from "../pages/spill.ts";
import type { EndedTransaction } from "./replay-parts.ts";
import { Others } from "./others.ts";
import { Replay } from "./replay.ts";
import { KeptValues, chunksOf } from "../toast/chunks.ts";
import { type Change, ChangeBit } from "../transactions/change-log.ts";
import { isLogged } from "../../postgres/records/heap.ts";
import { HeapChanges } from "../transactions/heap-changes.ts";
import { OpenTransactions } from "../transactions/open-transactions.ts";
import { type RowOptions, isInRange } from "./row-options.ts";
import type { Survey } from "./survey.ts";
import { NOBODY } from "./tracking.ts";
import { noteTruncated } from "./truncated.ts";
import { StandbyOperation } from "../../postgres/records/standby.ts";
import { WalState, minimalLevel } from "./wal-state.ts";

export interface RowParts {
  readonly options: RowOptions;
  readonly pages: PageStore;
  readonly catalog: CatalogOverTime;
  readonly registry: TypeRegistry;
  /** A new file, with each call. */
  readonly spill: () => Spill;
  /** The memory for changes and values each; tests lower it. */
  readonly memoryBytes: number;
  /** Undefined: nothing is left out. */
  readonly survey: Survey | undefined;
  /** Where the input begins. */
  readonly from: number;
  readonly send: (message: PgoutputMessage) => void;
  /** Called for each commit, whatever `options` leave out. */
  readonly committed: (time: PgTime) => void;
}

/** Work to do before the next record; each step sends a part of the messages. */
export type Work = Generator<void, void, void>;

const IS_OF_ROWS: ReadonlySet<number> = new Set([
  Rmgr.heap,
  Rmgr.heap2,
  Rmgr.logicalMessage,
  Rmgr.sequence,
]);

export class RowDecoder {
  readonly losses = new Losses();
  readonly #parts: RowParts;
  readonly state: WalState;
  readonly #open: OpenTransactions;
  readonly #heap: HeapChanges;
  readonly #replay: Replay;
  readonly #kept: KeptValues;
  readonly #record = new TransactionRecord();
  readonly #others: Others;
  readonly #xids: ReadonlySet<number>;
  #onlyCatalog = false;
  #version: WalVersion = 14;

  constructor(parts: RowParts) {
    const { options, pages, spill, memoryBytes } = parts;
    this.#parts = parts;
    this.state = new WalState(parts.from, parts.catalog.exported);
    this.#open = new OpenTransactions(spill(), memoryBytes);
    this.#kept = new KeptValues(spill(), memoryBytes / 8);
    this.#xids = new Set(options.xids);
    const fullOld = (logged: boolean): boolean => this.#fullOld(logged);
    this.#heap = new HeapChanges({
      database: options.database,
      pages,
      oldFromPages: fullOld,
      logical: () => this.#allLogged,
      decoded: () => this.state.logical,
    });
    const { catalog, registry, send } = parts;
    const { asked, messages, tablesChanged } = options;
    this.#replay = new Replay({
      catalog,
      registry,
      send,
      asked,
      messages,
      tablesChanged,
      fullOld,
      losses: this.losses,
      kept: this.#kept,
    });
    this.#others = new Others({ options, catalog, open: this.#open, replay: this.#replay });
  }

  /** Whether tables' pages are tracked: rows need them at wal_level=replica, whole old rows at logical. */
  get tracksTables(): boolean {
    return !this.#onlyCatalog && (this.#parts.options.old === "full" || !this.#allLogged);
  }

  /** Of the records from now on only what they do to the catalogue is wanted. */
  leaveRows(): void {
    if (this.#onlyCatalog) return;
    this.#onlyCatalog = true;
    const { catalog, pages } = this.#parts;
    pages.forget(({ tablespace, database, relfilenode }) => {
      return !catalog.isCatalog(tablespace, database, relfilenode);
    });
  }

  /** Whether all transactions are known to be logged for decoding. */
  get #allLogged(): boolean {
    return this.state.logical && !this.state.isSwitched(this.#version);
  }

  /** Whether old rows are printed whole, if not of all transactions then of those that are not logged for decoding. */
  #fullOld(logged: boolean): boolean {
    const { old } = this.#parts.options;
    return old === "full" || (old === "auto" && !logged && !this.#allLogged);
  }

  /** Takes every record, in order. Finish the work before the next record, which reuses this one's memory. */
  record(record: WalRecord, version: WalVersion): Work | undefined {
    const { catalog, pages } = this.#parts;
    this.#version = version;
    pages.apply(record, version);
    catalog.note(record, version);
    if (this.#onlyCatalog && IS_OF_ROWS.has(record.rmgr)) return undefined;
    if (record.topXid !== 0) this.#open.assign(record.xid, record.topXid);
    switch (record.rmgr) {
      case Rmgr.heap:
      case Rmgr.heap2:
        this.#keepImages(record);
        if (!this.#mayMatter(record)) return undefined;
        this.#heap.read(record, (change) => this.#append(record, change));
        return undefined;
      case Rmgr.transaction:
        return this.#transactionRecord(record, version);
      case Rmgr.xlog:
        this.#keepImages(record);
        if (!this.state.xlog(record, version)) throw minimalLevel(record);
        return undefined;
      case Rmgr.standby:
        if (record.opcode === StandbyOperation.runningXacts && this.state.running(record)) {
          this.#open.forgetBefore(this.state.oldestRunning);
        }
        return undefined;
      case Rmgr.logicalMessage:
      case Rmgr.sequence:
        this.#others.note(record);
        return undefined;
      default:
        return undefined;
    }
  }

  /** Records are missing in between. */
  skipped({ end }: SkippedRange): void {
    this.#parts.pages.forgetAll();
    this.#parts.catalog.skipped(end);
    this.state.skipped(end);
    this.losses.gapAt = Math.min(this.losses.gapAt, end);
  }

  /** Of transactions that are not asked for only TOAST values are needed: later ones may have them in old rows. */
  #mayMatter(record: WalRecord): boolean {
    const { catalog, survey } = this.#parts;
    const [block] = record.blocks;
    if (survey === undefined || record.blockCount === 0 || block === undefined) return true;
    if (survey.hasXid(record.xid)) return true;
    if (!this.state.logical && !this.state.isSwitched(this.#version) && isLogged(record))
      return true;
    if (!this.#fullOld(false)) return false;
    const table = catalog.relationAt(block.tablespace, block.relfilenode, record.lsn, NOBODY);
    return table === undefined || table.relkind === "t";
  }

  #append(record: WalRecord, change: Change): void {
    if (change.has(ChangeBit.logical)) {
      this.#open.noteLogged(record.xid);
      // Where no slot switches it, all are from the first one on.
      if (!this.state.isSwitched(this.#version)) this.state.logical = true;
    }
    if (record.originId !== undefined && record.originId !== 0 && !this.#parts.options.origins)
      return;
    this.#open.append(record.xid, change);
  }

  #transactionRecord(record: WalRecord, version: WalVersion): Work | undefined {
    const read = unlessShort(() => this.#record.read(record, version));
    if (read === undefined) return undefined;
    const kind = endKind(record);
    if (kind !== undefined) return this.#end(record, kind === "abort");
    if (transactionOperation(record) === TransactionOperation.assignment)
      for (const xid of read.subxids) this.#open.assign(xid, read.topXid);
    return undefined;
  }

  #end(record: WalRecord, aborted: boolean): Work | undefined {
    const { catalog } = this.#parts;
    const { originLsn } = this.#record;
    const { xids, time, originId } = this.#record.end(record);
    const [xid] = xids;
    const { beginnings } = this.state;
    // A savepoint's rows may belong to a table that its transaction created.
    const owner = new Set(xids);
    if (aborted) for (const each of this.#open.familyOf(xid)) owner.add(each);
    const { lsn: start, endLsn: end } = record;
    const partial = beginnings.mayBeOlder(xid, start);
    const ended: EndedTransaction = {
      xid,
      owner,
      start,
      end,
      time,
      aborted,
      partial,
      logged: this.#open.isLogged(owner),
      originId,
      originLsn,
    };
    if (!aborted) this.#others.committed(time);
    if (!aborted && !this.#onlyCatalog) this.#parts.committed(time);
    if (!aborted && this.#wanted(ended)) {
      this.state.firstWanted = Math.min(this.state.firstWanted, start);
      if (!this.#allLogged && !ended.logged) noteTruncated(this.#parts, owner, this.losses);
    }
    if (!aborted && this.#changedBefore(xid, start)) {
      this.#record.forEachInvalidation(record, (id, value) =>
        catalog.doubts.note(id, value, Infinity),
      );
      catalog.changedBefore(start);
    }
    const work = this.#work(ended, xids);
    const forget = (): void => {
      if (aborted) catalog.abort(xids);
      else catalog.commit(xids, start, end);
      beginnings.ended(xids);
      this.#open.forget(xids);
    };
    if (work === undefined) forget();
    return work === undefined ? undefined : following(work, forget);
  }

  #work(ended: EndedTransaction, xids: readonly number[]): Work | undefined {
    const { aborted, tablesChanged } = this.#parts.options;
    if (ended.aborted && !aborted) return undefined;
    const known = xids.some((xid) => this.#open.has(xid));
    if (!known && !tablesChanged) return undefined;
    const wanted = this.#wanted(ended);
    if (wanted && ended.aborted && this.#mayBeAltered(ended)) {
      this.losses.rolledBack(ended.start);
      return undefined;
    }
    const keepsValues = this.#fullOld(false);
    if (!wanted) {
      if (keepsValues) this.#replay.keepValues(ended, this.#open.changes(xids));
      return undefined;
    }
    // Old rows of a savepoint may have values of its transaction, which has not ended.
    if (ended.aborted && keepsValues)
      this.#replay.keepValues(ended, this.#open.newChangesBut(xids));
    return this.#replay.run(ended, this.#open.changes(xids));
  }

  /** Whether it may have changed tables before the input's start, which the catalogue's file does not have. */
  #changedBefore(xid: number, lsn: number): boolean {
    const { database, invalidations } = this.#record;
    if (invalidations === 0 || (database !== 0 && database !== this.#parts.options.database))
      return false;
    return this.state.beginnings.mayBeOlder(xid, lsn) && this.#parts.catalog.lacks(xid);
  }

  /**
   * Rows of what was rolled back may be of tables that its transaction had altered, before the input's start too. A savepoint
   * names its transaction only where that is logged for decoding.
   */
  #mayBeAltered({ logged, owner, start }: EndedTransaction): boolean {
    const { beginnings } = this.state;
    if ([...owner].some((xid) => beginnings.mayBeOlder(xid, start))) return true;
    if (logged || this.#allLogged) return false;
    return beginnings.mayRun(start) || this.#parts.catalog.isChangedByOthers(owner, start);
  }

  #wanted(ended: EndedTransaction): boolean {
    if (this.#onlyCatalog) return false;
    return (
      isInRange(this.#parts.options, ended) && (this.#xids.size === 0 || this.#xids.has(ended.xid))
    );
  }

  /** Keeps values that old rows may have, from images of TOAST pages. */
  #keepImages(record: WalRecord): void {
    if (record.imageBytes === 0 || !this.#fullOld(false)) return;
    const { catalog, options, pages } = this.#parts;
    for (let index = 0; index < record.blockCount; index++) {
      const block = record.blocks[index]!;
      const { database, hasImage, imageApplied, fork, relfilenode, tablespace } = block;
      if (!hasImage || !imageApplied || fork !== 0 || database !== options.database) continue;
      const table = catalog.relationAt(tablespace, relfilenode, record.lsn, NOBODY);
      if (table?.relkind !== "t") continue;
      for (const chunk of chunksOf(pages, block)) this.#kept.add(table.oid, chunk);
    }
  }
}

function* following(work: Work, then: () => void): Work {
  yield* work;
  then();
}
