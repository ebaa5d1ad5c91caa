/**
 * What a walsender with pgoutput sends of a simulated log. Its rules are those of PostgreSQL's source, in
 * src/backend/replication: each is named by its function and, once, its file. It is not PostgreSQL's code.
 */
import type { Streaming } from "../../../src/server/settings/pgoutput-options.ts";
import { type WireMessage, encodeMessage, int64 } from "./pgoutput-encoder.ts";
import type { LogRecord, LoggedChange, SimulatedLog } from "./simulated-log.ts";

/** What the server keeps of the slot (slot.c). */
export interface SimulatedSlot {
  confirmed: number;
  /** Decoding begins there: before the first record of each transaction that is alive at `confirmed`. */
  restart: number;
  twoPhase: boolean;
  twoPhaseAt: number;
}

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
interface Transaction {
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

export const OID = 16_384;

export class SimulatedWalsender {
  readonly #log: SimulatedLog;
  /** What the server has written by now ends there. */
  readonly #now: number;
  readonly #slot: SimulatedSlot;
  readonly #request: StreamRequest;
  readonly #choose: Choose;
  /** start_decoding_at. */
  readonly #start: number;
  /** Ordered by first records (toplevel_by_lsn). */
  readonly #transactions = new Map<number, Transaction>();
  /** The end of the last record that was processed. */
  #sentPtr: number;
  #announced = false;

  constructor(
    log: SimulatedLog,
    now: number,
    slot: SimulatedSlot,
    request: StreamRequest,
    choose: Choose,
  ) {
    this.#log = log;
    this.#now = now;
    this.#slot = slot;
    this.#request = request;
    this.#choose = choose;
    // CreateDecodingContext (logical/logical.c): a position before the slot's is forwarded.
    this.#start = Math.max(request.from, slot.confirmed);
    if (request.twoPhase && !slot.twoPhase) {
      slot.twoPhase = true;
      slot.twoPhaseAt = this.#start;
    }
    this.#sentPtr = slot.confirmed;
  }

