import type { Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { TupleData } from "./tuple.ts";

/**
 * The messages of pgoutput, protocol versions 1 to 4, with the manual's names (Logical Replication Message Formats).
 * They are plain values, except TupleData and `bytes`: these are views that live as long as the bytes they were decoded
 * from.
 */
export type PgoutputMessage =
  | Begin
  | Commit
  | Origin
  | RelationMessage
  | TypeMessage
  | Insert
  | Update
  | Delete
  | Truncate
  | LogicalMessage
  | StreamStart
  | StreamStop
  | StreamCommit
  | StreamAbort
  | BeginPrepare
  | Prepare
  | StreamPrepare
  | CommitPrepared
  | RollbackPrepared
  | Abort
  | TableChanged
  | SequenceState
  | UnknownMessage;

export type MessageKind = PgoutputMessage["kind"];
export type RowChange = Insert | Update | Delete;
export type OtherMessage = Exclude<PgoutputMessage, RowChange>;

/**
 * All messages of one transaction share one object, so that callers can key what they derive from it by that object.
 */
export interface Transaction {
  /** Unsigned. Inside a stream block it is the subtransaction's xid, as the message carries it. */
  readonly xid: number;
  /** Null while it is not known: in a streamed or prepared transaction. */
  readonly commitTime: PgTime | null;
}

/** XLogData's start in two halves, since a bigint for each row would cost more than the row. 0/0 if none was sent. */
export interface WalPosition {
  readonly high: number;
  readonly low: number;
}

interface Positioned {
  readonly position: WalPosition;
  /** Null outside of a transaction. */
  readonly transaction: Transaction | null;
}

export interface Begin extends Positioned {
  readonly kind: "begin";
  /** Where the commit record starts: Commit.commitLsn. 0/0 of one that was rolled back. */
  readonly finalLsn: Lsn;
  readonly commitTime: PgTime;
  /** Out of WAL: it may have begun before the input, and what it did there is missing. */
  readonly partial?: boolean;
  /** Out of WAL: it was rolled back; an Abort ends it, and finalLsn and commitTime mean nothing. */
  readonly aborted?: boolean;
}

export interface Commit extends Positioned {
  readonly kind: "commit";
  readonly commitLsn: Lsn;
  /** The byte after the commit record: the position that a consumer confirms. */
  readonly endLsn: Lsn;
  readonly commitTime: PgTime;
  /** Out of WAL: how many of its changes could not be rebuilt. */
  readonly lost?: number;
}

export interface Origin extends Positioned {
  readonly kind: "origin";
  /** The commit's position on the origin server. */
  readonly originLsn: Lsn;
  readonly name: string;
}

export type ReplicaIdentity = "default" | "nothing" | "full" | "index";

export interface Column {
  readonly name: string;
  /** Part of the replica identity. */
  readonly key: boolean;
  readonly typeOid: number;
  /** atttypmod; -1 for none. */
  readonly typeModifier: number;
}

export interface Relation {
  readonly oid: number;
  /** Empty for pg_catalog, as on the wire. */
  readonly schema: string;
  readonly table: string;
  readonly replicaIdentity: ReplicaIdentity;
  readonly columns: readonly Column[];
  /** At least one column is part of the replica identity. */
  readonly keyed: boolean;
  /** False for the stand-in of a relation without a Relation message: columns 1, 2, …, without types. */
  readonly announced: boolean;
  /** The bytes, in hex, of a name in it that is not UTF-8 (server_encoding SQL_ASCII): no text is this name. */
  readonly foreignName?: string;
}

export interface RelationMessage extends Positioned {
  readonly kind: "relation";
  readonly relation: Relation;
}

export interface TypeMessage extends Positioned {
  readonly kind: "type";
  readonly oid: number;
  /** Empty for pg_catalog, as on the wire. */
  readonly schema: string;
  /** For a domain, the name of its base type. */
  readonly name: string;
}

/**
 * A row. The three kinds have the same properties in the same order, with null where one does not apply, so that code
 * that handles all three stays fast.
 */
export interface Insert extends Positioned {
  readonly kind: "insert";
  readonly relation: Relation;
  readonly key: null;
  readonly old: null;
  readonly new: TupleData;
}

export interface Update extends Positioned {
  readonly kind: "update";
  readonly relation: Relation;
  /** The old replica identity, if it changed. Every column is present; those outside the key are placeholders. */
  readonly key: TupleData | null;
  /** The old row, under REPLICA IDENTITY FULL. */
  readonly old: TupleData | null;
  readonly new: TupleData;
}

export interface Delete extends Positioned {
  readonly kind: "delete";
  readonly relation: Relation;
  readonly key: TupleData | null;
  readonly old: TupleData | null;
  readonly new: null;
}

export interface Truncate extends Positioned {
  readonly kind: "truncate";
  readonly relations: readonly Relation[];
  readonly cascade: boolean;
  readonly restartIdentity: boolean;
}

/** Written by pg_logical_emit_message. */
export interface LogicalMessage extends Positioned {
  readonly kind: "message";
  readonly transactional: boolean;
  readonly messageLsn: Lsn;
  readonly prefix: string;
  readonly content: Uint8Array;
}

export interface StreamStart extends Positioned {
  readonly kind: "stream_start";
  readonly transaction: Transaction;
  readonly firstSegment: boolean;
}

export interface StreamStop extends Positioned {
  readonly kind: "stream_stop";
}

export interface StreamCommit extends Positioned {
  readonly kind: "stream_commit";
  readonly transaction: Transaction;
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  readonly commitTime: PgTime;
}

export interface StreamAbort extends Positioned {
  readonly kind: "stream_abort";
  readonly transaction: Transaction;
  /** Equal to the transaction's xid if the whole transaction is rolled back; otherwise only this subtransaction is. */
  readonly subxid: number;
  /** Sent only with streaming = parallel. */
  readonly abortLsn: Lsn | null;
  readonly abortTime: PgTime | null;
}

interface Preparing extends Positioned {
  readonly transaction: Transaction;
  readonly gid: string;
  readonly prepareLsn: Lsn;
  readonly endLsn: Lsn;
  readonly prepareTime: PgTime;
}

export interface BeginPrepare extends Preparing {
  readonly kind: "begin_prepare";
}

export interface Prepare extends Preparing {
  readonly kind: "prepare";
}

export interface StreamPrepare extends Preparing {
  readonly kind: "stream_prepare";
}

export interface CommitPrepared extends Positioned {
  readonly kind: "commit_prepared";
  readonly transaction: Transaction;
  readonly gid: string;
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
  readonly commitTime: PgTime;
}

export interface RollbackPrepared extends Positioned {
  readonly kind: "rollback_prepared";
  readonly transaction: Transaction;
  readonly gid: string;
  readonly prepareEndLsn: Lsn;
  readonly rollbackEndLsn: Lsn;
  readonly prepareTime: PgTime;
  readonly rollbackTime: PgTime;
}

/** Out of WAL, not of pgoutput: the end of a transaction, or of a subtransaction by itself, that was rolled back. */
export interface Abort extends Positioned {
  readonly kind: "abort";
  readonly transaction: Transaction;
  /** Where the abort record starts. */
  readonly abortLsn: Lsn;
  readonly abortTime: PgTime;
  /** How many of its changes could not be rebuilt. */
  readonly lost?: number;
}

export type TableAction = "created" | "dropped" | "rewritten" | "truncated";

/** Out of WAL, not of pgoutput: a table was created or dropped, or its rows are in another file from now on. */
export interface TableChanged extends Positioned {
  readonly kind: "table_changed";
  readonly action: TableAction;
  /** Its name only: no columns. */
  readonly relation: Relation;
  readonly relfilenode: number;
  /** Undefined: it had no other one. */
  readonly oldRelfilenode: number | undefined;
}

/** Out of WAL, not of pgoutput: the state that a sequence has after a crash from here on. */
export interface SequenceState extends Positioned {
  readonly kind: "sequence";
  /** Its name only: no columns. */
  readonly relation: Relation;
  readonly lastValue: bigint;
  readonly isCalled: boolean;
  /** nextval may have logged it ahead: see SEQUENCE_LOGGED_AHEAD. */
  readonly mayBeAhead: boolean;
}

/** A message of a kind that this decoder does not know, perhaps a newer server's. */
export interface UnknownMessage extends Positioned {
  readonly kind: "unknown";
  readonly tag: number;
  /** Tag included. */
  readonly bytes: Uint8Array;
}

/**
 * Passes on rows without a message for each. What it does not know it leaves to the reader: so it knows no damage, and
 * no table before rows of it came as messages.
 */
export interface RowPrinter {
  /** The rows are in these bytes from now on. */
  attach(bytes: Uint8Array): void;
  /**
   * Passes on the rows from `start` on and returns where it stopped.
   * @param separated a line feed follows each row
   */
  print(start: number, separated: boolean, transaction: Transaction | null): number;
  /** Where the last row starts that it passed on. */
  readonly last: number;
}
