import { type CatalogFile, FOLLOWED_CATALOGS, type FollowedCatalog } from "../../catalog/model.ts";
import { ExitCode, WalctlError } from "../../errors.ts";
import { ShortPayload } from "../../wal/detail/payload.ts";
import { HEAP_OPERATION } from "../../wal/detail/heap.ts";
import type { Decompress } from "../../wal/images/images.ts";
import { formatPosition } from "../../wal/pages/position.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";
import { Rmgr } from "../../wal/rmgrs.ts";
import { droppedFiles } from "../pages/dropped-files.ts";
import { PageStore, Tracking } from "../pages/page-store.ts";
import { type Commit, commitOf } from "./commit.ts";
import {
  FOLLOWED,
  type FollowedFile,
  FollowedFiles,
  RowReader,
  followedCatalog,
} from "./followed-files.ts";
import type { KnownCatalog } from "./history.ts";
import { RewoundRows, type RowEvent } from "./rewound-rows.ts";
import { forEachRowChange } from "./row-changes.ts";
import type { CatalogRow } from "./row-version.ts";
import { isFinished } from "./snapshot.ts";

const DELETE = 0x10;

/** The catalogue at the input's start, and what is not known of it. */
export interface EarlyCatalog {
  readonly file: CatalogFile;
  readonly known: KnownCatalog;
}

interface CatalogCommit extends Commit {
  readonly lsn: number;
  /** Catalogues' files that it left. */
  readonly left: readonly FollowedFile[];
}

/**
 * A catalogue that is newer than the input's start: a first pass up to the export collects what changed in between, and finish() takes
 * it back, from the last change to the first. The file has what transactions did that its snapshot shows as ended, if they committed.
 */
export class LateCatalog {
  readonly #file: CatalogFile;
  readonly #files: FollowedFiles;
  readonly #pages: PageStore;
  readonly #reader: RowReader;
  #events: RowEvent[] = [];
  #commits: CatalogCommit[] = [];
  /** Files that VACUUM FULL and CLUSTER made, and where. */
  readonly #made = new Map<number, { readonly catalog: FollowedCatalog; readonly lsn: number }>();
  #from = 0;

  constructor(file: CatalogFile, zstd?: Decompress) {
    this.#file = file;
    this.#reader = new RowReader(file);
    const files = new FollowedFiles(file.header);
    this.#files = files;
    // Where a catalogue was rewritten since, its file before may have been initdb's.
    for (const catalog of FOLLOWED) {
      const oid = FOLLOWED_CATALOGS[catalog];
      if (!files.has(oid)) files.add(catalog, oid);
    }
    const tracking = (tablespace: number, database: number, relfilenode: number): Tracking => {
      const isFollowed = files.of(tablespace, database, relfilenode) !== undefined;
      return isFollowed ? Tracking.kept : Tracking.none;
    };
    this.#pages = new PageStore({ tracking, zstd });
  }

  /** Whether the input, whose first record starts there, has changes that the file already holds. */
  static isLate({ header }: CatalogFile, firstLsn: number): boolean {
    return header.lsn > firstLsn;
  }

