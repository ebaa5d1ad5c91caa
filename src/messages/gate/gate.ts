import type { Boundary } from "../../postgres/messages/boundary.ts";
import type { Begin, PgoutputMessage, Transaction } from "../../postgres/messages/messages.ts";
import { type PgTime, formatPgTime } from "../../pg-time.ts";
import { parseUint32 } from "../../program/options.ts";
import type { Warning } from "../../program/reporter.ts";
import { type TimeFlags, timeRange } from "../../program/times.ts";

/** Which transactions are printed as a whole. */
export interface GateOptions {
  /** --since: none that committed before it. */
  readonly since: PgTime | undefined;
  /** --until: nothing from the first one on that committed after it. */
  readonly until: PgTime | undefined;
  /** --no-empty: none of which nothing else is printed than its beginning and its end. */
  readonly noEmpty: boolean;
  /** --xid: no others. */
  readonly xids: AskedXids | undefined;
  /** With --since or --until. */
  readonly times?: AskedTimes | undefined;
  /** What --since and --until were taken for, where that has to be said. */
  readonly taken?: string | undefined;
}

/** Whether something committed in the time that --since and --until give, in all captures of a run. */
export class AskedTimes {
  readonly #since: PgTime | undefined;
  readonly #until: PgTime | undefined;
  #first: PgTime | undefined;
  #last: PgTime | undefined;
  #isMet = false;

  constructor(since: PgTime | undefined, until: PgTime | undefined) {
    this.#since = since;
    this.#until = until;
  }

  /** Call it with every boundary of a stream or capture. */
  note({ fate, closes, time }: Boundary): void {
    if (fate === "commit" && !closes && time !== null) this.committed(time);
  }

