/** Messages made by hand, for what is told of them and never sees their bytes. */
import type { Lsn } from "../../../src/lsn.ts";
import type { PgTime } from "../../../src/pg-time.ts";
import type {
  Begin,
  Commit,
  Insert,
  LogicalMessage,
  Relation,
  RelationMessage,
  StreamAbort,
  StreamCommit,
  StreamStart,
  StreamStop,
} from "../../../src/postgres/messages/messages.ts";

const position = { high: 0, low: 0 };
const time = 0n as PgTime;
const transaction = { xid: 7, commitTime: time };
const relation: Relation = {
  oid: 1,
  schema: "public",
  table: "t",
  replicaIdentity: "default",
  columns: [],
  keyed: false,
  announced: true,
};
const bytes = new Uint8Array(0);
const tuple = { bytes, view: new DataView(bytes.buffer), start: 0, columnCount: 0 };

export const begin = (finalLsn: number, xid = transaction.xid): Begin => ({
  kind: "begin",
  position,
  transaction: { xid, commitTime: time },
  finalLsn: BigInt(finalLsn) as Lsn,
  commitTime: time,
});

export const commit = (commitLsn: number, endLsn: number, xid = transaction.xid): Commit => ({
  kind: "commit",
  position,
  transaction: { xid, commitTime: time },
  commitLsn: BigInt(commitLsn) as Lsn,
  endLsn: BigInt(endLsn) as Lsn,
  commitTime: time,
});

/** A row of the transaction or subtransaction, at the position `low`: rows of one record share theirs. */
export const insert = (low = 0, xid = transaction.xid): Insert => ({
  kind: "insert",
  position: { high: 0, low },
  transaction: { xid, commitTime: null },
  relation,
  key: null,
  old: null,
  new: tuple,
});

export const announcement = (): RelationMessage => ({
  kind: "relation",
  position,
  transaction,
  relation,
});

export const logicalMessage = (lsn: number, transactional: boolean): LogicalMessage => ({
  kind: "message",
  position: { high: 0, low: lsn },
  transaction: transactional ? transaction : null,
  transactional,
  messageLsn: BigInt(lsn) as Lsn,
  prefix: "",
  content: bytes,
});

export const streamStart = (xid: number): StreamStart => ({
  kind: "stream_start",
  position,
  transaction: { xid, commitTime: null },
  firstSegment: false,
});

export const streamStop = (): StreamStop => ({ kind: "stream_stop", position, transaction: null });

export const streamCommit = (xid: number, commitLsn: number): StreamCommit => ({
  kind: "stream_commit",
  position,
  transaction: { xid, commitTime: time },
  commitLsn: BigInt(commitLsn) as Lsn,
  endLsn: BigInt(commitLsn + 40) as Lsn,
  commitTime: time,
});

export const streamAbort = (xid: number, subxid: number): StreamAbort => ({
  kind: "stream_abort",
  position,
  transaction: { xid, commitTime: null },
  subxid,
  abortLsn: null,
  abortTime: null,
});
