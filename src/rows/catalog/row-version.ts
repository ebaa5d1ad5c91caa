import type { CatalogRows, FollowedCatalog } from "../../catalog/model.ts";
import type { Owner } from "./owner.ts";

/** pg_class.relnatts and pg_enum.enumtypid are known only for rows out of WAL. */
export interface KnownRows extends Omit<CatalogRows, "pg_class" | "pg_enum"> {
  readonly pg_class: ReadonlyArray<
    CatalogRows["pg_class"][number] & { readonly relnatts?: number }
  >;
  readonly pg_enum: ReadonlyArray<CatalogRows["pg_enum"][number] & { readonly enumtypid?: number }>;
}
export type CatalogRow<Catalog extends FollowedCatalog = FollowedCatalog> =
  KnownRows[Catalog][number];

/** A (sub)transaction that changed the catalogue. */
export class Writer {
  readonly xid: number;
  /** Its commit position; undefined if it is open or was rolled back. */
  commitLsn: number | undefined;
  ended = false;
  readonly created: RowVersion[] = [];
  readonly deleted: RowVersion[] = [];
  /** Files emptied in place. */
  readonly emptied: Emptied[] = [];
  /** Where it replaced or deleted a row of pg_class that is not known. */
  readonly untold = new Set<number>();

  constructor(xid: number) {
    this.xid = xid;
  }
}

export interface Emptied {
  readonly lsn: number;
  readonly tablespace: number;
  readonly relfilenode: number;
}

export interface UnknownRow {
  readonly catalog: FollowedCatalog;
  readonly row: CatalogRow;
}

/** A row of a catalogue, from the record that made it to the one that ended it. */
export class RowVersion<Catalog extends FollowedCatalog = FollowedCatalog> {
  readonly catalog: Catalog;
  readonly row: CatalogRow<Catalog>;
  /** Undefined if the row precedes all records. */
  readonly creator: Writer | undefined;
  readonly createdAt: number;
  deleter: Writer | undefined;
  deletedAt = 0;
  /** Only the row's key is known: a later version's page is unknown. */
  readonly isUnknown: boolean;

  constructor(
    catalog: Catalog,
    row: CatalogRow<Catalog>,
    creator: Writer | undefined,
    createdAt: number,
    isUnknown = false,
  ) {
    this.catalog = catalog;
    this.row = row;
    this.creator = creator;
    this.createdAt = createdAt;
    this.isUnknown = isUnknown;
  }

  /** Whether a change of `owner` at `lsn` sees it. */
  isVisible(lsn: number, owner: Owner): boolean {
    const { creator, deleter } = this;
    if (creator !== undefined && !counts(creator, this.createdAt, lsn, owner)) return false;
    return deleter === undefined || !counts(deleter, this.deletedAt, lsn, owner);
  }
}

/**
 * Whether a change of `owner` at `lsn` sees what was written at `at`: it is the owner's own, or was committed before.
 */
function counts(writer: Writer, at: number, lsn: number, owner: Owner): boolean {
  if (writer.commitLsn !== undefined && writer.commitLsn <= lsn) return true;
  return at <= lsn && owner.has(writer.xid);
}

/** Identifies a row in all of its versions. */
export function keyOf(catalog: FollowedCatalog, row: CatalogRow): number {
  return ROW_KEYS[catalog](row as never);
}

/** attnum takes 11 bits. */
const ROW_KEYS: {
  readonly [Catalog in FollowedCatalog]: (row: CatalogRow<Catalog>) => number;
} = {
  pg_class: ({ oid }) => oid,
  pg_attribute: ({ attrelid, attnum }) => attrelid * 2048 + attnum,
  pg_type: ({ oid }) => oid,
  pg_namespace: ({ oid }) => oid,
  pg_index: ({ indexrelid }) => indexrelid,
  pg_enum: ({ oid }) => oid,
  pg_range: ({ rngtypid }) => rngtypid,
};

/** The columns by which rows are looked up. */
const LOOKUPS: {
  readonly [Catalog in FollowedCatalog]: ReadonlyArray<(row: CatalogRow<Catalog>) => number>;
} = {
  pg_class: [({ oid }) => oid, ({ relfilenode }) => relfilenode],
  pg_attribute: [({ attrelid }) => attrelid],
  pg_type: [({ oid }) => oid],
  pg_namespace: [({ oid }) => oid],
  pg_index: [({ indrelid }) => indrelid],
  pg_enum: [({ oid }) => oid],
  pg_range: [({ rngtypid }) => rngtypid, ({ rngmultitypid }) => rngmultitypid],
};
const NONE: readonly never[] = [];

/** The number by which a row's versions are looked up first. */
export function lookupOf(catalog: FollowedCatalog, row: CatalogRow): number {
  return LOOKUPS[catalog][0]!(row as never);
}

/** All versions of the rows of one catalogue. */
export class VersionIndex<Catalog extends FollowedCatalog> {
  readonly #lookups: ReadonlyArray<{
    readonly numberOf: (row: CatalogRow<Catalog>) => number;
    readonly versions: Map<number, RowVersion<Catalog>[]>;
  }>;

  constructor(catalog: Catalog) {
    this.#lookups = LOOKUPS[catalog].map((numberOf) => ({ numberOf, versions: new Map() }));
  }

  add(version: RowVersion<Catalog>): void {
    for (const { numberOf, versions } of this.#lookups) {
      const number = numberOf(version.row);
      if (number === 0) continue;
      const known = versions.get(number);
      if (known === undefined) versions.set(number, [version]);
      else known.push(version);
    }
  }

  remove(version: RowVersion<Catalog>): void {
    for (const { numberOf, versions } of this.#lookups) {
      const number = numberOf(version.row);
      const left = (versions.get(number) ?? NONE).filter((each) => each !== version);
      if (left.length === 0) versions.delete(number);
      else versions.set(number, left);
    }
  }

  /**
   * Finds versions by oid, or whichever column is looked up first; 1: by the second one, relfilenode or multirange.
   */
  all(number: number, lookup: 0 | 1 = 0): ReadonlyArray<RowVersion<Catalog>> {
    return this.#lookups[lookup]!.versions.get(number) ?? NONE;
  }

  visible(
    number: number,
    lsn: number,
    owner: Owner,
    lookup: 0 | 1 = 0,
  ): RowVersion<Catalog> | undefined {
    const versions = this.all(number, lookup);
    for (let index = versions.length - 1; index >= 0; index--) {
      const version = versions[index]!;
      if (version.isVisible(lsn, owner)) return version;
    }
    return undefined;
  }
}

export type VersionIndexes = { readonly [Catalog in FollowedCatalog]: VersionIndex<Catalog> };

export function createIndexes(): VersionIndexes {
  return {
    pg_class: new VersionIndex("pg_class"),
    pg_attribute: new VersionIndex("pg_attribute"),
    pg_type: new VersionIndex("pg_type"),
    pg_namespace: new VersionIndex("pg_namespace"),
    pg_index: new VersionIndex("pg_index"),
    pg_enum: new VersionIndex("pg_enum"),
    pg_range: new VersionIndex("pg_range"),
  };
}

export function addVersion(indexes: VersionIndexes, version: RowVersion): void {
  (indexes[version.catalog] as VersionIndex<FollowedCatalog>).add(version);
}

export function removeVersion(indexes: VersionIndexes, version: RowVersion): void {
  (indexes[version.catalog] as VersionIndex<FollowedCatalog>).remove(version);
}
