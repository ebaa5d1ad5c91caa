/** The messages of pgoutput that a simulated walsender sends. */
import type { Streaming } from "../../../src/server/settings/pgoutput-options.ts";
import { type WireMessage, encodeMessage, int64 } from "../wire/pgoutput-encoder.ts";
import type { LogRecord, LoggedChange, SimulatedLog } from "./log.ts";

export interface StreamRequest {
  readonly version: number;
  readonly streaming: Streaming;
  readonly twoPhase: boolean;
  readonly messages: boolean;
  /** 0: the slot's position. */
  readonly from: number;
}

/** What depends on sizes, times and other programs: 0 is the usual, numbers below `count` are others. */
export type Choose = (what: "block" | "keepalive" | "abort" | "tie", count: number) => number;

export type Sent =
  | { readonly kind: "keepalive"; readonly walEnd: number }
  | { readonly kind: "message"; readonly at: number; readonly message: WireMessage };

interface Change extends LoggedChange {
  readonly xid: number;
  readonly lsn: number;
  readonly kind: "rows" | "truncate" | "message";
}

interface Prepared {
  readonly prepareLsn: bigint;
  readonly endLsn: bigint;
  readonly prepareTime: bigint;
}

/** ReorderBufferTXN. */
export interface Transaction {
  readonly xid: number;
  readonly first: number;
  /** In the order of the log, those of its subtransactions too. */
  changes: Change[];
  /** base_snapshot: it has something to decode. */
  decodable: boolean;
  streamed: boolean;
  /** xid → whether changes of it were streamed. */
  readonly subtransactions: Map<number, boolean>;
  /** Found to be rolled back while it was streamed: later changes are not kept. */
  readonly aborted: Set<number>;
  prepared: Prepared | undefined;
  announced: boolean;
}

const OID = 16_384;

/** reorderbuffer.c's iteration over changes and pgoutput.c: turns transactions into messages. */
export class SimulatedPgoutput {
  readonly #log: SimulatedLog;
  /** What the server has written by now ends there. */
  readonly #now: number;
  readonly #request: StreamRequest;
  readonly #choose: Choose;
  /** The session knows the relation. */
  #announced = false;

  constructor(log: SimulatedLog, now: number, request: StreamRequest, choose: Choose) {
    this.#log = log;
    this.#now = now;
    this.#request = request;
    this.#choose = choose;
  }

