import type { PgTime } from "../../pg-time.ts";
import { Payload } from "../../wal/detail/payload.ts";
import type { DetailRow, DetailSink } from "../../wal/detail/sink.ts";
import { describeTransaction } from "../../wal/detail/transaction.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";

const NONE: readonly number[] = [];

/** The contents of a Transaction record; most have few. */
export class TransactionRecord implements DetailSink {
  timestamp: PgTime = 0n as PgTime;
  subxids: readonly number[] = NONE;
  /** 0 if none. */
  preparedXid = 0;
  topXid = 0;
  originLsn = 0;
  originTime: PgTime | undefined;
  /** Whether it changed catalogues: a commit says so. */
  changesCatalog = false;
  /** 0: it does not say. */
  database = 0;
  readonly #payload = new Payload();

  /** @throws ShortPayload */
  read(record: WalRecord, version: WalVersion): this {
    this.subxids = NONE;
    this.preparedXid = 0;
    this.topXid = 0;
    this.originLsn = 0;
    this.originTime = undefined;
    this.changesCatalog = false;
    this.database = 0;
    describeTransaction(record, this.#payload.main(record), version, this);
    return this;
  }

  number(key: string, value: number): void {
    if (key === "twophase_xid") this.preparedXid = value;
    else if (key === "top_xid") this.topXid = value;
    else if (key === "invalidations") this.changesCatalog = value > 0;
    else if (key === "database") this.database = value;
  }

  numbers(key: string, value: readonly number[]): void {
    if (key === "subxids") this.subxids = value;
  }

  time(key: string, value: PgTime): void {
    if (key === "time") this.timestamp = value;
    else if (key === "origin_time") this.originTime = value;
  }

  position(key: string, value: number): void {
    if (key === "origin_lsn") this.originLsn = value;
  }

  bool(): void {}
  text(): void {}
  names(): void {}
  rows(_key: string, _value: readonly DetailRow[]): void {}
}