  *send(): Generator<Sent> {
    yield* this.#keepalive();
    for (const record of this.#log.records) {
      if (record.start < this.#slot.restart) continue;
      if (record.end > this.#now) break;
      for (const sent of this.#process(record)) {
        yield sent;
        yield* this.#keepalive();
      }
      // XLogSendLogical (walsender.c).
      this.#sentPtr = record.end;
      yield* this.#keepalive();
    }
    yield { kind: "keepalive", walEnd: this.#sentPtr };
  }

  *#keepalive(): Generator<Sent> {
    if (this.#choose("keepalive", 4) === 1) yield { kind: "keepalive", walEnd: this.#sentPtr };
  }

  /** SnapBuildXactNeedsSkip (snapbuild.c). */
  #needsSkip({ start }: LogRecord): boolean {
    return start < this.#start;
  }

  /** LogicalDecodingProcessRecord and what it calls (decode.c). */
  *#process(record: LogRecord): Generator<Sent> {
    switch (record.kind) {
      case "rows":
      case "truncate":
      case "message":
        return yield* this.#queue(record);
      case "lock":
        return void this.#touch(record);
      case "outside":
        if (!this.#request.messages || this.#needsSkip(record)) return;
        return yield this.#message(record.end, record.end, record.id, null, false);
      case "commit":
        return yield* this.#commit(record);
      case "abort":
        for (const xid of [...record.subxids, record.xid])
          yield* this.#abort(record, xid, record.top);
        return;
      case "prepare":
        return yield* this.#prepare(record);
      case "commit_prepared":
        return yield* this.#slot.twoPhase ? this.#commitPrepared(record) : this.#commit(record);
      case "rollback_prepared":
        return yield* this.#rollbackPrepared(record);
      case "running":
        return yield* this.#abortOld(record.oldestXid);
      case "crash":
      case "other":
    }
  }

  /** ReorderBufferTXNByXid and ReorderBufferAssignChild (reorderbuffer.c). */
  #touch({ start, xid, top }: LogRecord & { xid: number; top: number }): Transaction {
    let transaction = this.#transactions.get(top);
    if (transaction === undefined) {
      transaction = {
        ...{ xid: top, first: start, changes: [], decodable: false, streamed: false },
        ...{
          subtransactions: new Map(),
          aborted: new Set(),
          prepared: undefined,
          announced: false,
        },
      };
      this.#transactions.set(top, transaction);
    }
    const { subtransactions } = transaction;
    if (xid !== top && !subtransactions.has(xid)) subtransactions.set(xid, false);
    return transaction;
  }

  /** ReorderBufferQueueChange. A message's position is the end of its record (logicalmsg_decode). */
  *#queue(record: Extract<LogRecord, { changes: unknown }>): Generator<Sent> {
    const transaction = this.#touch(record);
    transaction.decodable = true;
    const { kind, xid } = record;
    const lsn = kind === "message" ? record.end : record.start;
    for (const { id, published } of record.changes) {
      if (transaction.aborted.has(xid)) continue;
      const sent = published && (kind !== "message" || this.#request.messages);
      transaction.changes.push({ id, published: sent, xid, lsn, kind });
      yield* this.#checkMemoryLimit(record);
    }
  }

  /**
   * ReorderBufferCheckMemoryLimit: the largest transaction is streamed, which may be any, a prepared one too whose
   * prepare was skipped. ReorderBufferCanStartStreaming: not while records are read that come before the start.
   */
  *#checkMemoryLimit(record: LogRecord): Generator<Sent> {
    if (this.#request.streaming === "off" || this.#needsSkip(record)) return;
    for (;;) {
      const large = [...this.#transactions.values()].filter(
        ({ changes, aborted, xid }) => changes.length > 0 && !aborted.has(xid),
      );
      const choice = this.#choose("block", large.length + 1);
      const transaction = large.at(-choice);
      if (choice === 0 || transaction === undefined) return;
      // ReorderBufferCheckAndTruncateAbortedTXN.
      if (this.#request.version >= 18 && this.#isDead(transaction.xid)) {
        transaction.aborted.add(transaction.xid);
        transaction.changes = [];
      } else yield* this.#block(transaction);
    }
  }

  #isDead(xid: number): boolean {
    return (this.#log.deaths.get(xid) ?? Infinity) <= this.#now;
  }

  /** ReorderBufferStreamTXN. */
  *#block(transaction: Transaction): Generator<Sent> {
    const { changes, xid, subtransactions } = transaction;
    const [first, last] = [changes[0], changes.at(-1)];
    if (first === undefined || last === undefined) return;
    const start = { kind: "stream_start", xid, firstSegment: !transaction.streamed } as const;
    const origin = !transaction.streamed && this.#log.ofOrigin.has(xid);
    yield* this.#opening(first.lsn, start, origin);
    yield* this.#changes(transaction, true);
    yield sent(last.lsn, { kind: "stream_stop" });
    // ReorderBufferMaybeMarkTXNStreamed and ReorderBufferTruncateTXN.
    transaction.streamed = true;
    for (const change of changes) if (change.xid !== xid) subtransactions.set(change.xid, true);
    transaction.changes = [];
  }

  /** ReorderBufferProcessTXN. It ends early if it notices that a transaction has been rolled back meanwhile. */
  *#changes(
    transaction: Transaction,
    streaming: boolean,
    before?: () => Generator<Sent>,
  ): Generator<Sent> {
    let begin = before;
    for (const change of this.#merged(transaction.changes)) {
      const { xid, lsn, id, published } = change;
      const preliminary = streaming || transaction.prepared !== undefined;
      if (preliminary && this.#isDead(xid) && this.#choose("abort", 2) === 1) {
        transaction.aborted.add(xid);
        return;
      }
      if (!published) continue;
      // pgoutput_send_begin (pgoutput/pgoutput.c).
      if (begin !== undefined) yield* begin();
      begin = undefined;
      const own = streaming ? xid : null;
      if (change.kind === "message") {
        yield this.#message(lsn, lsn, id, own, true);
        continue;
      }
      // maybe_send_schema: once in a session, and once in each streamed transaction.
      if (!(streaming ? transaction.announced : this.#announced)) yield relation(own);
      if (streaming) transaction.announced = true;
      else this.#announced = true;
      yield sent(
        lsn,
        change.kind === "rows"
          ? { kind: "insert", oid: OID, new: [{ kind: "text", bytes: Buffer.from(id) }], xid: own }
          : { kind: "truncate", oids: [OID], cascade: false, restartIdentity: false, xid: own },
      );
    }
  }

  /**
   * ReorderBufferIterTXNNext: by position. A message has that of the next record, so that a change of another
   * subtransaction may come before it. Seen on 15 and 18: whole, the row came first; in two blocks, the message.
   */
  #merged(changes: readonly Change[]): readonly Change[] {
    const merged = [...changes];
    for (const [index, change] of changes.entries()) {
      const next = changes[index + 1];
      const tied = next?.lsn === change.lsn && next.xid !== change.xid;
      if (tied && this.#choose("tie", 2) === 1) merged.splice(index, 2, next, change);
    }
    return merged;
  }

  #message(at: number, lsn: number, id: string, xid: number | null, transactional: boolean): Sent {
    const messageLsn = BigInt(lsn);
    return sent(at, {
      kind: "message",
      transactional,
      messageLsn,
      prefix: id,
      content: new Uint8Array(),
      xid,
    });
  }

  /** send_repl_origin: the message before Origin has no position (WalSndPrepareWrite). */
  *#opening(at: number, message: WireMessage, origin: boolean): Generator<Sent> {
    yield sent(origin ? 0 : at, message);
    if (origin) yield sent(at, { kind: "origin", originLsn: 0n, name: "o" });
  }

