/** The first byte of every pgoutput message (manual: Logical Replication Message Formats). */
export const Tag = {
  begin: 0x42, // B
  commit: 0x43, // C
  origin: 0x4f, // O
  relation: 0x52, // R
  type: 0x59, // Y
  insert: 0x49, // I
  update: 0x55, // U
  delete: 0x44, // D
  truncate: 0x54, // T
  message: 0x4d, // M
  streamStart: 0x53, // S
  streamStop: 0x45, // E
  streamCommit: 0x63, // c
  streamAbort: 0x41, // A
  beginPrepare: 0x62, // b
  prepare: 0x50, // P
  streamPrepare: 0x70, // p
  commitPrepared: 0x4b, // K
  rollbackPrepared: 0x72, // r
} as const;

/** The byte in front of a tuple inside Insert, Update and Delete. */
export const TupleTag = {
  new: 0x4e, // N
  key: 0x4b, // K
  old: 0x4f, // O
} as const;

/** The kind byte of each column of a TupleData. */
export const ColumnKind = {
  null: 0x6e, // n
  /** An out-of-line (TOAST) value that did not change and is not sent. */
  unchanged: 0x75, // u
  text: 0x74, // t
  binary: 0x62, // b
} as const;
