/**
 * What a walsender with pgoutput sends of a simulated log. Its rules are those of PostgreSQL's source, in
 * src/backend/replication: each is named by its function and, once, its file. It is not PostgreSQL's code.
 */
import type { LogRecord, SimulatedLog } from "./log.ts";
import {
  type Choose,
  type Sent,
  SimulatedPgoutput,
  type StreamRequest,
  type Transaction,
  committedBy,
  messageOf,
  prepareOf,
  sent,
} from "./pgoutput.ts";

/** What the server keeps of the slot (slot.c). */
export interface SimulatedSlot {
  confirmed: number;
  /** Decoding begins there: before the first record of each transaction that is alive at `confirmed`. */
  restart: number;
  twoPhase: boolean;
  twoPhaseAt: number;
  /** Transactions whose PREPARE is before two_phase_at and was sent all the same: the stream began before it. */
  readonly sentEarly: Set<number>;
}

export class SimulatedWalsender {
  readonly #log: SimulatedLog;
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
  readonly #output: SimulatedPgoutput;

  /** @param now the end of what the server has written */
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
    this.#output = new SimulatedPgoutput(log, now, request, choose);
    // CreateDecodingContext (logical/logical.c): a position before the slot's is forwarded.
    this.#start = Math.max(request.from, slot.confirmed);
    if (request.twoPhase && !slot.twoPhase) {
      slot.twoPhase = true;
      slot.twoPhaseAt = this.#start;
    }
    this.#sentPtr = slot.confirmed;
  }

  *send(): Generator<Sent> {
    // The slot moves meanwhile; this session reads on from where it began.
    const { restart } = this.#slot;
    yield* this.#keepalive();
    for (const record of this.#log.records) {
      if (record.start < restart) continue;
      if (record.end > this.#now) break;
      for (const each of this.#process(record)) {
        yield each;
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
        return yield messageOf(record.end, record.id, null, false);
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
        xid: top,
        first: start,
        changes: [],
        decodable: false,
        streamed: false,
        subtransactions: new Map(),
        aborted: new Set(),
        prepared: undefined,
        announced: false,
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
      const wanted = published && (kind !== "message" || this.#request.messages);
      transaction.changes.push({ id, published: wanted, xid, lsn, kind });
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
      if (this.#request.version >= 18 && this.#output.isDead(transaction.xid)) {
        transaction.aborted.add(transaction.xid);
        transaction.changes = [];
      } else yield* this.#output.block(transaction);
    }
  }

  /** DecodeCommit and ReorderBufferCommit. */
  *#commit(record: LogRecord & { xid: number }): Generator<Sent> {
    const { xid, start, end, time: commitTime } = record;
    const transaction = this.#transactions.get(xid);
    this.#transactions.delete(xid);
    if (transaction === undefined || this.#needsSkip(record)) return;
    const committed = committedBy(record);
    yield* this.#output.replay(transaction, {
      begin: { kind: "begin", finalLsn: BigInt(start), commitTime, xid },
      end: { kind: "commit", ...committed },
      streamedEnd: { kind: "stream_commit", xid, ...committed },
      endLsn: end,
      // pgoutput_begin_txn: 14 sends transactions without published changes too.
      lazy: this.#request.version >= 15,
    });
  }

  /** ReorderBufferAbort: the client has to know of what was streamed to it. */
  *#abort(record: LogRecord, xid: number, top: number): Generator<Sent> {
    const transaction = this.#transactions.get(top);
    if (transaction === undefined) return;
    const { subtransactions } = transaction;
    const streamed = xid === top ? transaction.streamed : subtransactions.get(xid) === true;
    if (streamed) yield this.#output.streamAbort(transaction, xid, record.end, record.time);
    transaction.changes = transaction.changes.filter((change) => change.xid !== xid);
    subtransactions.delete(xid);
    if (xid === top) this.#transactions.delete(top);
  }

  /** ReorderBufferAbortOld: the first one that may still run ends the search. */
  *#abortOld(oldestXid: number): Generator<Sent> {
    for (const transaction of this.#transactions.values()) {
      if (transaction.xid >= oldestXid) return;
      if (transaction.streamed) yield this.#output.streamAbort(transaction, transaction.xid, 0, 0n);
      this.#transactions.delete(transaction.xid);
    }
  }

  /** DecodePrepare. Without two_phase it is nothing (FilterPrepare). */
  *#prepare(record: LogRecord & { xid: number; gid: string }): Generator<Sent> {
    const transaction = this.#transactions.get(record.xid);
    if (!this.#slot.twoPhase || transaction === undefined) return;
    const [prepareLsn, endLsn] = [BigInt(record.start), BigInt(record.end)];
    transaction.prepared = { prepareLsn, endLsn, prepareTime: record.time };
    // ReorderBufferSkipPrepare: the changes stay.
    if (this.#needsSkip(record)) return;
    if (record.start < this.#slot.twoPhaseAt) this.#slot.sentEarly.add(record.xid);
    yield* this.#replayPrepared(transaction, record.gid);
    // ReorderBufferPrepare: 18 sends Prepare alone for what has nothing to decode. Seen.
    if (!transaction.decodable && this.#request.version >= 18)
      yield sent(record.end, prepareOf(transaction, "prepare", record.gid));
  }

  *#replayPrepared(transaction: Transaction, gid: string): Generator<Sent> {
    yield* this.#output.replay(transaction, {
      begin: prepareOf(transaction, "begin_prepare", gid),
      end: prepareOf(transaction, "prepare", gid),
      streamedEnd: prepareOf(transaction, "stream_prepare", gid),
      endLsn: Number(transaction.prepared?.endLsn),
      lazy: false,
    });
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
    const times = { prepareTime, rollbackTime: record.time };
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
