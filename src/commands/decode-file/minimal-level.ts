import type { LocatedFault, LogListener } from "../../capture/wal/log-parts.ts";
import { StandbyOperation } from "../../postgres/records/standby.ts";
import { WalState, minimalLevel } from "../../rows/decoder/wal-state.ts";
import { faultAt } from "../../postgres/pages/faults.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";
import type { WalRecord } from "../../postgres/records/record.ts";
import { Rmgr } from "../../postgres/records/rmgrs.ts";

/**
 * With --keep-going, records at wal_level = minimal are like damage: not all is logged, so none of them is passed on, and what
 * follows them continues nothing.
 */
export class WithoutMinimalLevel implements LogListener {
  readonly #listener: LogListener;
  readonly #state: WalState;
  /** Where records are left out. */
  #fault: LocatedFault | undefined;
  #end = 0;

  constructor(listener: LogListener, from: number) {
    this.#listener = listener;
    this.#state = new WalState(from, { lsn: 0 });
  }

  record(record: WalRecord, version: WalVersion): boolean | Promise<boolean> {
    this.#note(record, version);
    if (this.#fault === undefined) return this.#listener.record(record, version);
    this.#end = record.endLsn;
    return true;
  }

  #note(record: WalRecord, version: WalVersion): void {
    let isHigher = false;
    if (record.rmgr === Rmgr.standby && record.opcode === StandbyOperation.runningXacts) {
      isHigher = this.#state.running(record);
    } else if (record.rmgr === Rmgr.xlog) {
      const isMinimal = !this.#state.xlog(record, version);
      isHigher = this.#state.namesHigherLevel;
      const { message } = minimalLevel(record);
      if (isMinimal) this.#fault ??= { ...faultAt(record.lsn, message), text: message };
    }
    if (isHigher) this.#leave(record.lsn);
  }

  skipped(...missing: Parameters<LogListener["skipped"]>): void {
    this.#state.skipped(missing[0].end);
    this.#leave(missing[0].start);
    this.#listener.skipped(...missing);
  }

  flush(): Promise<void> | undefined {
    return this.#listener.flush();
  }

  /** Call it at the end of the input. */
  finish(): void {
    this.#leave(this.#end);
  }

  #leave(end: number): void {
    const fault = this.#fault;
    if (fault === undefined) return;
    this.#fault = undefined;
    this.#listener.skipped({ fault, start: fault.start, end }, fault);
  }
}
