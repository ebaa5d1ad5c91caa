import { INVALID_LSN, type Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import { Payload } from "../../wal/detail/payload.ts";
import type { DetailRow, DetailSink } from "../../wal/detail/sink.ts";
import { describeTransaction } from "../../wal/detail/transaction.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";
import type { Doubts } from "../catalog/doubts.ts";

const NONE: readonly number[] = [];

/** How a transaction ended that was asked for. */
export interface Fate {
  readonly aborted: boolean;
  /** The start of the record that ends it. */
  readonly lsn: number;
  /** Itself, or the transaction whose subtransaction it is. */
  readonly top: number;
  /** Neither its time nor its place nor its origin leaves it out. */
  readonly wanted: boolean;
}

/** The contents of a Transaction record; most have few. */
export class TransactionRecord implements DetailSink {
  timestamp: PgTime = 0n as PgTime;
  subxids: readonly number[] = NONE;
  /** 0 if none. */
  preparedXid = 0;
  topXid = 0;
  originLsn = INVALID_LSN;
  originTime: PgTime | undefined;
  /** The number of its invalidation messages: a commit has them if it changed catalogues. */
  invalidations = 0;
  /** 0: it does not say. */
  database = 0;
  readonly #payload = new Payload();
  /** How many bytes of the main data are left at the first of them. */
  #left = 0;

  /** @throws ShortPayload */
  read(record: WalRecord, version: WalVersion): this {
    this.subxids = NONE;
    this.preparedXid = 0;
    this.topXid = 0;
    this.originLsn = INVALID_LSN;
    this.originTime = undefined;
    this.invalidations = 0;
    this.database = 0;
    this.#left = describeTransaction(record, this.#payload.main(record), version, this);
    return this;
  }

  /** The transaction whose end was read: its xid and those of its subtransactions that end with it. */
  end({ originId = 0, xid }: WalRecord): {
    readonly xids: readonly [number, ...number[]];
    readonly time: PgTime;
    readonly originId: number;
  } {
    const { originTime, preparedXid, subxids, timestamp } = this;
    const top = preparedXid === 0 ? xid : preparedXid;
    const time = originId !== 0 && originTime !== undefined ? originTime : timestamp;
    return { xids: [top, ...subxids], time, originId };
  }

  /** Notes the invalidations of the commit that was read last: int8 id, uint32 database at 4, uint32 hash or relation at 8, 16 bytes each. */
  noteInvalidations(record: WalRecord, doubts: Doubts, until: number): void {
    const data = this.#payload.main(record).skip(record.mainBytes - this.#left);
    for (let index = 0; index < this.invalidations; index++) {
      const id = (data.u8() << 24) >> 24;
      doubts.note(id, data.skip(7).u32(), until);
      data.skip(4);
    }
  }

  number(key: string, value: number): void {
    if (key === "twophase_xid") this.preparedXid = value;
    else if (key === "top_xid") this.topXid = value;
    else if (key === "invalidations") this.invalidations = value;
    else if (key === "database") this.database = value;
  }

  numbers(key: string, value: readonly number[]): void {
    if (key === "subxids") this.subxids = value;
  }

  time(key: string, value: PgTime): void {
    if (key === "time") this.timestamp = value;
    else if (key === "origin_time") this.originTime = value;
  }

  lsn(key: string, value: Lsn): void {
    if (key === "origin_lsn") this.originLsn = value;
  }

  bool(): void {}
  text(): void {}
  names(): void {}
  rows(_key: string, _value: readonly DetailRow[]): void {}
}