  /** DecodeCommit and ReorderBufferCommit. */
  *#commit(record: LogRecord & { xid: number }): Generator<Sent> {
    const transaction = this.#transactions.get(record.xid);
    this.#transactions.delete(record.xid);
    if (transaction === undefined || this.#needsSkip(record)) return;
    const { xid, first } = transaction;
    const committed = committedBy(record);
    if (transaction.streamed) {
      yield* this.#block(transaction);
      // cleanup_rel_sync_cache: the session knows then what the transaction has announced.
      this.#announced ||= transaction.announced;
      return yield sent(record.end, { kind: "stream_commit", xid, ...committed });
    }
    if (!transaction.decodable) return;
    let begun = false;
    const opening = this.#opening(
      first,
      { kind: "begin", finalLsn: BigInt(record.start), commitTime: committed.commitTime, xid },
      this.#log.ofOrigin.has(xid),
    );
    const begin = function* (): Generator<Sent> {
      begun = true;
      yield* opening;
    };
    // pgoutput_begin_txn: 14 sends transactions without published changes too.
    if (this.#request.version < 15) yield* begin();
    yield* this.#changes(transaction, false, begun ? undefined : begin);
    if (begun) yield sent(record.end, { kind: "commit", ...committed });
  }

  /** ReorderBufferAbort: the client has to know of what was streamed to it. */
  *#abort(record: LogRecord, xid: number, top: number): Generator<Sent> {
    const transaction = this.#transactions.get(top);
    if (transaction === undefined) return;
    const { subtransactions } = transaction;
    const streamed = xid === top ? transaction.streamed : subtransactions.get(xid) === true;
    if (streamed) yield this.#streamAbort(transaction, xid, record.end, timeOf(record));
    transaction.changes = transaction.changes.filter((change) => change.xid !== xid);
    subtransactions.delete(xid);
    if (xid === top) this.#transactions.delete(top);
  }

  /** pgoutput_stream_abort. */
  #streamAbort(transaction: Transaction, subxid: number, at: number, time: bigint): Sent {
    transaction.announced = false;
    const long = this.#request.streaming === "parallel";
    const [abortLsn, abortTime] = long ? [BigInt(at), time] : [null, null];
    return sent(at, { kind: "stream_abort", xid: transaction.xid, subxid, abortLsn, abortTime });
  }

  /** ReorderBufferAbortOld: the first one that may still run ends the search. */
  *#abortOld(oldestXid: number): Generator<Sent> {
    for (const transaction of this.#transactions.values()) {
      if (transaction.xid >= oldestXid) return;
      if (transaction.streamed) yield this.#streamAbort(transaction, transaction.xid, 0, 0n);
      this.#transactions.delete(transaction.xid);
    }
  }

  /** DecodePrepare. Without two_phase it is nothing (FilterPrepare). */
  *#prepare(record: LogRecord & { xid: number; gid: string }): Generator<Sent> {
    const transaction = this.#transactions.get(record.xid);
    if (!this.#slot.twoPhase || transaction === undefined) return;
    const [prepareLsn, endLsn] = [BigInt(record.start), BigInt(record.end)];
    transaction.prepared = { prepareLsn, endLsn, prepareTime: timeOf(record) };
    // ReorderBufferSkipPrepare: the changes stay.
    if (this.#needsSkip(record)) return;
    yield* this.#replayPrepared(transaction, record.gid);
    // ReorderBufferPrepare: 18 sends Prepare alone for what has nothing to decode.
    if (!transaction.decodable && this.#request.version >= 18)
      yield this.#prepareMessage("prepare", transaction, record.gid);
  }

  #prepareMessage(
    kind: "begin_prepare" | "prepare" | "stream_prepare",
    { xid, prepared }: Transaction,
    gid: string,
  ): Sent {
    if (prepared === undefined) throw new Error(`${xid} is not prepared`);
    return sent(Number(prepared.endLsn), { kind, ...prepared, xid, gid });
  }

  /** ReorderBufferReplay. */
  *#replayPrepared(transaction: Transaction, gid: string): Generator<Sent> {
    if (transaction.streamed) {
      yield* this.#block(transaction);
      yield this.#prepareMessage("stream_prepare", transaction, gid);
    } else if (transaction.decodable) {
      const begin = this.#prepareMessage("begin_prepare", transaction, gid);
      if (begin.kind !== "message") return;
      yield* this.#opening(
        transaction.first,
        begin.message,
        this.#log.ofOrigin.has(transaction.xid),
      );
      yield* this.#changes(transaction, false);
      yield this.#prepareMessage("prepare", transaction, gid);
    }
    transaction.changes = [];
  }

  /** DecodeCommit and ReorderBufferFinishPrepared: what was prepared before two_phase_at is sent only now. */
  *#commitPrepared(record: LogRecord & { xid: number; gid: string }): Generator<Sent> {
    const transaction = this.#transactions.get(record.xid);
    this.#transactions.delete(record.xid);
    if (transaction?.prepared === undefined || this.#needsSkip(record)) return;
    if (transaction.prepared.prepareLsn < this.#slot.twoPhaseAt)
      yield* this.#replayPrepared(transaction, record.gid);
    const { xid, gid } = record;
    yield sent(record.end, { kind: "commit_prepared", xid, gid, ...committedBy(record) });
  }

  /** DecodeAbort: Rollback Prepared comes for what was never sent, too. */
  *#rollbackPrepared(record: Extract<LogRecord, { kind: "rollback_prepared" }>): Generator<Sent> {
    const { xid, gid, subxids, end } = record;
    const transaction = this.#transactions.get(xid);
    if (!this.#slot.twoPhase || this.#needsSkip(record)) {
      for (const each of [...subxids, xid]) yield* this.#abort(record, each, xid);
      return;
    }
    this.#transactions.delete(xid);
    if (transaction?.prepared === undefined) return;
    const { endLsn: prepareEndLsn, prepareTime } = transaction.prepared;
    const times = { prepareTime, rollbackTime: timeOf(record) };
    const rollbackEndLsn = BigInt(end);
    yield sent(end, {
      kind: "rollback_prepared",
      prepareEndLsn,
      rollbackEndLsn,
      ...times,
      xid,
      gid,
    });
  }
}

