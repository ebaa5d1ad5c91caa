/** Decoded messages back as what was sent: plain values that no buffer is behind. */
import type { PgoutputMessage, Transaction } from "../../../src/postgres/messages/messages.ts";
import { columnValues, type TupleData } from "../../../src/postgres/messages/tuple.ts";
import type { WireMessage, WireTuple } from "./pgoutput-encoder.ts";

/** Turns messages into what was sent, one after the other: it knows whether a stream block is open. */
export class WireRecorder {
  #streaming: boolean;

  constructor(streaming = false) {
    this.#streaming = streaming;
  }

  /** Copies all that the message views. Unknown messages are not of the wire's kinds. */
  record(message: PgoutputMessage): WireMessage {
    if (message.kind === "begin" || message.kind === "begin_prepare") this.#streaming = false;
    const wire = wireOf(message, (transaction) =>
      this.#streaming ? (transaction?.xid ?? null) : null,
    );
    if (message.kind === "stream_start") this.#streaming = true;
    if (message.kind === "stream_stop") this.#streaming = false;
    return wire;
  }
}

function wireOf(
  m: PgoutputMessage,
  xidOf: (transaction: Transaction | null) => number | null,
): WireMessage {
  const xid = xidOf(m.transaction);
  switch (m.kind) {
    case "begin":
      return {
        kind: m.kind,
        finalLsn: m.finalLsn,
        commitTime: m.commitTime,
        xid: m.transaction?.xid ?? -1,
      };
    case "commit":
      return { kind: m.kind, ...committed(m) };
    case "origin":
      return { kind: m.kind, originLsn: m.originLsn, name: m.name };
    case "relation": {
      const { oid, schema, table, replicaIdentity, columns } = m.relation;
      return { kind: m.kind, oid, schema, table, replicaIdentity, columns, xid };
    }
    case "type":
      return { kind: m.kind, oid: m.oid, schema: m.schema, name: m.name, xid };
    case "insert":
      return { kind: m.kind, oid: m.relation.oid, new: tuple(m.new), xid };
    case "update": {
      const [key, old] = [m.key && tuple(m.key), m.old && tuple(m.old)];
      return { kind: m.kind, oid: m.relation.oid, key, old, new: tuple(m.new), xid };
    }
    case "delete": {
      const [key, old] = [m.key && tuple(m.key), m.old && tuple(m.old)];
      return { kind: m.kind, oid: m.relation.oid, key, old, xid };
    }
    case "truncate": {
      const { cascade, restartIdentity } = m;
      const oids = m.relations.map(({ oid }) => oid);
      return { kind: m.kind, oids, cascade, restartIdentity, xid };
    }
    case "message": {
      const { transactional, messageLsn, prefix } = m;
      // A non-transactional one in a stream block carries an xid of 0, which is no transaction's.
      const content = copy(m.content);
      return { kind: m.kind, transactional, messageLsn, prefix, content, xid };
    }
    case "stream_start":
      return { kind: m.kind, xid: m.transaction.xid, firstSegment: m.firstSegment };
    case "stream_stop":
      return { kind: m.kind };
    case "stream_commit":
      return { kind: m.kind, xid: m.transaction.xid, ...committed(m) };
    case "stream_abort": {
      const { subxid, abortLsn, abortTime } = m;
      return { kind: m.kind, xid: m.transaction.xid, subxid, abortLsn, abortTime };
    }
    case "begin_prepare":
    case "prepare":
    case "stream_prepare": {
      const { kind, prepareLsn, endLsn, prepareTime, gid } = m;
      return { kind, prepareLsn, endLsn, prepareTime, gid, xid: m.transaction.xid };
    }
    case "commit_prepared":
      return { kind: m.kind, xid: m.transaction.xid, gid: m.gid, ...committed(m) };
    case "rollback_prepared": {
      const { kind, prepareEndLsn, rollbackEndLsn, prepareTime, rollbackTime, gid } = m;
      const times = { prepareTime, rollbackTime };
      return { kind, prepareEndLsn, rollbackEndLsn, ...times, gid, xid: m.transaction.xid };
    }
    case "abort":
    case "table_changed":
    case "sequence":
    case "unknown":
      throw new Error(`${m.kind} has no place here`);
  }
}

function committed(m: { commitLsn: bigint; endLsn: bigint; commitTime: bigint }) {
  return { commitLsn: m.commitLsn, endLsn: m.endLsn, commitTime: m.commitTime };
}

function tuple(data: TupleData): WireTuple {
  return Array.from(columnValues(data), (value) =>
    "bytes" in value ? { kind: value.kind, bytes: copy(value.bytes) } : value,
  );
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
