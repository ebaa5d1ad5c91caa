/** A relation's name. */
export interface RelationName {
  /** Null if not known. */
  readonly schema: string | null;
  /** The table itself, or the table that an index or a TOAST table belongs to. */
  readonly table: string;
  /** The table's oid; undefined for a catalogue, whose name identifies it in a database. */
  readonly oid: number | undefined;
  /** The relation's own name if it is not the table. */
  readonly relation: string | undefined;
}

/** Finds the names for relfilenodes. */
export interface RelationNames {
  /** Changes whenever an answer may have changed. */
  readonly generation: number;
  /** Undefined if not known. */
  nameOf(tablespace: number, database: number, relfilenode: number): RelationName | undefined;
}