function sent(at: number, message: WireMessage): Sent {
  return { kind: "message", at, message };
}

/** send_relation_and_attrs: without a position. */
function relation(xid: number | null): Sent {
  const columns = [{ name: "id", key: true, typeOid: 25, typeModifier: -1 }];
  const table = { schema: "public", table: "t", replicaIdentity: "default", columns } as const;
  return sent(0, { kind: "relation", oid: OID, ...table, xid });
}

function committedBy(record: LogRecord): { commitLsn: bigint; endLsn: bigint; commitTime: bigint } {
  return {
    commitLsn: BigInt(record.start),
    endLsn: BigInt(record.end),
    commitTime: timeOf(record),
  };
}

/** Each record has a millisecond of its own. */
function timeOf({ start }: LogRecord): bigint {
  return BigInt(start) * 1000n;
}

/** The CopyData payload: XLogData or a keepalive. */
export function payloadOf(sent: Sent): Uint8Array {
  const time = int64(0n);
  if (sent.kind === "keepalive")
    return Buffer.concat([Buffer.from("k"), int64(BigInt(sent.walEnd)), time, Uint8Array.of(0)]);
  const position = int64(BigInt(sent.at));
  return Buffer.concat([Buffer.from("w"), position, position, time, encodeMessage(sent.message)]);
}
