import { ExitCode, WalctlError } from "../../errors.ts";
import { unlessShort } from "../../postgres/records/payload.ts";
import { readRunningXacts } from "../../postgres/records/standby.ts";
import {
  XlogOperation,
  readCheckpoint,
  readDecodingChange,
  readEndOfRecovery,
  readFullPageWrites,
  readParameters,
  readRedo,
} from "../../postgres/records/xlog.ts";
import { formatPosition } from "../../postgres/pages/position.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Beginnings, type Export } from "../transactions/beginnings.ts";

/** The state of the log and its transactions, from records of the XLOG and Standby resource managers. */
export class WalState {
  readonly beginnings: Beginnings;
  /** Whether the WAL is known to be logged for decoding: wal_level is logical, or from 19 on there is a logical slot. */
  logical = false;
  /** The oldest running xid of the last RUNNING_XACTS. */
  oldestRunning = 0;
  /** Where the first transaction that is asked for committed. */
  firstWanted = Infinity;
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
  #level = "";
  /** The last wal_level that a record named. */
  #lastLevel = "";
  #redo = 0;
  #nextXid = 0;

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
    this.logical = false;
    this.#lastLevel = "";
  }

  /**
   * Whether slots may switch decoding on and off at any time. A transaction that runs meanwhile keeps to what it began with
   * (logicalctl.c), so that only its own records tell what it is.
   */
  isSwitched(version: WalVersion): boolean {
    return version >= 19 && this.#lastLevel !== "logical";
  }

  /** Returns false where wal_level is minimal. */
  xlog(record: WalRecord, version: WalVersion): boolean {
    const { opcode } = record;
    this.#level = unlessShort(() => this.#readLevel(record, version)) ?? "";
    const isOnline = opcode === XlogOperation.checkpointOnline;
    // Before 17 a checkpoint does not name the level. Above minimal it logs what runs (CreateCheckPoint).
    const isLogged = version >= 17 || this.#redo < this.#since || this.#runningAt >= this.#redo;
    if (isOnline && !isLogged) this.#level = "minimal";
    const isHigher = this.namesHigherLevel;
    if (opcode === XlogOperation.parameterChange && isHigher && !this.logical) {
      if (!this.#isLevelKnown && this.firstWanted < Infinity)
        this.levelUnknownBefore ??= record.lsn;
    }
    this.#isLevelKnown ||= this.#level !== "";
    if (this.#level !== "") this.#lastLevel = this.#level;
    // From 19 on replica is logical too while there is a logical slot.
    if (isHigher && (version < 19 || this.#level === "logical"))
      this.logical = this.#level === "logical";
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

  /** Reads the record. Returns the wal_level that it names, or "". */
  #readLevel(record: WalRecord, version: WalVersion): string {
    switch (record.opcode) {
      case XlogOperation.checkpointShutdown:
      case XlogOperation.checkpointOnline: {
        const checkpoint = readCheckpoint(record, version);
        this.#redo = Number(checkpoint.redo);
        this.#nextXid = checkpoint.nextXid;
        const { oldest_running_xid: oldest, fields } = checkpoint;
        if (oldest !== 0) this.oldestRunning = oldest;
        if (!fields.full_page_writes) this.lacksImages = true;
        if (fields.logical_decoding !== undefined) this.logical = fields.logical_decoding;
        return fields.wal_level ?? "";
      }
      case XlogOperation.checkpointRedo:
        return readRedo(record, version).wal_level;
      case XlogOperation.decodingChange:
        this.logical = readDecodingChange(record).logical_decoding;
        return "";
      case XlogOperation.parameterChange:
        return readParameters(record).wal_level;
      case XlogOperation.endOfRecovery:
        return readEndOfRecovery(record, version).fields.wal_level ?? "";
      case XlogOperation.fpwChange:
        if (!readFullPageWrites(record).full_page_writes) this.lacksImages = true;
        return "";
      default:
        return "";
    }
  }

  /** Takes a RUNNING_XACTS. Returns false if it is too short. */
  running(record: WalRecord): boolean {
    const running = unlessShort(() => readRunningXacts(record));
    if (running === undefined) return false;
    this.oldestRunning = running.oldest_running_xid;
    this.#runningAt = record.lsn;
    this.#isLevelKnown = true;
    this.beginnings.listed([...running.xids, ...running.subxids]);
    return true;
  }
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
