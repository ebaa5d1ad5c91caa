/** Messages made by hand, for what is told of them and never sees their bytes. */
import type { Lsn } from "../../src/lsn.ts";
import type { PgTime } from "../../src/pg-time.ts";
import type {
  Begin,
  Commit,
  Insert,
  LogicalMessage,
  Relation,
  RelationMessage,
} from "../../src/pgoutput/messages.ts";

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

export const begin = (finalLsn: number): Begin => ({
  kind: "begin",
  position,
  transaction,
  finalLsn: BigInt(finalLsn) as Lsn,
  commitTime: time,
});

export const commit = (commitLsn: number, endLsn: number): Commit => ({
  kind: "commit",
  position,
  transaction,
  commitLsn: BigInt(commitLsn) as Lsn,
  endLsn: BigInt(endLsn) as Lsn,
  commitTime: time,
});

export const insert = (): Insert => ({
  kind: "insert",
  position,
  transaction,
  relation,
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
  position,
  transaction: transactional ? transaction : null,
  transactional,
  messageLsn: BigInt(lsn) as Lsn,
  prefix: "",
  content: bytes,
});