  committed(time: PgTime): void {
    if (this.#first === undefined || time < this.#first) this.#first = time;
    if (this.#last === undefined || time > this.#last) this.#last = time;
    this.#isMet ||= time >= (this.#since ?? time) && time <= (this.#until ?? time);
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /** Known at the end. */
  warnings(): readonly Warning[] {
    if (this.#isMet || this.#first === undefined || this.#last === undefined) return [];
    const message = "no transaction committed in the time that --since and --until give";
    const detail = `What was read committed from ${formatPgTime(this.#first)} to ${formatPgTime(this.#last)}.`;
    return [
      { message, detail, hint: "A TIME without a zone is UTC, with --time local that of TZ." },
    ];
  }
}

/** The xids given to --xid, and which of them came, in all captures of a run. */
export class AskedXids {
  readonly #xids: ReadonlySet<number>;
  readonly #unmet: Set<number>;

  constructor(xids: readonly number[]) {
    this.#xids = new Set(xids);
    this.#unmet = new Set(xids);
  }

  has(xid: number): boolean {
    if (!this.#xids.has(xid)) return false;
    if (this.#unmet.size > 0) this.#unmet.delete(xid);
    return true;
  }

  /** Known at the end. */
  warnings(why: (xid: number) => Warning = nothingFound): readonly Warning[] {
    return [...this.#unmet].map(why);
  }
}

function nothingFound(xid: number): Warning {
  return {
    message: `nothing of transaction ${xid} was found (--xid)`,
    hint: "It may have changed no published table. A subtransaction (SAVEPOINT) has an xid of its own: give that of the whole transaction.",
  };
}

/** The flags as commander passes them. */
export interface GateFlags extends TimeFlags {
  readonly xid?: readonly string[];
  /** False: --no-empty. */
  readonly empty?: boolean;
  /** Of a transaction that does not concern the row nothing is printed. */
  readonly row?: readonly string[];
}

/** @throws WalctlError, a usage error */
export function gateOptions(flags: GateFlags): GateOptions {
  const { xid, empty, row } = flags;
  const { taken, ...times } = timeRange(flags);
  const xids = xid && new AskedXids(xid.map((text) => parseUint32("--xid", text)));
  const hasTimes = times.since !== undefined || times.until !== undefined;
  const asked = hasTimes ? new AskedTimes(times.since, times.until) : undefined;
  return { ...times, taken, times: asked, xids, noEmpty: empty === false || row !== undefined };
}

type Accepts = (message: PgoutputMessage) => boolean;

/** Damaged input may hold any number of beginnings without an end. */
const EMPTY_MAX = 100_000;

/**
 * Leaves out whole transactions: their beginning waits for the first message that is printed. A transaction that is sent
 * before it has committed has no commit time, so that `since` lets it pass.
 */
export class TransactionGate {
  readonly #options: GateOptions;
  /** Inside of a transaction, or block, of which nothing has been printed yet. */
  #empty = false;
  /** What begins it, and descriptions of its tables, when they are to be printed. */
  #opening: readonly PgoutputMessage[] = [];
  #xid = 0;
  /** Of the last message that had one. */
  #within: Transaction | null = null;
  /** The transaction of the open stream block: inside of it, messages have the xid of their subtransaction. */
  #block: number | undefined;
  /** Nothing has been printed of the transaction as a whole either. */
  #first = false;
  #leftOut = false;
  /** The first transaction that `since` lets pass has come, or there is no `since`. */
  #begun: boolean;
  /** Streamed and prepared transactions of which nothing has been printed, by xid. */
  readonly #emptied = new Set<number>();
  #ended = false;
  #uncommitted = false;

  private constructor(options: GateOptions) {
    this.#options = options;
    this.#begun = options.since === undefined;
  }

  /** Undefined: every transaction passes. */
  static of(options: GateOptions): TransactionGate | undefined {
    const { since, until, noEmpty, xids } = options;
    const open = since === undefined && until === undefined && xids === undefined && !noEmpty;
    return open ? undefined : new TransactionGate(options);
  }

  /** It leaves out descriptions of tables of which later transactions may have rows. */
  get noEmpty(): boolean {
    return this.#options.noEmpty;
  }

  /** All that --until asks for has come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** `since` has let pass a transaction whose commit time was not known. */
  get uncommitted(): boolean {
    return this.#uncommitted;
  }

  /** Something damaged was passed over: what is open is not known. */
  skipped(): void {
    this.#block = undefined;
    this.#close();
  }

  /**
   * What is to be printed, now that this message has come.
   * @param boundary what boundaryOf() says of it
   */
  admit(
    message: PgoutputMessage,
    boundary: Boundary | undefined,
    accepts: Accepts,
  ): readonly PgoutputMessage[] {
    const { transaction } = message;
    if (boundary !== undefined) this.#noteTime(boundary);
    else if (transaction !== null && transaction !== this.#within) this.#enter(transaction);
    if (this.#ended || !this.#isWanted(message)) return [];
    if (message.kind === "begin") return this.#begin(message, accepts);
    if (boundary?.opens !== undefined) {
      this.#close();
      this.#uncommitted ||= this.#options.since !== undefined;
      return this.#open(message, accepts);
    }
    if (boundary?.closes === true) return this.#end(message, boundary, accepts);
    if (boundary?.ends === true) {
      const { fate, xid } = boundary;
      // Its COMMIT or ROLLBACK PREPARED is still to come.
      const leftOut = fate === "prepare" ? this.#emptied.has(xid) : this.#emptied.delete(xid);
      return leftOut ? [] : pass(message, accepts);
    }
    if (message.kind === "stream_abort")
      return this.#emptied.has(message.transaction.xid) ? [] : pass(message, accepts);
    return this.#inside(message, accepts);
  }

  #noteTime({ fate, time }: Boundary): void {
    if (fate === undefined || fate === "rollback" || time === null) return;
    this.#ended ||= this.#options.until !== undefined && time > this.#options.until;
  }

  /** The first change of a transaction. Of walctl's lines, --only may have left out the one that begins it. */
  #enter(transaction: Transaction): void {
    const { since, times, until } = this.#options;
    const { commitTime } = transaction;
    this.#within = transaction;
    this.#leftOut = commitTime !== null && commitTime < (since ?? commitTime);
    this.#begun ||= !this.#leftOut;
    if (commitTime === null) return;
    times?.committed(commitTime);
    this.#ended ||= commitTime > (until ?? commitTime);
  }

  #isWanted({ kind, transaction }: PgoutputMessage): boolean {
    const { xids } = this.#options;
    if (xids === undefined) return true;
    if (kind === "stream_start") this.#block = transaction.xid;
    else if (kind === "begin" || kind === "begin_prepare") this.#block = undefined;
    const xid = this.#block ?? transaction?.xid;
    if (kind === "stream_stop") this.#block = undefined;
    return xid !== undefined && xids.has(xid);
  }

  #begin(message: Begin, accepts: Accepts): readonly PgoutputMessage[] {
    this.#close();
    this.#within = message.transaction;
    this.#leftOut = message.commitTime < (this.#options.since ?? message.commitTime);
    this.#begun ||= !this.#leftOut;
    return this.#leftOut ? [] : this.#open(message, accepts);
  }

  #open(message: PgoutputMessage, accepts: Accepts): readonly PgoutputMessage[] {
    if (!this.#options.noEmpty) return pass(message, accepts);
    this.#empty = true;
    this.#xid = message.transaction?.xid ?? 0;
    const isBlock = message.kind === "stream_start";
    this.#first = !isBlock || message.firstSegment || this.#emptied.has(this.#xid);
    // Blocks before it were left out, so that this one is the first to be printed.
    const start = isBlock ? { ...message, firstSegment: this.#first } : message;
    this.#opening = pass(start, accepts);
    return [];
  }

  #inside(message: PgoutputMessage, accepts: Accepts): readonly PgoutputMessage[] {
    const outside = message.transaction === null;
    const isOutsideKind = message.kind === "message" || message.kind === "sequence";
    // It has no time but that of its place in the log.
    if (outside && isOutsideKind && !this.#begun) return [];
    if ((this.#leftOut && !outside) || !accepts(message)) return [];
    if (!this.#empty || outside) return [message];
    const all = [...this.#opening, message];
    if (message.kind === "relation" || message.kind === "type") {
      this.#opening = all;
      return [];
    }
    this.#close();
    this.#emptied.delete(this.#xid);
    return all;
  }

  #end(message: PgoutputMessage, { fate }: Boundary, accepts: Accepts): readonly PgoutputMessage[] {
    // It had changes, which could not be rebuilt.
    if ("lost" in message) {
      const printed = this.#inside(message, accepts);
      this.#close();
      return printed;
    }
    const empty = this.#empty;
    const leftOut = this.#leftOut || empty;
    this.#close();
    if (!leftOut) return pass(message, accepts);
    const goesOn = fate === undefined || fate === "prepare";
    if (empty && goesOn && this.#first && this.#emptied.size < EMPTY_MAX) {
      this.#emptied.add(this.#xid);
    }
    return [];
  }

  #close(): void {
    this.#empty = false;
    this.#opening = [];
    this.#leftOut = false;
  }
}

function pass(message: PgoutputMessage, accepts: Accepts): readonly PgoutputMessage[] {
  return accepts(message) ? [message] : [];
}
