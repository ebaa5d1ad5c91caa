import { ExitCode, WalctlError } from "../../errors.ts";
import type { Lsn } from "../../lsn.ts";
import { Payload, ShortPayload } from "../../wal/detail/payload.ts";
import type { DetailSink } from "../../wal/detail/sink.ts";
import { describeStandby } from "../../wal/detail/standby.ts";
import { XlogOperation, describeXlog } from "../../wal/detail/xlog.ts";
import { formatPosition } from "../../wal/pages/position.ts";
import type { WalVersion } from "../../wal/pages/versions.ts";
import type { WalRecord } from "../../wal/record.ts";
import { Beginnings, type Export } from "../transactions/beginnings.ts";

export const RUNNING_XACTS = 0x10;
const UINT32 = 2 ** 32;

/** The state of the log and its transactions, from records of the XLOG and Standby resource managers. */
export class WalState implements DetailSink {
  readonly beginnings: Beginnings;
  /** Whether wal_level is known to be logical. */
  logical = false;
  /** The oldest running xid of the last RUNNING_XACTS. */
  oldestRunning = 0;
  /** A transaction that is asked for has committed. */
  hasWanted = false;
  /** Where wal_level is replica or higher from now on: whether it was before is not known. */
  levelUnknownBefore: number | undefined;
  /** full_page_writes was off somewhere. */
  lacksImages = false;
  /** The redo point of the input's first checkpoint, if it precedes the input. */
  redoBefore: number | undefined;
  readonly #from: number;
  /** Records have been read without a gap from here on. */
  #since: number;
  /** The position of the last RUNNING_XACTS. */
  #runningAt = -1;
  /** Since then wal_level is known. */
  #isLevelKnown = false;
  readonly #payload = new Payload();
  #level = "";
  #redo = 0;
  #nextXid = 0;
  #xids: readonly number[] = [];

  constructor(from: number, exported: Export) {
    this.#from = from;
    this.#since = from;
    this.beginnings = new Beginnings(from, exported);
  }

  /** Records are missing before `end`. */
  skipped(end: number): void {
    this.beginnings.restart(end);
    this.#since = end;
    this.#isLevelKnown = false;
  }

  /** Returns false where wal_level is minimal. */
  xlog(record: WalRecord, version: WalVersion): boolean {
    const { opcode } = record;
    this.#level = "";
    this.#read(() => describeXlog(record, this.#payload.main(record), version, this));
    const isOnline = opcode === XlogOperation.checkpointOnline;
    // Before 17 a checkpoint does not name the level. Above minimal it logs what runs (CreateCheckPoint).
    const isLogged = version >= 17 || this.#redo < this.#since || this.#runningAt >= this.#redo;
    if (isOnline && !isLogged) this.#level = "minimal";
    const isHigher = this.namesHigherLevel;
    if (opcode === XlogOperation.parameterChange && isHigher && !this.logical) {
      if (!this.#isLevelKnown && this.hasWanted) this.levelUnknownBefore ??= record.lsn;
    }
    this.#isLevelKnown ||= this.#level !== "";
    if (isHigher) this.logical = this.#level === "logical";
    if (opcode === XlogOperation.checkpointShutdown || isOnline) {
      this.beginnings.checkpoint(this.#redo, this.#nextXid);
      if (this.#redo < this.#from) this.redoBefore ??= this.#redo;
    }
    return this.#level !== "minimal";
  }

  /** Whether the last record of xlog() says that wal_level is higher than minimal. */
  get namesHigherLevel(): boolean {
    return this.#level === "replica" || this.#level === "logical";
  }

  /** Takes a RUNNING_XACTS. Returns false if it is too short. */
  running(record: WalRecord): boolean {
    this.#xids = [];
    if (!this.#read(() => describeStandby(record, this.#payload.main(record), this))) return false;
    this.#runningAt = record.lsn;
    this.#isLevelKnown = true;
    this.beginnings.listed(this.#xids);
    return true;
  }

  #read(describe: () => void): boolean {
    try {
      describe();
      return true;
    } catch (error) {
      if (!(error instanceof ShortPayload)) throw error;
      return false;
    }
  }

  number(key: string, value: number): void {
    if (key === "oldest_running_xid") this.oldestRunning = value;
  }

  text(key: string, value: string): void {
    if (key === "wal_level") this.#level = value;
    else if (key === "next_xid")
      this.#nextXid = Number(value.slice(value.indexOf(":") + 1)) % UINT32;
  }

  lsn(key: string, value: Lsn): void {
    if (key === "redo") this.#redo = Number(value);
  }

  numbers(key: string, value: readonly number[]): void {
    if (key === "xids" || key === "subxids") this.#xids = [...this.#xids, ...value];
  }

  bool(key: string, value: boolean): void {
    if (key === "full_page_writes" && !value) this.lacksImages = true;
  }

  time(): void {}
  names(): void {}
  rows(): void {}
}

export function minimalLevel({ lsn, opcode }: WalRecord): WalctlError {
  const isFrom = opcode === XlogOperation.parameterChange;
  return new WalctlError(
    `at ${formatPosition(lsn)} wal_level ${isFrom ? "became" : "was"} minimal: rows may be missing ${isFrom ? "" : "before and "}from here on`,
    {
      hint: "To go on where wal_level is higher again: --keep-going. Or give the WAL behind it, from a checkpoint on.",
      exitCode: ExitCode.malformedInput,
    },
  );
}