  /** Whether the transaction or subtransaction is rolled back by now, wherever the log is being read. */
  isDead(xid: number): boolean {
    return (this.#log.deaths.get(xid) ?? Infinity) <= this.#now;
  }

  /** ReorderBufferStreamTXN. */
  *block(transaction: Transaction): Generator<Sent> {
    const { changes, xid, subtransactions } = transaction;
    const [first, last] = [changes[0], changes.at(-1)];
    if (first === undefined || last === undefined) return;
    const start = { kind: "stream_start", xid, firstSegment: !transaction.streamed } as const;
    const origin = !transaction.streamed && this.#log.ofOrigin.has(xid);
    yield* opening(first.lsn, start, origin);
    yield* this.#changes(transaction, true);
    yield sent(last.lsn, { kind: "stream_stop" });
    // ReorderBufferMaybeMarkTXNStreamed and ReorderBufferTruncateTXN.
    transaction.streamed = true;
    for (const change of changes) if (change.xid !== xid) subtransactions.set(change.xid, true);
    transaction.changes = [];
  }

  /** ReorderBufferReplay. `lazy`: without a published change nothing is sent. */
  *replay(
    transaction: Transaction,
    ends: {
      readonly begin: WireMessage;
      readonly end: WireMessage;
      readonly streamedEnd: WireMessage;
      readonly endLsn: number;
      readonly lazy: boolean;
    },
  ): Generator<Sent> {
    const { begin, end, streamedEnd, endLsn, lazy } = ends;
    const { xid, first } = transaction;
    if (transaction.streamed) {
      yield* this.block(transaction);
      // cleanup_rel_sync_cache: the session knows then what the transaction has announced.
      this.#announced ||= transaction.announced;
      yield sent(endLsn, streamedEnd);
    } else if (transaction.decodable) {
      const origin = this.#log.ofOrigin.has(xid);
      let begun = !lazy;
      if (begun) yield* opening(first, begin, origin);
      for (const change of this.#changes(transaction, false)) {
        // pgoutput_send_begin (pgoutput/pgoutput.c).
        if (!begun) yield* opening(first, begin, origin);
        begun = true;
        yield change;
      }
      if (begun) yield sent(endLsn, end);
    }
    transaction.changes = [];
  }

  /** ReorderBufferProcessTXN. It ends early if it notices that a transaction has been rolled back meanwhile. */
  *#changes(transaction: Transaction, streaming: boolean): Generator<Sent> {
    for (const change of this.#merged(transaction.changes)) {
      const { xid, lsn, id, published } = change;
      const preliminary = streaming || transaction.prepared !== undefined;
      if (preliminary && this.isDead(xid) && this.#choose("abort", 2) === 1) {
        transaction.aborted.add(xid);
        return;
      }
      if (!published) continue;
      const own = streaming ? xid : null;
      if (change.kind === "message") {
        yield messageOf(lsn, id, own, true);
        continue;
      }
      if (change.kind === "truncate") {
        // Its line shows only its tables: each has one of its own.
        const oid = OID + Number(id);
        yield relation(oid, id, own);
        const options = { cascade: false, restartIdentity: false };
        yield sent(lsn, { kind: "truncate", oids: [oid], ...options, xid: own });
        continue;
      }
      // maybe_send_schema: once in a session, and once in each streamed transaction.
      if (!(streaming ? transaction.announced : this.#announced)) yield relation(OID, "t", own);
      if (streaming) transaction.announced = true;
      else this.#announced = true;
      const value = { kind: "text", bytes: Buffer.from(id) } as const;
      yield sent(lsn, { kind: "insert", oid: OID, new: [value], xid: own });
    }
  }

  /**
   * ReorderBufferIterTXNNext: by position. A message has that of the next record, so that changes of another
   * subtransaction may come before it. Seen on 15 and 18: whole, the row came first; in two blocks, the message.
   */
  #merged(changes: readonly Change[]): readonly Change[] {
    const isTied = ({ kind, lsn, xid }: Change): boolean =>
      kind === "message" && changes.some((other) => other.lsn === lsn && other.xid !== xid);
    const late = new Set(
      changes.filter((change) => isTied(change) && this.#choose("tie", 2) === 1),
    );
    const order = (change: Change): number => (late.has(change) ? 1 : 0);
    return changes.toSorted((one, other) => one.lsn - other.lsn || order(one) - order(other));
  }

  /** pgoutput_stream_abort. */
  streamAbort(transaction: Transaction, subxid: number, at: number, time: bigint): Sent {
    transaction.announced = false;
    const long = this.#request.streaming === "parallel";
    const [abortLsn, abortTime] = long ? [BigInt(at), time] : [null, null];
    return sent(at, { kind: "stream_abort", xid: transaction.xid, subxid, abortLsn, abortTime });
  }
}

/** ReorderBufferQueueMessage. */
export function messageOf(
  lsn: number,
  prefix: string,
  xid: number | null,
  transactional: boolean,
): Sent {
  const content = new Uint8Array();
  const messageLsn = BigInt(lsn);
  return sent(lsn, { kind: "message", transactional, messageLsn, prefix, content, xid });
}

export function prepareOf(
  { xid, prepared }: Transaction,
  kind: "begin_prepare" | "prepare" | "stream_prepare",
  gid: string,
): WireMessage {
  if (prepared === undefined) throw new Error(`${xid} is not prepared`);
  return { kind, ...prepared, xid, gid };
}

export function sent(at: number, message: WireMessage): Sent {
  return { kind: "message", at, message };
}

/** send_repl_origin: the message before Origin has no position (WalSndPrepareWrite in walsender.c). */
function* opening(at: number, message: WireMessage, origin: boolean): Generator<Sent> {
  yield sent(origin ? 0 : at, message);
  if (origin) yield sent(at, { kind: "origin", originLsn: 0n, name: "o" });
}

/** send_relation_and_attrs: without a position. */
function relation(oid: number, table: string, xid: number | null): Sent {
  const columns = [{ name: "id", key: true, typeOid: 25, typeModifier: -1 }];
  const replicaIdentity = "default";
  return sent(0, { kind: "relation", oid, schema: "public", table, replicaIdentity, columns, xid });
}

export function committedBy(record: LogRecord): {
  commitLsn: bigint;
  endLsn: bigint;
  commitTime: bigint;
} {
  return {
    commitLsn: BigInt(record.start),
    endLsn: BigInt(record.end),
    commitTime: record.time,
  };
}

/** The CopyData payload: XLogData or a keepalive. */
export function payloadOf(each: Sent): Uint8Array {
  const time = int64(0n);
  if (each.kind === "keepalive")
    return Buffer.concat([Buffer.from("k"), int64(BigInt(each.walEnd)), time, Uint8Array.of(0)]);
  const position = int64(BigInt(each.at));
  return Buffer.concat([Buffer.from("w"), position, position, time, encodeMessage(each.message)]);
}
