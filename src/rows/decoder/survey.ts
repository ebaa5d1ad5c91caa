import type { PgTime } from "../../pg-time.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { TransactionRecord, endKind } from "../../postgres/records/transaction.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";
import { PairMap } from "../pages/pair-map.ts";
import type { Fate } from "../transactions/fate.ts";
import { type RowOptions, isInRange } from "./row-options.ts";

/** So many microseconds behind --until no transaction is expected that committed before it: clocks of servers are set back by less. */
const MARGIN = 600_000_000n;
/** For more blocks and transactions than this, all are taken. */
const NOTED_MAX = 2_000_000;

export interface SurveyOptions extends Omit<RowOptions, "asked"> {
  /** Records that start behind it are not asked for. */
  readonly endPosition: number;
  /** Called for each commit. */
  readonly committed: (time: PgTime) => void;
}

/** A first pass over the log: which transactions are asked for, where the last of them ends, and which pages they touch. */
export class Survey {
  /** Of transactions in `options.xids`. */
  readonly fates = new Map<number, Fate>();
  /** Where the record of the last end of one starts that is asked for; Infinity if it is not known. */
  lastEnd = 0;
  readonly #options: SurveyOptions;
  readonly #asked: ReadonlySet<number>;
  readonly #record = new TransactionRecord();
  /** Pairs of relfilenode and block, by the transaction that changed them. */
  readonly #changed = new Map<number, number[]>();
  #noted = 0;
  #blocks: PairMap | undefined = new PairMap();
  #xids: Set<number> | undefined = new Set();

  constructor(options: SurveyOptions) {
    this.#options = options;
    this.#asked = new Set(options.xids);
  }

  /** Takes every record, in order. Returns false when it needs no more. */
  note(record: WalRecord, version: WalVersion): boolean {
    if (record.lsn > this.#options.endPosition) return false;
    switch (record.rmgr) {
      case Rmgr.heap:
      case Rmgr.heap2:
        this.#noteBlocks(record);
        return true;
      case Rmgr.transaction:
        return this.#noteEnd(record, version);
      default:
        return true;
    }
  }

  /** Records are missing: what they end is not known, and that they are missing is to be told. */
  skipped(): void {
    this.lastEnd = Infinity;
  }

  hasXid(xid: number): boolean {
    return this.#xids?.has(xid) ?? true;
  }

  touches(relfilenode: number, block: number): boolean {
    return this.#blocks === undefined || this.#blocks.get(relfilenode, block) !== 0;
  }

  #noteBlocks({ blockCount, blocks, xid }: WalRecord): void {
    if (xid === 0 || this.#blocks === undefined) return;
    let pairs = this.#changed.get(xid);
    if (pairs === undefined) this.#changed.set(xid, (pairs = []));
    for (let index = 0; index < blockCount; index++) {
      const { block, database, fork, relfilenode } = blocks[index]!;
      if (fork !== 0 || database !== this.#options.database) continue;
      if (pairs.at(-1) === block && pairs.at(-2) === relfilenode) continue;
      pairs.push(relfilenode, block);
      if (++this.#noted > NOTED_MAX) this.#takeAllBlocks();
    }
  }

  #takeAllBlocks(): void {
    this.#blocks = undefined;
    this.#changed.clear();
  }

  #noteEnd(record: WalRecord, version: WalVersion): boolean {
    const kind = endKind(record);
    const read = kind && unlessShort(() => this.#record.read(record, version));
    if (read === undefined) return true;
    const commits = kind === "commit";
    const { xids, time, originId } = read.end(record);
    const { until, committed } = this.#options;
    const inRange = isInRange(this.#options, { start: record.lsn, time, originId });
    if (commits) committed(time);
    for (const xid of xids) {
      if (!this.#asked.has(xid)) continue;
      const fate = { aborted: !commits, lsn: record.lsn, top: xids[0], wanted: inRange };
      this.fates.set(xid, fate);
    }
    const isAsked = this.#asked.size === 0 || this.#asked.has(xids[0]);
    this.#ended(xids, record.lsn, inRange && isAsked && (commits || this.#options.aborted));
    if (this.#asked.size > 0) return this.fates.size < this.#asked.size;
    // Where nothing was found, what times there are is to be told.
    if (until === undefined || this.lastEnd === 0) return true;
    return !commits || time <= until + MARGIN;
  }

  #ended(xids: readonly number[], lsn: number, isWanted: boolean): void {
    for (const xid of xids) {
      const pairs = this.#changed.get(xid) ?? [];
      this.#changed.delete(xid);
      if (!isWanted) this.#noted -= pairs.length / 2;
      else {
        this.#xids?.add(xid);
        for (let at = 0; at < pairs.length; at += 2) {
          this.#blocks?.set(pairs[at]!, pairs[at + 1]!, 1);
        }
      }
    }
    if (isWanted) this.lastEnd = Math.max(this.lastEnd, lsn);
    if ((this.#xids?.size ?? 0) > NOTED_MAX) this.#xids = undefined;
  }
}
