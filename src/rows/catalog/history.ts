import type { TypeSource } from "../../heap/values/type-source.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { Locator } from "../pages/locator.ts";
import type { TableChange, TableVersion } from "./table-version.ts";

/** A (sub)transaction's own xid and those of its surviving subtransactions; of a savepoint that was rolled back its parents' too. */
export type Owner = ReadonlySet<number>;

/**
 * The catalogue over time. The class is CatalogHistory(file: CatalogFile, pages: TrackedPages); it says by isCatalog() which relations
 * the pages have to keep.
 */
export interface CatalogOverTime {
  isCatalog(tablespace: number, database: number, relfilenode: number): boolean;
  /** Every record, in order, after pages.apply(). */
  note(record: WalRecord, version: WalVersion): void;
  /** The transaction's end: `xids` are its own and those that survive with it. Before or after its changes were asked about. */
  commit(xids: Iterable<number>, lsn: number): void;
  /** Rolled back, all of them. After its changes were asked about, if they are. */
  abort(xids: Iterable<number>): void;
  /** Changes with each commit that changed the catalogue. */
  readonly epoch: number;
  /**
   * The relation whose file this is, for a change at `lsn` of `owner`; give the same object for all changes of a transaction.
   * Undefined: not explained. Sets what `types` answers for.
   */
  relationAt(
    tablespace: number,
    relfilenode: number,
    lsn: number,
    owner: Owner,
  ): TableVersion | undefined;
  /** The same by oid, for TRUNCATE and TOAST. */
  relationByOid(oid: number, lsn: number, owner: Owner): TableVersion | undefined;
  /** As of the change that was asked about last. */
  readonly types: TypeSource;
  /** pg_namespace.nspname, as of the change that was asked about last. */
  schemaName(namespaceOid: number): string | undefined;
  /** Called by types.unknownType(). */
  onUnknownType: ((oid: number) => void) | undefined;
  /** In the order of their LSNs. */
  tableChanges(owner: Owner): readonly TableChange[];
  originName(id: number): string | undefined;
  /** Records are missing before `lsn`: what they changed is not known. */
  skipped(lsn: number): void;
  /** Why relations may be unexplained: the catalogue's own rows could not be followed. Undefined: they could. */
  readonly broken: CatalogBreak | undefined;
}

/** The first place from (or, of a late catalogue, up to) which the catalogue is not known. */
export interface CatalogBreak {
  readonly lsn: number;
  readonly message: string;
  readonly hint: string;
}

/** First pass over the same input with a catalogue that is newer than its start. The class is LateCatalog(file). */
export interface FirstPass {
  /** Every record, in order. Returns false when no more are needed: the export's LSN is reached. */
  note(record: WalRecord, version: WalVersion): boolean;
  /** The file as it would have been at the input's start, for CatalogHistory. Throws a WalctlError where that cannot be known. */
  finish(): unknown;
}

export type { Locator, TableChange, TableVersion };
