import type { StoredAttribute } from "../../heap/values/type-source.ts";
import type { TableAction } from "../../pgoutput/messages.ts";

/** A column; its place in `attributes` is attnum - 1. */
export interface TableAttribute extends StoredAttribute {
  readonly typmod: number;
  /** Stored or virtual: not printed. */
  readonly generated: boolean;
  /** Of the replica identity: all with FULL, none with NOTHING. */
  readonly key: boolean;
}

/**
 * A relation as of an LSN. The same object as long as neither it, nor its schema, nor the types of its columns have changed, so that
 * what is made of it (columnWriter) may be kept by it.
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
  /** 0: none. */
  readonly toastRelation: number;
  /** The table that this one is a transient copy of; 0: none. */
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
  readonly persistence: string;
  /** Of a dropped one the last; 0: none (partitioned). */
  readonly relfilenode: number;
  /** Undefined: created, dropped. */
  readonly oldRelfilenode: number | undefined;
}
