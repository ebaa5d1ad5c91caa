import { NONE, UNKNOWN } from "../../known.ts";
import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import { type CatalogFile, FOLLOWED_CATALOGS, type FollowedCatalog } from "../../catalog/model.ts";
import { ExitCode, WalctlError } from "../../errors.ts";
import { ShortPayload } from "../../postgres/records/payload.ts";
import {
  StorageOperation,
  readRelationMap,
  readStorageCreate,
} from "../../postgres/records/files.ts";
import { TransactionRecord, endKind } from "../../postgres/records/transaction.ts";
import type { Decompress } from "../../postgres/records/images.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { createdDatabase, droppedFiles } from "../pages/dropped-files.ts";
import type { Locator } from "../../postgres/records/locator.ts";
import { PageStore } from "../pages/page-store.ts";
import { type CatalogBreak, otherDatabase } from "./breaks.ts";
import {
  FOLLOWED,
  type FollowedFile,
  FollowedFiles,
  RowReader,
  followedCatalog,
  placeOf,
} from "./followed-files.ts";
import type { KnownCatalog } from "./history.ts";
import { CatalogRewind, type RowEvent } from "./rewind.ts";
import { type Place, forEachRowChange } from "./row-changes.ts";
import type { CatalogRow } from "./row-version.ts";
import { isFinished } from "./snapshot.ts";
import { SystemFiles } from "./system-files.ts";

/** The catalogue at the input's start, and what is unknown of it. */
export interface EarlyCatalog {
  readonly file: CatalogFile;
  readonly known: KnownCatalog;
}

/**
 * Turns back a catalogue that is newer than the input's start: a first pass up to the export collects the changes in
 * between, and finish() undoes them. The file includes the effects of transactions that its snapshot shows as ended, if
 * they committed.
 */
export class LateCatalog {
  readonly #file: CatalogFile;
  readonly #files: FollowedFiles;
  readonly #pages: PageStore;
  readonly #reader: RowReader;
  readonly #rewind = new CatalogRewind();
  readonly #transaction = new TransactionRecord();
  /** Events of open transactions, by xid. */
  readonly #events = new Map<number, RowEvent[]>();
  /** The file that each rewritten catalogue had at the input's start. */
  readonly #left = new Map<FollowedCatalog, number>();
  /** The commit position of each catalogue's last rewrite. */
  readonly #rewrittenAt = new Map<FollowedCatalog, number>();
  /** The files that VACUUM FULL and CLUSTER made, with their positions. */
  readonly #made = new Map<number, { readonly catalog: FollowedCatalog; readonly lsn: number }>();
  #from = 0;
  /** Why nothing is known before. Undefined: records are missing. */
  #break: CatalogBreak | undefined;
  /** The transaction that created the database. */
  #creator = 0;
  readonly #system: SystemFiles;
  /** Open transactions that gave a mapped catalogue another file. */
  readonly #mapping = new Set<number>();

  constructor(file: CatalogFile, zstd?: Decompress) {
    this.#file = file;
    this.#reader = new RowReader(file);
    this.#system = new SystemFiles(file.rows.pg_class);
    const files = new FollowedFiles(file.header);
    this.#files = files;
    // If a catalogue was rewritten since, its earlier file may have been initdb's.
    for (const catalog of FOLLOWED) {
      const oid = FOLLOWED_CATALOGS[catalog];
      if (!files.has(oid)) files.add(catalog, oid);
    }
    const tracks = ({ tablespace, database, relfilenode }: Locator): "all" | undefined =>
      files.of(tablespace, database, relfilenode) === undefined ? undefined : "all";
    this.#pages = new PageStore({ tracks, zstd });
  }

  /** Whether the file already includes changes of the input, whose first record is at `firstLsn`. */
  static isLate({ header }: CatalogFile, firstLsn: number): boolean {
    return header.lsn > firstLsn;
  }

