import type { StoredAttribute } from "../../postgres/stored/type-source.ts";
import type { TableAction } from "../../postgres/messages/messages.ts";

/** A column; its place in `attributes` is attnum - 1. */
export interface TableAttribute extends StoredAttribute {
  readonly typmod: number;
  /** Stored or virtual: not printed. */
  readonly generated: boolean;
  /** Part of the replica identity: all columns with FULL, none with NOTHING. */
  readonly key: boolean;
  /** Part of the primary key, where the replica identity has no key of its own. */
  readonly rowKey: boolean;
}

/**
 * A relation as of an LSN. It is the same object while neither it, nor its schema, nor the types of its columns change,
 * so derived objects (columnWriter) may be cached by it.
 */
export interface TableVersion {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly relfilenode: number;
  readonly tablespace: number;
  /** pg_class: r table, t TOAST, p partitioned, m materialized view, i index, S sequence, … */
  readonly relkind: string;
  /** p permanent, u unlogged, t temporary */
  readonly persistence: string;
  /** d default, n nothing, f full, i index */
  readonly replicaIdentity: string;
  /** 0 if none. */
  readonly toastRelation: number;
  /** The table of which this is a transient copy; 0 if none. */
  readonly relrewrite: number;
  /** By attnum from 1, dropped ones too. */
  readonly attributes: readonly TableAttribute[];
}

/** A table that a transaction created, dropped, rewrote or truncated; tables, materialized views and partitioned tables only. */
export interface TableChange {
  readonly action: TableAction;
  readonly lsn: number;
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly relkind: string;
  /** The last one of a dropped table; 0 for a partitioned one. */
  readonly relfilenode: number;
  /** Undefined if it was created or dropped. */
  readonly oldRelfilenode: number | undefined;
}
