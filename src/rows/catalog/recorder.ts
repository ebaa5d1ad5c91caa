import { type Known, NONE, UNKNOWN } from "../../known.ts";
import type { CatalogFile, FollowedCatalog } from "../../catalog/model.ts";
import {
  StorageOperation,
  readRelationMap,
  readStorageTruncate,
} from "../../postgres/records/files.ts";
import { ShortPayload } from "../../postgres/records/payload.ts";
import { StandbyOperation, readRunningXacts } from "../../postgres/records/standby.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { droppedFiles, endOfDatabase } from "../pages/dropped-files.ts";
import type { PageStore } from "../pages/page-store.ts";
import { Alterations } from "./alterations.ts";
import { type CatalogBreak, otherDatabase, unknownFile, unknownRow } from "./breaks.ts";
import {
  FOLLOWED,
  type FollowedFile,
  FollowedFiles,
  RowReader,
  followedCatalog,
  placeOf,
} from "./followed-files.ts";
import { loadPlaces } from "./rewritten-file.ts";
import { type Place, forEachRowChange } from "./row-changes.ts";
import {
  type CatalogRow,
  RowVersion,
  type UnknownRow,
  Writer,
  addVersion,
  createIndexes,
  removeVersion,
} from "./row-version.ts";
import { SystemFiles } from "./system-files.ts";
import { noteUntold } from "./table-changes.ts";

/**
 * pg_type, pg_attribute, pg_proc, pg_class and their TOAST tables: the file number that initdb gave them is their oid.
 */
const MAPPED = [1247, 1249, 1255, 1259, 2836, 4171];

/** What a late catalogue leaves unknown: see KnownCatalog. */
interface LeftOpen {
  readonly system?: SystemFiles;
  readonly unknownRows: readonly UnknownRow[];
  readonly rowsAt: ReadonlyMap<number, CatalogRow>;
}

/** The versions of the catalogue's rows: those of the file, and what records make of them. */
export class CatalogRecorder {
  readonly indexes = createIndexes();
  readonly alterations = new Alterations();
  readonly files: FollowedFiles;
  /** The transactions that changed the catalogue; of each xid the last one. */
  readonly writers = new Map<number, Writer>();
  /** The mapped relation of each file, since its row does not tell. */
  readonly mapped = new Map<number, number>(MAPPED.map((oid) => [oid, oid]));
  /** The position from which not all changes are known. */
  broken: CatalogBreak | undefined;
  /** Called for versions that are gone for good. */
  forgotten: ((version: RowVersion) => void) | undefined;
  /** In the order of their commits. */
  readonly #committed: Writer[] = [];
  /** Positions of RUNNING_XACTS records, and the next xid at each. */
  readonly #marks: { readonly lsn: number; readonly nextXid: number }[] = [];
  readonly #file: CatalogFile;
  readonly #pages: PageStore;
  readonly reader: RowReader;
  readonly system: SystemFiles;
  readonly #rowsAt: LeftOpen["rowsAt"];

  constructor(file: CatalogFile, pages: PageStore, { rowsAt, system, unknownRows }: LeftOpen) {
    this.#rowsAt = rowsAt;
    this.system = system ?? new SystemFiles(file.rows.pg_class);
    this.#file = file;
    this.#pages = pages;
    this.files = new FollowedFiles(file.header);
    this.reader = new RowReader(file);
    for (const catalog of FOLLOWED) this.#addRows(catalog, file.rows[catalog], false);
    for (const { catalog, row } of unknownRows) this.#addRows(catalog, [row], true);
  }