  /** Takes every record, in order. Returns false when it needs no more. */
  note(record: WalRecord, version: WalVersion): boolean {
    if (record.lsn >= this.#file.header.lsn) return false;
    this.#pages.apply(record, version);
    try {
      if (record.rmgr === Rmgr.heap || record.rmgr === Rmgr.heap2) this.#noteRows(record);
      else if (record.rmgr === Rmgr.transaction) this.#noteEnd(record, version);
      else if (record.rmgr === Rmgr.storage) this.#noteCreated(record);
      else if (record.rmgr === Rmgr.database) this.#noteDatabase(record, version);
      else if (record.rmgr === Rmgr.relMap) this.#noteMap(record);
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      this.skipped(record.lsn);
    }
    return true;
  }

  /** Records before `lsn` are missing: a later file does not tell what preceded them. */
  skipped(lsn: number): void {
    this.#pages.forgetAll();
    this.#rewind.forget();
    this.#events.clear();
    this.#left.clear();
    this.#made.clear();
    this.#rewrittenAt.clear();
    this.#from = lsn;
    this.#break = undefined;
  }

  /**
   * Returns the file as it would have been at the input's start.
   * @param segmentAfter names the first segment that begins after a position
   * @throws where that cannot be known
   */
  finish(segmentAfter: (position: number) => string = formatPosition): EarlyCatalog {
    const { header, rows } = this.#file;
    const filenodes = { ...header.filenodes, ...Object.fromEntries(this.#left) };
    for (const [relfilenode, { catalog, lsn }] of this.#made) {
      const isOwn = header.filenodes[catalog] === relfilenode;
      if (!isOwn || this.#left.has(catalog)) continue;
      if (relfilenode >= FIRST_NORMAL_OID) throw rewritten(catalog, lsn);
      // A file with a lower number is initdb's, or a new database's copy of it.
      const last = Math.max(...Array.from(this.#made.values(), (made) => made.lsn));
      throw beingCreated(lsn, segmentAfter(last));
    }
    const rewound = this.#rewind.finish(this.#file, filenodes);
    if (rewound.mismatches > 0) throw otherCatalog(rewound.mismatches);
    const { rowsAt, unknownRows } = rewound;
    const { missingBefore, unseenAt } = this.#rewind;
    let { from } = this.#rewind;
    // The places of rows that were not seen are unknown in a new file.
    for (const [catalog, lsn] of this.#rewrittenAt) {
      const unseen = unseenAt.get(catalog);
      if (unseen !== undefined) from = Math.max(from, lsn, unseen);
    }
    return {
      file: { header: { ...header, filenodes }, rows: { ...rows, ...rewound.rows } },
      known: {
        recordsFrom: this.#from,
        from: Math.max(this.#from, from),
        doubts: undefined,
        missingBefore,
        unknownRows,
        rowsAt,
        exported: rows,
        system: this.#system,
        hasUnconvertedNames: this.#reader.hasUnconverted,
        ...(this.#break === undefined ? {} : { startsWith: this.#break }),
      },
    };
  }

  #noteRows(record: WalRecord): void {
    if (record.blockCount === 0) return;
    const { tablespace, database, relfilenode } = record.blocks[0]!;
    const file = this.#files.of(tablespace, database, relfilenode);
    if (file === undefined) return;
    const { catalog } = file;
    const { lsn, xid } = record;
    forEachRowChange(record, (ended, made) => {
      const before = ended === undefined ? NONE : this.#rowAt(file, ended);
      const after = made === undefined ? NONE : this.#rowAt(file, made);
      const beforePlace = ended && placeOf(ended.block, ended.item);
      const afterPlace = made && placeOf(made.block, made.item);
      this.#add(xid, { lsn, catalog, relfilenode, before, beforePlace, after, afterPlace });
      if (typeof after === "object" && catalog === "pg_class")
        this.#noteCopy(after as CatalogRow<"pg_class">, lsn);
    });
  }

  #rowAt(file: FollowedFile, { block, item }: Place): CatalogRow | typeof UNKNOWN {
    const tuple = this.#pages.tupleAt(file, block, item);
    const row = tuple && this.#reader.row(file.catalog, tuple, block, item);
    if (row !== undefined && file.catalog === "pg_class") {
      this.#system.row(row as CatalogRow<"pg_class">);
    }
    return row ?? UNKNOWN;
  }

  #noteMap(record: WalRecord): void {
    const { database, mappings } = readRelationMap(record);
    if (database !== this.#file.header.database_oid) return;
    for (const { relfilenode } of mappings) this.#system.mapped(relfilenode);
    this.#mapping.add(record.xid);
  }

  /** The file number of a mapped relation's copy is its oid. */
  #noteCopy({ oid, relfilenode, relrewrite }: CatalogRow<"pg_class">, lsn: number): void {
    const catalog = followedCatalog(relrewrite);
    if (catalog === undefined) return;
    const file = relfilenode === 0 ? oid : relfilenode;
    // The last version of the copy's row has the catalogue's earlier file.
    if (this.#files.has(file)) return;
    this.#files.add(catalog, file);
    this.#made.set(file, { catalog, lsn });
  }

  /** If the earlier file is unknown, the copy's row in pg_class may be, too. */
  #noteCreated(record: WalRecord): void {
    // PostgreSQL 15 and later may log all that a new database copies from its template.
    const isCopied = record.xid !== 0 && record.xid === this.#creator;
    if (record.opcode !== StorageOperation.create || isCopied) return;
    const { tablespace, database, relfilenode } = readStorageCreate(record).file;
    const file = this.#files.of(tablespace, database, relfilenode);
    if (file === undefined) return;
    this.#made.set(file.relfilenode, { catalog: file.catalog, lsn: record.lsn });
  }

  /** What precedes its creation is another database, and what precedes its move is in other files. */
  #noteDatabase(record: WalRecord, version: WalVersion): void {
    const created = createdDatabase(record, version);
    if (created?.database !== this.#file.header.database_oid) return;
    this.skipped(record.lsn);
    this.#break = otherDatabase(record.lsn, created.isMoved ? "moved" : "created", true);
    this.#creator = record.xid;
  }

  #add(xid: number, event: RowEvent): void {
    const events = this.#events.get(xid);
    if (events === undefined) this.#events.set(xid, [event]);
    else events.push(event);
  }

  #noteEnd(record: WalRecord, version: WalVersion): void {
    const dropped = droppedFiles(record, version);
    if (this.#events.size === 0 && dropped.length === 0) return;
    const kind = endKind(record);
    if (kind === undefined) return;
    const { xids } = this.#transaction.read(record, version).end(record);
    const isInFile = kind === "commit" && isFinished(xids[0], this.#file.header.snapshot);
    for (const file of dropped) {
      const { catalog } = this.#files.of(file.tablespace, file.database, file.relfilenode) ?? {};
      if (catalog === undefined) continue;
      this.#files.drop(file);
      if (isInFile) this.#rewrittenAt.set(catalog, record.lsn);
      if (!isInFile) this.#made.delete(file.relfilenode);
      // What was made since is not the file at the start: that one is not known if it has not come by now.
      else if (!this.#left.has(catalog) && !this.#made.has(file.relfilenode)) {
        this.#left.set(catalog, file.relfilenode);
      }
    }
    const events = xids.flatMap((xid) => this.#events.get(xid) ?? []);
    for (const xid of xids) this.#events.delete(xid);
    // It may have dropped a table too, by a row that is not known.
    const isKnown = events.every(
      ({ before, catalog }) => before !== UNKNOWN || catalog !== "pg_class",
    );
    if (this.#mapping.delete(xids[0]) && kind === "commit" && isKnown)
      for (const { relfilenode } of dropped) this.#system.mapped(relfilenode);
    if (!isInFile) return;
    for (const event of events.toSorted((a, b) => a.lsn - b.lsn)) {
      this.#rewind.add(event, record.lsn);
    }
  }
}

function beingCreated(lsn: number, behind: string): WalctlError {
  return new WalctlError(
    `the WAL begins within CREATE DATABASE, which was still copying the database at ${formatPosition(lsn)}`,
    {
      hint: `Add earlier segments, from its beginning on. Or begin after it, with ${behind}.`,
      exitCode: ExitCode.malformedInput,
    },
  );
}

function rewritten(catalog: FollowedCatalog, lsn: number): WalctlError {
  return new WalctlError(
    `${catalog} was rewritten at ${formatPosition(lsn)}, before the catalogue was exported`,
    {
      hint: "Give a catalogue file from before that, or WAL from after it.",
      exitCode: ExitCode.malformedInput,
    },
  );
}

function otherCatalog(mismatches: number): WalctlError {
  return new WalctlError(
    `the catalogue file does not have what the WAL before it made: ${mismatches} rows differ`,
    { hint: "Export it again: walctl catalog.", exitCode: ExitCode.malformedInput },
  );
}
