import { assertNever } from "../../assert.ts";
import { formatLsn, type Lsn } from "../../lsn.ts";
import { type LsnKey, keyStart, lineStart } from "./grammar.ts";
import { formatPgTime, type PgTime } from "../../pg-time.ts";
import type {
  Begin,
  Column,
  Commit,
  LogicalMessage,
  OtherMessage,
  PgoutputMessage,
  SequenceState,
  Transaction,
  WalPosition,
} from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { jsonString } from "../bytes/json-text.ts";
import { relationName, schemaName } from "../values/relation-plan.ts";

/** The rare kinds of messages. */
type RareMessage = Exclude<OtherMessage, Begin | Commit | LogicalMessage | SequenceState>;

/** The message's whole line except its end. The contract fixes the order of the keys. */
export function renderOther(message: RareMessage, types: TypeRegistry): string {
  switch (message.kind) {
    case "stream_commit":
      return head(message) + commitKeys(message);
    case "origin":
      return `${head(message)},"origin_lsn":${lsn(message.originLsn)},"name":${jsonString(message.name)}`;
    case "relation": {
      const { relation } = message;
      const columns = relation.columns.map((column) => columnObject(column, types));
      return (
        `${head(message)},"oid":${relation.oid},${relationName(relation)}` +
        `,"replica_identity":"${relation.replicaIdentity}","columns":[${columns.join(",")}]`
      );
    }
    case "type":
      return (
        `${head(message)},"oid":${message.oid},"schema":${schemaName(message.schema)}` +
        `,"name":${jsonString(message.name)}`
      );
    case "truncate": {
      const tables = message.relations.map((relation) => `{${relationName(relation)}}`);
      return (
        `${head(message)}${commitTimeKey(message.transaction)},"tables":[${tables.join(",")}]` +
        `,"cascade":${message.cascade},"restart_identity":${message.restartIdentity}`
      );
    }
    case "stream_start":
      return `${head(message)},"first_segment":${message.firstSegment}`;
    case "stream_stop":
      return head(message);
    case "stream_abort":
      return (
        `${head(message)},"subxid":${message.subxid}` +
        `,"abort_lsn":${message.abortLsn === null ? "null" : lsn(message.abortLsn)}` +
        `,"abort_time":${message.abortTime === null ? "null" : time(message.abortTime)}`
      );
    case "begin_prepare":
    case "prepare":
    case "stream_prepare":
      return (
        `${head(message)},"gid":${jsonString(message.gid)}${lsnKey("prepare_lsn", message.prepareLsn)}` +
        `${lsnKey("end_lsn", message.endLsn)},"prepare_time":${time(message.prepareTime)}`
      );
    case "commit_prepared":
      return `${head(message)},"gid":${jsonString(message.gid)}${commitKeys(message)}`;
    case "rollback_prepared":
      return (
        `${head(message)},"gid":${jsonString(message.gid)}` +
        lsnKey("prepare_end_lsn", message.prepareEndLsn) +
        lsnKey("rollback_end_lsn", message.rollbackEndLsn) +
        `,"prepare_time":${time(message.prepareTime)},"rollback_time":${time(message.rollbackTime)}`
      );
    case "abort":
      return `${head(message)}${lsnKey("abort_lsn", message.abortLsn)},"abort_time":${time(message.abortTime)}${lostKey(message.lost)}`;
    case "table_changed": {
      const { oldRelfilenode: old } = message;
      return (
        `${head(message)}${commitTimeKey(message.transaction)},"action":"${message.action}"` +
        `,"oid":${message.relation.oid},${relationName(message.relation)}` +
        `,"relfilenode":${message.relfilenode}${old === undefined ? "" : `,"old_relfilenode":${old}`}`
      );
    }
    case "unknown":
      return (
        `${head(message)},"tag":${jsonString(String.fromCharCode(message.tag))}` +
        `,"bytes_base64":"${base64(message.bytes)}"`
      );
    default:
      return assertNever(message);
  }
}

/** A logical message's line up to its content. */
export function renderMessageHead(message: LogicalMessage): string {
  return (
    `${head(message)},"transactional":${message.transactional}` +
    `${lsnKey("message_lsn", message.messageLsn)},"prefix":${jsonString(message.prefix)}`
  );
}

/** A sequence's whole line except its end. */
export function renderSequence(message: SequenceState, safeNumbers: boolean): string {
  const { transaction, relation, lastValue, isCalled, mayBeAhead } = message;
  const isExact = BigInt(Number(lastValue)) === lastValue;
  return (
    `${head(message)}${commitTimeKey(transaction)},"oid":${relation.oid}` +
    `,"schema":${schemaName(relation.schema)},"name":${jsonString(relation.table)}` +
    `,"last_value":${safeNumbers && !isExact ? `"${lastValue}"` : lastValue}` +
    `,"is_called":${isCalled},"may_be_ahead":${mayBeAhead}`
  );
}

/** `,"xid":…` */
export function xidKey(transaction: Transaction | null): string {
  return keyStart("xid") + String(transaction?.xid ?? null);
}

/** `,"lost":…`, or nothing. */
export function lostKey(lost: number | undefined): string {
  return lost === undefined ? "" : `,"lost":${lost}`;
}

/** `,"commit_time":…` */
export function timeKey(commitTime: PgTime | null): string {
  return `,"commit_time":${commitTime === null ? "null" : time(commitTime)}`;
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}

function head(message: PgoutputMessage): string {
  const { kind, position, transaction } = message;
  return lineStart(kind) + positionText(position) + xidKey(transaction);
}

function commitKeys(commit: { commitLsn: Lsn; endLsn: Lsn; commitTime: PgTime }): string {
  return (
    lsnKey("commit_lsn", commit.commitLsn) +
    lsnKey("end_lsn", commit.endLsn) +
    timeKey(commit.commitTime)
  );
}

function commitTimeKey(transaction: Transaction | null): string {
  return timeKey(transaction?.commitTime ?? null);
}

function columnObject(column: Column, types: TypeRegistry): string {
  const type = types.nameOf(column.typeOid);
  return (
    `{"name":${jsonString(column.name)},"key":${column.key},"type":${type === undefined ? "null" : jsonString(type)}` +
    `,"type_oid":${column.typeOid},"type_modifier":${column.typeModifier}}`
  );
}

function positionText({ high, low }: WalPosition): string {
  if (high === 0 && low === 0) return "null";
  return `"${high.toString(16).toUpperCase()}/${low.toString(16).toUpperCase()}"`;
}

function lsnKey(key: LsnKey, value: Lsn): string {
  return keyStart(key) + lsn(value);
}

function lsn(value: Lsn): string {
  return `"${formatLsn(value)}"`;
}

let lastTime: PgTime | undefined;
let lastTimeText = "";

/** Keeps the last one: a transaction's time is the same in its begin, its changes and its commit. */
function time(value: PgTime): string {
  if (value !== lastTime) {
    lastTime = value;
    lastTimeText = `"${formatPgTime(value)}"`;
  }
  return lastTimeText;
}
