import { type Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { OtherMessage } from "../../pgoutput/messages.ts";

/**
 * Stop conditions: --limit (a number of row changes), --endpos (all that committed at or before a position has been
 * passed on) and --until (the same of a time). They outlive connections.
 */
export class Limits {
  #endpos: Lsn | undefined;
  readonly #until: PgTime | undefined;
  /** How many more row changes may be printed. */
  #rows: number;

  constructor(limits: {
    readonly endpos: Lsn | undefined;
    readonly until?: PgTime | undefined;
    readonly rows: number | undefined;
  }) {
    this.#endpos = limits.endpos;
    this.#until = limits.until;
    this.#rows = limits.rows ?? Infinity;
  }

  /** Nothing that commits behind that is wanted. */
  endAt(position: Lsn): void {
    if (this.#endpos === undefined || position < this.#endpos) this.#endpos = position;
  }

  get endpos(): Lsn | undefined {
    return this.#endpos;
  }

  /** No further row may be printed. */
  get reached(): boolean {
    return this.#rows <= 0;
  }

  /** Call it when a row change was printed. */
  change(): void {
    this.#rows--;
  }

  /** Why the stream ends before this message; undefined if it does not. */
  endsBefore(message: OtherMessage): "limit" | "endpos" | undefined {
    // A commit that directly follows the last row belongs to it: without it the transaction would be cut short.
    if (this.reached && message.kind !== "commit") return "limit";
    if (this.#endpos === undefined && this.#until === undefined) return undefined;
    switch (message.kind) {
      case "begin":
        return this.#isBeyond(message.finalLsn, message.commitTime);
      case "stream_commit":
      case "commit_prepared":
        return this.#isBeyond(message.commitLsn, message.commitTime);
      case "begin_prepare":
      case "stream_prepare":
        return this.#isBeyond(message.prepareLsn, message.prepareTime);
      default:
        return undefined;
    }
  }

  #isBeyond(position: Lsn, time: PgTime): "endpos" | undefined {
    const late = this.#until !== undefined && time > this.#until;
    return late || (this.#endpos !== undefined && position > this.#endpos) ? "endpos" : undefined;
  }

  endsAfter(message: OtherMessage): "limit" | "endpos" | undefined {
    switch (message.kind) {
      case "commit":
      case "stream_commit":
      case "commit_prepared":
        if (this.reached) return "limit";
        // No need to wait for more: what commits later comes later.
        return this.endsAt(message.endLsn) ? "endpos" : undefined;
      default:
        return undefined;
    }
  }

  /** Whether --endpos is reached once everything that committed before `position` has been passed on. */
  endsAt(position: Lsn): boolean {
    return this.#endpos !== undefined && position >= this.#endpos;
  }
}
