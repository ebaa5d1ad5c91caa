/*
 * The catalogue of one database as `walctl catalog` exports it: the meaning of the numbers in WAL (docs/wal.md
 * describes the file). Names and values are PostgreSQL's; each row version is a row. Way in: read.ts, write.ts;
 * heap-rows.ts for tuples.
 */

/** The place of a row version in its catalogue's file. */
export interface Ctid {
  readonly block: number;
  readonly item: number;
}

export interface PgClass {
  readonly ctid: Ctid;
  readonly oid: number;
  readonly relname: string;
  readonly relnamespace: number;
  /** Also set for a mapped relation; 0 if it has no file. */
  readonly relfilenode: number;
  /** 0: the database's own tablespace. */
  readonly reltablespace: number;
  readonly relkind: string;
  readonly relreplident: string;
  /** 0 if none. */
  readonly reltoastrelid: number;
  readonly relpersistence: string;
  /** The table of which this is the new file; 0 if none. */
  readonly relrewrite: number;
}

/** Only columns with attnum > 0. */
export interface PgAttribute {
  readonly ctid: Ctid;
  readonly attrelid: number;
  readonly attname: string;
  /** 0 if dropped. */
  readonly atttypid: number;
  readonly attlen: number;
  readonly attnum: number;
  readonly atttypmod: number;
  readonly attalign: string;
  readonly attisdropped: boolean;
  /** Empty if not generated. */
  readonly attgenerated: string;
  readonly atthasmissing: boolean;
  /**
   * In the file always text: what the type's output function prints, with DateStyle ISO, TimeZone UTC and so on. Bytes
   * for a value from a tuple (heap-rows.ts): the stored array of one element, without its varlena header.
   */
  readonly attmissingval: string | Uint8Array | null;
}

export interface PgType {
  readonly ctid: Ctid;
  readonly oid: number;
  readonly typname: string;
  readonly typnamespace: number;
  readonly typlen: number;
  readonly typtype: string;
  readonly typcategory: string;
  readonly typelem: number;
  readonly typdelim: string;
  readonly typrelid: number;
  readonly typbasetype: number;
  readonly typalign: string;
  /** A type is an array if this is the header's array_handler and typelem is not 0. */
  readonly typsubscript: number;
}

export interface PgNamespace {
  readonly ctid: Ctid;
  readonly oid: number;
  readonly nspname: string;
}

export interface PgIndex {
  readonly ctid: Ctid;
  readonly indexrelid: number;
  readonly indrelid: number;
  /** 0 for an expression. */
  readonly indkey: readonly number[];
  /** The number of key columns; the others are INCLUDEd. */
  readonly indnkeyatts: number;
  readonly indisreplident: boolean;
  readonly indisprimary: boolean;
  readonly indimmediate: boolean;
  readonly indisvalid: boolean;
}

export interface PgEnum {
  readonly ctid: Ctid;
  readonly oid: number;
  readonly enumlabel: string;
}

export interface PgRange {
  readonly ctid: Ctid;
  readonly rngtypid: number;
  readonly rngsubtype: number;
  readonly rngmultitypid: number;
}

/** It belongs to all databases: no ctid, since its rows are not followed. */
export interface PgReplicationOrigin {
  readonly roident: number;
  readonly roname: string;
}

/**
 * What a reg* type prints for an oid, as tail prints it: with the search_path `pg_catalog, pg_temp`. Those of regclass, regtype and
 * regnamespace follow from pg_class, pg_type and pg_namespace (printed-names.ts).
 */
export interface RegName {
  /** regproc, regprocedure, regoper, regoperator, regcollation, regconfig, regdictionary or regrole */
  readonly type: string;
  readonly oid: number;
  readonly name: string;
}

/** A base type of an extension (pg_depend). */
export interface ExtensionType {
  readonly oid: number;
  /** pg_extension.extname */
  readonly extension: string;
}

/** The rows, by catalogue. */
export interface CatalogRows {
  readonly pg_class: readonly PgClass[];
  readonly pg_attribute: readonly PgAttribute[];
  readonly pg_type: readonly PgType[];
  readonly pg_namespace: readonly PgNamespace[];
  readonly pg_index: readonly PgIndex[];
  readonly pg_enum: readonly PgEnum[];
  readonly pg_range: readonly PgRange[];
  readonly pg_replication_origin: readonly PgReplicationOrigin[];
  readonly reg_names: readonly RegName[];
  readonly extension_types: readonly ExtensionType[];
}

/** The seven tables whose changes in WAL are followed, by name and oid. */
export const FOLLOWED_CATALOGS = {
  pg_type: 1247,
  pg_attribute: 1249,
  pg_class: 1259,
  pg_index: 2610,
  pg_namespace: 2615,
  pg_enum: 3501,
  pg_range: 3541,
} as const;
export type FollowedCatalog = keyof typeof FOLLOWED_CATALOGS;

/** As pg_current_snapshot() prints it: `xmin:xmax:xip,…`, 64 bits with the epoch, top-level transactions only. */
export interface Snapshot {
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly xip: readonly bigint[];
}

/**
 * All transactions and subtransactions that may have written WAL before `lsn` and had not ended at the header's lsn. The snapshot
 * does not tell: it has no transaction from its xmax on, and one of these may have begun before it was taken.
 */
export interface RunningTransactions {
  /** A position, not after the header's. */
  readonly lsn: number;
  /** 32 bits of each, as WAL has them. */
  readonly xids: readonly number[];
}

export interface CatalogHeader {
  readonly format: 1;
  readonly server_version_num: number;
  /** A string, since it exceeds 2⁵³. */
  readonly system_identifier: string;
  readonly timeline: number;
  readonly database: string;
  readonly database_oid: number;
  /** The database's tablespace, which relations with reltablespace 0 use. */
  readonly tablespace: number;
  /** pg_encoding_to_char()'s name of the database's encoding. */
  readonly encoding: string;
  readonly lc_monetary: string;
  /** A position, as in wal/pages/position.ts; in the file as pg_lsn prints it. */
  readonly lsn: number;
  readonly snapshot: Snapshot;
  readonly running?: RunningTransactions;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** The oid of pg_catalog.array_subscript_handler. */
  readonly array_handler: number;
  /** The files of the followed tables at that time. */
  readonly filenodes: Readonly<Record<FollowedCatalog, number>>;
}

export interface CatalogFile {
  readonly header: CatalogHeader;
  readonly rows: CatalogRows;
}
