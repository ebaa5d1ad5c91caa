/** What a relation is called. */
export interface RelationName {
  /** Null: not known. */
  readonly schema: string | null;
  /** The table itself, or the one that an index or a TOAST table serves. */
  readonly table: string;
  /** The table's; undefined: a catalogue's, which its name identifies in a database. */
  readonly oid: number | undefined;
  /** Its own name, where it is not the table. */
  readonly relation: string | undefined;
}

/** Tells what relfilenodes are called. */
export interface RelationNames {
  /** Changes whenever an answer may have changed. */
  readonly generation: number;
  /** Undefined: not known. */
  nameOf(tablespace: number, database: number, relfilenode: number): RelationName | undefined;
}