  /** Every record, in order. Returns false when no more are needed. */
  note(record: WalRecord, version: WalVersion): boolean {
    if (record.lsn >= this.#file.header.lsn) return false;
    this.#pages.apply(record, version);
    try {
      if (record.rmgr === Rmgr.heap || record.rmgr === Rmgr.heap2) this.#noteRows(record);
      else if (record.rmgr === Rmgr.transaction) this.#noteEnd(record, version);
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      this.skipped(record.lsn);
    }
    return true;
  }

  /** Records before `lsn` are missing: what was before cannot be known from a file of afterwards. */
  skipped(lsn: number): void {
    if (lsn > this.#file.header.lsn) return;
    this.#pages.forgetAll();
    this.#events = [];
    this.#commits = [];
    this.#made.clear();
    this.#from = lsn;
  }

  /** The file as it would have been at the input's start. Throws where that cannot be known. */
  finish(): EarlyCatalog {
    const { header } = this.#file;
    const commits = this.#commits.filter(({ xid }) => isFinished(xid, header.snapshot));
    const filenodes = this.#firstFiles(commits);
    const xids = new Set(commits.flatMap(({ xid, subxids }) => [xid, ...subxids]));
    const rewound = new RewoundRows(this.#file, filenodes);
    for (const event of this.#events.toReversed()) if (xids.has(event.xid)) rewound.undo(event);
    if (rewound.mismatches > 0) throw otherCatalog(rewound.mismatches);
    const { indexesFrom } = rewound;
    const from = Math.max(this.#from, rewound.from);
    return {
      file: {
        header: { ...header, filenodes },
        rows: { ...this.#file.rows, ...rewound.rows() },
      },
      known: { from, indexesFrom, unknownRows: rewound.unknownRows() },
    };
  }

  /** The catalogues' files at the start: those that the first rewrite left. */
  #firstFiles(commits: readonly CatalogCommit[]): Record<FollowedCatalog, number> {
    const filenodes = { ...this.#file.header.filenodes };
    const found = new Set<FollowedCatalog>();
    for (const { catalog, relfilenode } of commits.flatMap(({ left }) => left)) {
      if (!found.has(catalog)) filenodes[catalog] = relfilenode;
      found.add(catalog);
    }
    for (const [relfilenode, { catalog, lsn }] of this.#made) {
      const isOwn = this.#file.header.filenodes[catalog] === relfilenode;
      if (isOwn && !found.has(catalog)) throw rewritten(catalog, lsn);
    }
    return filenodes;
  }

  #noteRows(record: WalRecord): void {
    if (record.blockCount === 0) return;
    const { tablespace, database, relfilenode } = record.blocks[0]!;
    const file = this.#files.of(tablespace, database, relfilenode);
    if (file === undefined) return;
    const { catalog } = file;
    const { lsn, xid } = record;
    let before: RowEvent["before"];
    forEachRowChange(record, {
      deleted: (block, item) => {
        before = this.#rowAt(file, block, item);
        if (record.rmgr !== Rmgr.heap || (record.info & HEAP_OPERATION) !== DELETE) return;
        this.#events.push({ xid, lsn, catalog, relfilenode, before, after: undefined });
      },
      inserted: (block, item) => {
        const after = this.#rowAt(file, block, item);
        this.#events.push({ xid, lsn, catalog, relfilenode, before, after });
        if (after !== null && catalog === "pg_class") {
          this.#noteCopy(after as CatalogRow<"pg_class">, lsn);
        }
      },
    });
  }

  #rowAt(file: FollowedFile, block: number, item: number): CatalogRow | null {
    const tuple = this.#pages.tupleAt(file, block, item);
    if (tuple === undefined) return null;
    return this.#reader.row(file.catalog, tuple, block, item) ?? null;
  }

  /** A mapped relation's copy has its oid for a file. */
  #noteCopy({ oid, relfilenode, relrewrite }: CatalogRow<"pg_class">, lsn: number): void {
    const catalog = followedCatalog(relrewrite);
    if (catalog === undefined) return;
    const file = relfilenode === 0 ? oid : relfilenode;
    if (!this.#files.has(file)) this.#files.add(catalog, file);
    this.#made.set(file, { catalog, lsn });
  }

  #noteEnd(record: WalRecord, version: WalVersion): void {
    const left: FollowedFile[] = [];
    for (const dropped of droppedFiles(record, version)) {
      const { tablespace, database, relfilenode } = dropped;
      const file = this.#files.of(tablespace, database, relfilenode);
      if (file !== undefined) left.push(file);
      this.#files.drop(dropped);
    }
    const commit = commitOf(record, version);
    if (commit !== undefined) this.#commits.push({ ...commit, lsn: record.lsn, left });
  }
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
