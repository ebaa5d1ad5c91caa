/**
 * The catalogue over time: the rows of its file, and what DDL in WAL made of them.
 * Law: a relation is answered as it was for that change (its own DDL, other sessions' committed DDL, no rolled-back savepoints), or
 * not at all.
 * Way in: CatalogHistory.note() with every record, after PageStore.apply(); commit() and abort() where transactions end; relationAt().
 * A file that is newer than the input's start goes through LateCatalog (late.ts) first.
 */
import type {
  CatalogFile,
  CatalogHeader,
  CatalogRows,
  FollowedCatalog,
} from "../../catalog/model.ts";
import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import type { TypeSource } from "../../postgres/stored/type-source.ts";
import type { FirstChanges } from "../../postgres/messages/altered-columns.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import type { PageStore } from "../pages/page-store.ts";
import type { UnloggedStretch } from "./alterations.ts";
import { type CatalogBreak, changedBefore, missingRecords, unknownRow } from "./breaks.ts";
import { Doubts } from "./doubts.ts";
import { Epochs, writersOf } from "./epochs.ts";
import { ExportedTypes } from "./exported-types.ts";
import type { Owner } from "./owner.ts";
import { CatalogRecorder } from "./recorder.ts";
import type { CatalogRow, RowVersion, UnknownRow } from "./row-version.ts";
import { isFinished } from "./snapshot.ts";
import type { SystemFiles } from "./system-files.ts";
import { tableChanges } from "./table-changes.ts";
import type { TableChange, TableVersion } from "./table-version.ts";
import { TablesOverTime } from "./tables-over-time.ts";
import { TypesOverTime } from "./types-over-time.ts";

/** What the file leaves unknown. */
export interface KnownCatalog {
  /** Records before this position are missing or not followed; 0 if none are. */
  readonly recordsFrom: number;
  /** Before this position a row may have been another one, so nothing is answered. */
  readonly from: number;
  /** Names before it could not be converted. */
  readonly hasUnconvertedNames?: boolean;
  /** Why, where records are not followed. Undefined: they are missing. */
  readonly startsWith?: CatalogBreak;
  /** What transactions that may have begun before the input changed before. Undefined: nothing. */
  readonly doubts: Doubts | undefined;
  /** Only the keys of these rows are right. */
  readonly unknownRows: readonly UnknownRow[];
  /** Before these positions rows may be missing. A missing column, type or label is noticed where it is needed. */
  readonly missingBefore: ReadonlyMap<FollowedCatalog, number>;
  /** The rows that records with unknown pages made, by the records' positions. */
  readonly rowsAt: ReadonlyMap<number, CatalogRow>;
  /** Undefined: the file's rows tell. */
  readonly system?: SystemFiles;
  /** The rows as they were exported. Undefined: they are the file's. */
  readonly exported?: CatalogRows;
}

const ALL_KNOWN: KnownCatalog = {
  recordsFrom: 0,
  from: 0,
  doubts: undefined,
  missingBefore: new Map(),
  unknownRows: [],
  rowsAt: new Map(),
};

/** Stands for a tablespace in lookups by oid. */
const BY_OID = -1;

export class CatalogHistory {
  readonly #recorder: CatalogRecorder;
  readonly #types: TypesOverTime;
  readonly #tables: TablesOverTime;
  readonly #epochs = new Epochs();
  readonly #tablespace: number;
  readonly #origins: ReadonlyMap<number, string>;
  readonly #known: KnownCatalog;
  readonly doubts: Doubts;
  readonly exported: Pick<CatalogHeader, "lsn" | "running" | "snapshot">;
  /** Records are missing. */
  #skipped: CatalogBreak | undefined;
  /** The first commit of a transaction that changed rows before the input, which the file does not have. */
  #changedAt = 0;

  /** @param file no newer than the first record, or made so by LateCatalog */
  constructor(file: CatalogFile, pages: PageStore, known: KnownCatalog = ALL_KNOWN) {
    this.#known = known;
    this.exported = file.header;
    const { doubts = new Doubts(), from, missingBefore } = known;
    this.doubts = doubts;
    for (const position of [from, ...doubts.positions]) this.#epochs.commit(position);
    this.#recorder = new CatalogRecorder(file, pages, known);
    this.#tablespace = file.header.tablespace;
    const { indexes } = this.#recorder;
    const exported = new ExportedTypes(known.exported ?? file.rows);
    this.#types = new TypesOverTime(file, indexes, { doubts, exported, missingBefore });
    this.#recorder.forgotten = (version) => this.#tables.forget(version);
    const indexesFrom = missingBefore.get("pg_index") ?? 0;
    this.#tables = new TablesOverTime(indexes, this.#types, this.#tablespace, doubts, indexesFrom);
    const origins = file.rows.pg_replication_origin;
    this.#origins = new Map(origins.map(({ roident, roname }) => [roident, roname]));
  }

