import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import type { Begin, BeginPrepare, WalPosition } from "../../pgoutput/messages.ts";
import type { Anchor } from "./continuity.ts";
import { Progress } from "./progress.ts";
import { Subtransactions } from "./subtransactions.ts";

/** A subtransaction that was rolled back while nobody was connected: the server sends nothing about it. */
export interface RolledBack {
  readonly xid: number;
  readonly subxid: number;
}

/** How a message relates to what was passed on before. */
export interface Repetition {
  /** The message itself was passed on before. */
  readonly repeated: boolean;
  /** It is a Stream Start, and an earlier block of its transaction was passed on before. */
  readonly continued: boolean;
  /** Subtransactions whose changes were passed on before. They were due again before this message and did not come. */
  readonly rolledBack: readonly RolledBack[];
}

const NONE: readonly RolledBack[] = Object.freeze([]);

/** Shared objects: rows come by the million, and one for each would have to be collected. */
export const NEW: Repetition = Object.freeze({
  repeated: false,
  continued: false,
  rolledBack: NONE,
});
export const REPEATED: Repetition = Object.freeze({ ...NEW, repeated: true });
export const CONTINUED: Repetition = Object.freeze({ ...NEW, continued: true });

/** A transaction of which something was passed on, but not its end. */
export class Unfinished {
  readonly xid: number;
  /** Undefined if it has not been received. */
  begin: Begin | BeginPrepare | undefined;
  /** Whether its Origin has been received. */
  origin = false;
  /** It was rolled back. The server may send it again only until something that ended later has been passed on. */
  aborted = false;
  /** Some of it was streamed while it was open. */
  streamed = false;
  readonly #progress = new Progress();
  #subtransactions: Subtransactions | undefined;

  constructor(xid: number) {
    this.xid = xid;
  }

  /** The furthest WAL record of which something was passed on. */
  get passed(): Lsn {
    return maxLsn(
      this.#progress.passed,
      this.begin === undefined ? INVALID_LSN : recordOf(this.begin),
    );
  }

  /** It will be sent again from its beginning. */
  rewind(): void {
    this.#progress.rewind();
    this.#subtransactions?.rewind();
  }

  /** @param xid the subtransaction's xid; undefined if not known */
  judgeChange(xid: number | undefined, position: WalPosition): Repetition {
    const rolledBack = this.streamed ? this.#missingBefore(position) : NONE;
    const repeated = this.#progress.repeats(position);
    if (!repeated && xid !== undefined && xid !== this.xid) {
      this.#subtransactions ??= new Subtransactions();
      this.#subtransactions.add(xid, position);
    }
    if (rolledBack.length > 0) return { repeated, continued: false, rolledBack };
    return repeated ? REPEATED : NEW;
  }

  /** Call it when its end comes for the first time. */
  judgeEnd(): Repetition {
    const rolledBack = this.streamed ? this.#missingBefore(undefined) : NONE;
    return rolledBack.length > 0 ? { ...NEW, rolledBack } : NEW;
  }

  /** Call it when the server sends that the subtransaction was rolled back. */
  abortSubtransaction(subxid: number): void {
    this.#subtransactions?.abort(subxid);
  }

  #missingBefore(position: WalPosition | undefined): readonly RolledBack[] {
    const missing = this.#subtransactions?.missingBefore(position);
    if (missing === undefined || missing.length === 0) return NONE;
    return missing.map((subxid) => ({ xid: this.xid, subxid }));
  }
}

/** The start of its commit or prepare record. */
export function recordOf(begin: Begin | BeginPrepare): Lsn {
  return begin.kind === "begin" ? begin.finalLsn : begin.prepareLsn;
}

export function anchorOf(begin: Begin | BeginPrepare): Anchor {
  const commitLsn = recordOf(begin);
  return {
    commitLsn,
    // A lower bound: only the end of the transaction says where the record ends.
    endLsn: (commitLsn + 1n) as Lsn,
    xid: begin.transaction?.xid ?? 0,
    commitUnixMs: unixMsFromPgTime(begin.kind === "begin" ? begin.commitTime : begin.prepareTime),
  };
}