  #addRows(catalog: FollowedCatalog, rows: readonly CatalogRow[], isUnknown: boolean): void {
    const { database_oid: database, filenodes, tablespace } = this.#file.header;
    const places = this.files.of(tablespace, database, filenodes[catalog])?.places;
    for (const row of rows) {
      const version = new RowVersion(catalog, row, undefined, 0, isUnknown);
      addVersion(this.indexes, version);
      const { block, item } = row.ctid;
      if (item !== 0) places?.set(placeOf(block, item), version);
    }
  }

  /** Takes every record, in order. Returns whether it changed the catalogue. */
  note(record: WalRecord, version: WalVersion): boolean {
    try {
      switch (record.rmgr) {
        case Rmgr.heap:
        case Rmgr.heap2:
          return this.#noteRows(record);
        case Rmgr.relMap:
          this.#noteMap(record);
          break;
        case Rmgr.storage:
          if (record.opcode === StorageOperation.truncate && record.xid !== 0)
            this.#noteEmptied(record);
          break;
        case Rmgr.standby:
          if (record.opcode === StandbyOperation.runningXacts) this.#noteRunning(record);
          break;
        case Rmgr.database: {
          const end = endOfDatabase(this.#file.header, record, version);
          if (end !== undefined) this.#break(otherDatabase(record.lsn, end, false));
          break;
        }
        case Rmgr.transaction:
          for (const file of droppedFiles(record, version)) this.files.drop(file);
      }
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      this.#break(unknownRow(record.lsn, "the catalogue"));
    }
    return false;
  }

  /** Returns whether they had changed the catalogue. */
  commit(xids: Iterable<number>, lsn: number, end: number): boolean {
    const ended: Writer[] = [];
    for (const xid of xids) {
      const writer = this.writers.get(xid);
      if (writer === undefined || writer.ended) continue;
      writer.ended = true;
      writer.commitLsn = lsn;
      ended.push(writer);
    }
    this.#committed.push(...ended);
    if (ended.length > 0) this.alterations.commit(ended, lsn, end);
    return ended.some(({ created, deleted }) => created.length + deleted.length > 0);
  }

  abort(xids: Iterable<number>): void {
    for (const xid of xids) {
      const writer = this.writers.get(xid);
      if (writer === undefined || writer.ended) continue;
      writer.ended = true;
      this.writers.delete(xid);
      for (const version of writer.deleted) {
        if (version.deleter === writer) version.deleter = undefined;
      }
      for (const version of writer.created) removeVersion(this.indexes, version);
    }
  }

  /** When all have ended that ran at an earlier one, nobody asks about what was before that. */
  #noteRunning(record: WalRecord): void {
    const { next_xid: nextXid, oldest_running_xid: oldest } = readRunningXacts(record);
    this.#marks.push({ lsn: record.lsn, nextXid });
    while (((oldest - this.#marks[0]!.nextXid) | 0) >= 0) {
      this.#forgetBefore(this.#marks.shift()!.lsn);
      if (this.#marks.length === 0) break;
    }
  }

  /** Forgets versions that were deleted by then. */
  #forgetBefore(lsn: number): void {
    const behind = this.#committed.findIndex(({ commitLsn = 0 }) => commitLsn > lsn);
    const gone = this.#committed.splice(0, behind < 0 ? this.#committed.length : behind);
    for (const writer of gone) {
      if (this.writers.get(writer.xid) === writer) this.writers.delete(writer.xid);
      for (const version of writer.deleted) {
        removeVersion(this.indexes, version);
        this.forgotten?.(version);
      }
      // Versions that still exist refer to their writer.
      writer.created.length = writer.deleted.length = 0;
      writer.emptied.length = 0;
      writer.untold.clear();
    }
  }

  #noteRows(record: WalRecord): boolean {
    if (record.blockCount === 0) return false;
    const { tablespace, database, relfilenode } = record.blocks[0]!;
    const file = this.files.of(tablespace, database, relfilenode);
    if (file === undefined) return false;
    let changed = false;
    forEachRowChange(record, (ended, made) => {
      const replaced = ended === undefined ? NONE : this.#deleted(record, file, ended);
      if (typeof replaced === "object") changed = true;
      if (made !== undefined) changed = this.#inserted(record, file, made, replaced) || changed;
      else if (replaced === UNKNOWN)
        noteUntold(this.#writer(record.xid), file.catalog, undefined, record.lsn);
    });
    return changed;
  }

  /** Returns whether the catalogue has changed. */
  #inserted(
    record: WalRecord,
    file: FollowedFile,
    { block, item }: Place,
    replaced: Known<RowVersion>,
  ): boolean {
    const places = this.#placesOf(file, record.lsn);
    const { catalog } = file;
    places?.delete(placeOf(block, item));
    const tuple = this.#pages.tupleAt(file, block, item);
    const row =
      tuple === undefined
        ? this.#rowsAt.get(record.lsn)
        : this.reader.row(catalog, tuple, block, item);
    const kept = row ?? (typeof replaced === "object" ? replaced.row : undefined);
    if (kept === undefined) {
      // A version of an unknown row, such as that of a table that was dropped before a late export.
      if (replaced === NONE) this.#break(unknownRow(record.lsn, catalog));
      noteUntold(this.#writer(record.xid), catalog, undefined, record.lsn);
      return false;
    }
    // System columns are not in the file.
    if (row !== undefined && "attnum" in row && row.attnum < 1) return false;
    const writer = this.#writer(record.xid);
    const version = new RowVersion(catalog, kept, writer, record.lsn, row === undefined);
    addVersion(this.indexes, version);
    writer.created.push(version);
    places?.set(placeOf(block, item), version);
    if (replaced === UNKNOWN || row === undefined) noteUntold(writer, catalog, kept, record.lsn);
    if (row !== undefined && catalog === "pg_class") {
      this.#noteClass(row as CatalogRow<"pg_class">, record.lsn);
    }
    return true;
  }

  /** UNKNOWN: its page is, or it is a system column's row. */
  #deleted(
    record: WalRecord,
    file: FollowedFile,
    { block, item }: Place,
  ): RowVersion | typeof UNKNOWN {
    const version = this.#placesOf(file, record.lsn)?.get(placeOf(block, item));
    if (version === undefined) return UNKNOWN;
    const writer = this.#writer(record.xid);
    version.deleter = writer;
    version.deletedAt = record.lsn;
    if (version.isUnknown) noteUntold(writer, file.catalog, version.row, record.lsn);
    writer.deleted.push(version);
    return version;
  }

  #writer(xid: number): Writer {
    let writer = this.writers.get(xid);
    if (writer === undefined || writer.ended) this.writers.set(xid, (writer = new Writer(xid)));
    return writer;
  }

  #placesOf(file: FollowedFile, lsn: number): FollowedFile["places"] {
    if (file.places !== undefined) return file.places;
    if (loadPlaces(file, this.#pages, this.reader, this.indexes)) return file.places;
    file.places = new Map();
    this.#break(unknownFile(lsn, file.catalog));
    return file.places;
  }

  /** VACUUM FULL and CLUSTER write a catalogue to the file of a transient table first. */
  #noteClass(row: CatalogRow<"pg_class">, lsn: number): void {
    const { oid, relfilenode, relrewrite } = row;
    this.system.row(row);
    const copied = followedCatalog(relrewrite);
    // The number of a mapped relation's first file is its oid.
    if (copied !== undefined) this.files.add(copied, relfilenode === 0 ? oid : relfilenode);
    const own = followedCatalog(oid);
    if (own !== undefined && relfilenode !== 0 && !this.files.has(relfilenode)) {
      this.#break(unknownFile(lsn, own));
    }
    if (relfilenode !== 0) return;
    for (const version of this.indexes.pg_class.all(oid)) {
      if (version.row.relfilenode !== 0) this.mapped.set(version.row.relfilenode, oid);
    }
  }

  #noteMap(record: WalRecord): void {
    const { database, mappings } = readRelationMap(record);
    if (database !== this.#file.header.database_oid) return;
    for (const { oid, relfilenode } of mappings) {
      this.mapped.set(relfilenode, oid);
      this.system.mapped(relfilenode);
      const catalog = followedCatalog(oid);
      if (catalog !== undefined && !this.files.has(relfilenode)) {
        this.#break(unknownFile(record.lsn, catalog));
      }
    }
  }

  /** A table that is new in its transaction is truncated in place. */
  #noteEmptied(record: WalRecord): void {
    const { blocks, file } = readStorageTruncate(record);
    const { database, relfilenode, tablespace } = file;
    if (blocks !== 0 || database !== this.#file.header.database_oid) return;
    this.#writer(record.xid).emptied.push({ lsn: record.lsn, tablespace, relfilenode });
  }

  #break(found: CatalogBreak): void {
    this.broken ??= found;
  }
}