  /** Whether the file's pages have to be kept. */
  isCatalog(tablespace: number, database: number, relfilenode: number): boolean {
    return this.#recorder.files.of(tablespace, database, relfilenode) !== undefined;
  }

  /** Takes every record, in order, after pages.apply(). */
  note(record: WalRecord, version: WalVersion): void {
    if (record.lsn < this.#known.recordsFrom) return;
    const { broken } = this.#recorder;
    if (this.#recorder.note(record, version)) this.#epochs.changed();
    if (broken !== this.#recorder.broken) this.#epochs.commit(record.lsn);
  }

  /**
   * A transaction commits: `xids` are its own and those of its subtransactions that commit with it. Call it before or
   * after looking up its changes.
   * @param lsn where its commit record starts
   * @param end where that ends
   */
  commit(xids: Iterable<number>, lsn: number, end: number): void {
    if (this.#recorder.commit(xids, lsn, end)) this.#epochs.commit(lsn);
  }

  /** Transactions are rolled back. If their changes are looked up, do that first. */
  abort(xids: Iterable<number>): void {
    this.#recorder.abort(xids);
    this.#epochs.changed();
  }

  /** Whether an open transaction other than these has changed the catalogue. */
  isChangedByOthers(xids: ReadonlySet<number>, lsn: number): boolean {
    // Changes before are not followed.
    if (lsn < this.#known.recordsFrom) return true;
    for (const { xid, ended } of this.#recorder.writers.values()) {
      if (!ended && !xids.has(xid)) return true;
    }
    return false;
  }

  /**
   * The relation of that file, for a change of `owner` at `lsn`. Pass the same owner object for all changes of a
   * transaction. Undefined if not explained. Also sets what `types` answers for.
   */
  relationAt(
    tablespace: number,
    relfilenode: number,
    lsn: number,
    owner: Owner,
  ): TableVersion | undefined {
    this.#ask(lsn, owner);
    const known = this.#epochs.find(tablespace, relfilenode, lsn);
    if (known !== undefined) return known.table;
    const version = this.#classOfFile(tablespace, relfilenode);
    return this.#remember(tablespace, relfilenode, version);
  }

  /** The same by oid, for TRUNCATE and TOAST. */
  relationByOid(oid: number, lsn: number, owner: Owner): TableVersion | undefined {
    this.#ask(lsn, owner);
    const known = this.#epochs.find(BY_OID, oid, lsn);
    if (known !== undefined) return known.table;
    const version = this.#recorder.indexes.pg_class.visible(oid, lsn, owner);
    return this.#remember(BY_OID, oid, version);
  }

  /** Which (sub)transaction made that file and has not ended. Undefined: none, or it is not known. */
  creatorOf(tablespace: number, relfilenode: number): number | undefined {
    let creator: number | undefined;
    for (const version of this.#versionsOfFile(tablespace, relfilenode)) {
      if (version.isUnknown) continue;
      // Who only renamed the relation did not make its file.
      if (version.creator === undefined || version.creator.ended) return undefined;
      creator ??= version.creator.xid;
    }
    return creator;
  }

  /** Whether the file is a system catalogue's or its TOAST table's, also where relationAt() does not explain it. */
  isOfSystem(tablespace: number, relfilenode: number): boolean {
    // Only initdb gives lower numbers.
    if (relfilenode < FIRST_NORMAL_OID) return true;
    return tablespace === this.#tablespace && this.#recorder.system.has(relfilenode);
  }

  /** See Alterations.since(). `type` also where the table is not known at `lsn`. */
  alteredSince(oid: number, lsn: number, first: FirstChanges): "rows" | "type" | undefined {
    const table = this.relationByOid(oid, lsn, new Set());
    if (table === undefined) return "type";
    return this.#recorder.alterations.since(table, this.#types, first);
  }

  /** In the order in which they begin to be known. */
  get unlogged(): readonly UnloggedStretch[] {
    return this.#recorder.alterations.unlogged;
  }

  /** The types as of the last change looked up. */
  get types(): TypeSource {
    return this.#types;
  }

  /** What the file's text of a missing value is as of the last change looked up. Undefined: it is not known. */
  missingText(text: string, typeOid: number): string | undefined {
    return this.#types.missingText(text, typeOid);
  }

  /** pg_namespace.nspname as of the last change looked up. */
  schemaName(namespaceOid: number): string | undefined {
    return this.#types.schemaName(namespaceOid);
  }

  /** Whether the file lacks what that transaction had changed by then: it had not ended. */
  lacks(xid: number): boolean {
    return !isFinished(xid, this.exported.snapshot);
  }

  /**
   * A transaction commits at `lsn` that changed rows before the input, which the file does not have: they are in `doubts` for good. Call
   * it before looking up its changes.
   */
  changedBefore(lsn: number): void {
    this.#changedAt ||= lsn;
    this.#epochs.forget();
  }

  /** Called by types.unknownType(). */
  set onUnknownType(listener: TypeSource["unknownType"] | undefined) {
    this.#types.onUnknownType = listener;
  }

  /** In the order of their LSNs, and the places of what cannot be told; of a transaction that has not been aborted yet. */
  tableChanges(owner: Owner): {
    readonly told: readonly TableChange[];
    readonly untold: readonly number[];
  } {
    const writers = writersOf(owner, this.#recorder.writers);
    const unknown = new Set<number>();
    const all = tableChanges(writers, {
      schemaName: (oid, lsn) => {
        this.#ask(lsn, owner);
        const name = this.#types.schemaName(oid);
        if (name === undefined) unknown.add(lsn);
        return name;
      },
      classOf: ({ lsn, tablespace, relfilenode }) => {
        this.#ask(lsn, owner);
        return this.#classOfFile(tablespace, relfilenode)?.row;
      },
    });
    const { doubts } = this;
    for (const { lsn, oid } of all) {
      if (!this.#isKnown(lsn) || doubts.hasOid("pg_class", oid, lsn)) unknown.add(lsn);
    }
    const untold = writers.flatMap(({ untold: places }) => [...places]);
    return { told: all.filter(({ lsn }) => !unknown.has(lsn)), untold: [...untold, ...unknown] };
  }

  /** Names in the WAL could not be converted, so that they are printed as bytes. */
  get hasUnconvertedNames(): boolean {
    return this.#recorder.reader.hasUnconverted || this.#known.hasUnconvertedNames === true;
  }

  originName(id: number): string | undefined {
    return this.#origins.get(id);
  }

  /** Records are missing before `lsn`. Their changes are unknown, so no relation is explained from there on. */
  skipped(lsn: number): void {
    // A late catalogue already includes these records.
    if (lsn <= this.#known.recordsFrom && lsn <= this.exported.lsn) return;
    this.#skipped ??= missingRecords(lsn, false);
    this.#recorder.files.forgetPlaces();
    this.#epochs.commit(lsn);
  }

  /** The position before which no relation is known: records are missing between it and a late catalogue's export. */
  get unknownBefore(): CatalogBreak | undefined {
    const { from, recordsFrom, startsWith } = this.#known;
    if (from === 0) return undefined;
    if (from === recordsFrom) return startsWith ?? missingRecords(from, true);
    return { ...unknownRow(from, "the catalogue"), before: true };
  }

  /** The first position from which the catalogue's rows could not be followed. */
  get broken(): CatalogBreak | undefined {
    const { broken } = this.#recorder;
    if (broken === undefined || this.#skipped === undefined) return broken ?? this.#skipped;
    return broken.lsn < this.#skipped.lsn ? broken : this.#skipped;
  }

  /** Whose changes before the input something that was asked for depended on. */
  get doubted(): CatalogBreak | undefined {
    const { metUntil } = this.doubts;
    if (metUntil === 0) return undefined;
    const isLater = metUntil === Infinity;
    return changedBefore(isLater ? this.#changedAt : metUntil, !isLater);
  }

  #ask(lsn: number, owner: Owner): void {
    this.#types.lsn = lsn;
    this.#types.owner = owner;
    this.#epochs.setOwner(owner, this.#recorder.writers);
  }

  #remember(
    tablespace: number,
    number: number,
    version: RowVersion<"pg_class"> | undefined,
  ): TableVersion | undefined {
    const { lsn } = this.#types;
    const isKnown = version !== undefined && this.#isKnown(lsn);
    const table = isKnown ? this.#tables.of(version) : undefined;
    this.#epochs.remember(tablespace, number, lsn, table);
    return table;
  }

  #isKnown(lsn: number): boolean {
    const { broken } = this;
    return lsn >= this.#known.from && (broken === undefined || lsn < broken.lsn);
  }

  #classOfFile(tablespace: number, relfilenode: number): RowVersion<"pg_class"> | undefined {
    const { lsn, owner } = this.#types;
    const { mapped, indexes } = this.#recorder;
    for (const version of this.#versionsOfFile(tablespace, relfilenode)) {
      if (version.isVisible(lsn, owner) && !version.isUnknown) return version;
    }
    const oid = mapped.get(relfilenode);
    return oid === undefined ? undefined : indexes.pg_class.visible(oid, lsn, owner);
  }

  #versionsOfFile(tablespace: number, relfilenode: number): ReadonlyArray<RowVersion<"pg_class">> {
    return this.#recorder.indexes.pg_class.all(relfilenode, 1).filter(({ row }) => {
      const own = row.reltablespace;
      return (own === 0 ? this.#tablespace : own) === tablespace;
    });
  }
}

/** The part that others use. */
export type CatalogOverTime = Pick<CatalogHistory, keyof CatalogHistory>;
export type { Owner };
