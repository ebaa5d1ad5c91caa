import { INVALID_LSN, type Lsn, maxLsn } from "../../lsn.ts";
import { unixMsFromPgTime } from "../../pg-time.ts";
import type { Begin, BeginPrepare, WalPosition } from "../../pgoutput/messages.ts";
import type { Anchor } from "./continuity.ts";
import { Progress } from "./progress.ts";
import { Subtransactions } from "./subtransactions.ts";

/** A subtransaction that was rolled back while nobody was connected: the server sends nothing of it. */
export interface RolledBack {
  readonly xid: number;
  readonly subxid: number;
}

/** What was passed on before, seen from one message. */
export interface Repetition {
  /** The message itself was. */
  readonly repeated: boolean;
  /** It is a Stream Start, and an earlier block of its transaction was. */
  readonly continued: boolean;
  /** Changes of these were; they were due again before this message and did not come. */
  readonly rolledBack: readonly RolledBack[];
}

const NONE: readonly RolledBack[] = Object.freeze([]);

/** Shared: rows come by the million, and a verdict for each would be garbage. */
export const NEW: Repetition = Object.freeze({
  repeated: false,
  continued: false,
  rolledBack: NONE,
});
export const REPEATED: Repetition = Object.freeze({ ...NEW, repeated: true });
export const CONTINUED: Repetition = Object.freeze({ ...NEW, continued: true });

/** A transaction of which some has been passed on, and whose end has not. */
export class Unfinished {
  readonly xid: number;
  /** Undefined: it has not come. */
  begin: Begin | BeginPrepare | undefined;
  /** Its Origin has come. */
  origin = false;
  /** Rolled back: if it comes again, then only until something that ended later has been passed on. */
  aborted = false;
  /** Some of it was streamed, while it was open. */
  streamed = false;
  readonly #progress = new Progress();
  #subtransactions: Subtransactions | undefined;

  constructor(xid: number) {
    this.xid = xid;
  }

  /** The furthest WAL record of which something has been passed on. */
  get passed(): Lsn {
    return maxLsn(
      this.#progress.passed,
      this.begin === undefined ? INVALID_LSN : recordOf(this.begin),
    );
  }

  /** It comes again from its beginning. */
  rewind(): void {
    this.#progress.rewind();
    this.#subtransactions?.rewind();
  }

  /** @param xid the subtransaction's; undefined: it is not known */
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

  /** Its end comes for the first time. */
  judgeEnd(): Repetition {
    const rolledBack = this.streamed ? this.#missingBefore(undefined) : NONE;
    return rolledBack.length > 0 ? { ...NEW, rolledBack } : NEW;
  }

  /** The server has said that the subtransaction was rolled back. */
  abortSubtransaction(subxid: number): void {
    this.#subtransactions?.abort(subxid);
  }

  #missingBefore(position: WalPosition | undefined): readonly RolledBack[] {
    const missing = this.#subtransactions?.missingBefore(position);
    if (missing === undefined || missing.length === 0) return NONE;
    return missing.map((subxid) => ({ xid: this.xid, subxid }));
  }
}

/** Where its commit or prepare record starts. */
export function recordOf(begin: Begin | BeginPrepare): Lsn {
  return begin.kind === "begin" ? begin.finalLsn : begin.prepareLsn;
}

export function anchorOf(begin: Begin | BeginPrepare): Anchor {
  const commitLsn = recordOf(begin);
  return {
    commitLsn,
    // At the least: where the record ends only its end tells.
    endLsn: (commitLsn + 1n) as Lsn,
    xid: begin.transaction?.xid ?? 0,
    commitUnixMs: unixMsFromPgTime(begin.kind === "begin" ? begin.commitTime : begin.prepareTime),
  };
}
