import { type Lsn } from "../../lsn.ts";
import type { OtherMessage } from "../../pgoutput/messages.ts";

/**
 * Stop conditions: --limit (a number of row changes) and --endpos (all that committed at or before a position has been
 * passed on). They outlive connections.
 */
export class Limits {
  readonly #endpos: Lsn | undefined;
  /** How many more row changes may be printed. */
  #rows: number;

  constructor(limits: { readonly endpos: Lsn | undefined; readonly rows: number | undefined }) {
    this.#endpos = limits.endpos;
    this.#rows = limits.rows ?? Infinity;
  }

  /** No further row may be printed. */
  get reached(): boolean {
    return this.#rows <= 0;
  }

  /** A row change has been printed. */
  change(): void {
    this.#rows--;
  }

  /** Why the stream ends before this message; undefined: it does not. */
  endsBefore(message: OtherMessage): "limit" | "endpos" | undefined {
    // The commit that directly follows the last row belongs to it: without it the transaction would be cut short.
    if (this.reached && message.kind !== "commit") return "limit";
    if (this.#endpos === undefined) return undefined;
    switch (message.kind) {
      case "begin":
        return message.finalLsn > this.#endpos ? "endpos" : undefined;
      case "stream_commit":
      case "commit_prepared":
        return message.commitLsn > this.#endpos ? "endpos" : undefined;
      case "begin_prepare":
      case "stream_prepare":
        return message.prepareLsn > this.#endpos ? "endpos" : undefined;
      default:
        return undefined;
    }
  }

  endsAfter(message: OtherMessage): "limit" | "endpos" | undefined {
    switch (message.kind) {
      case "commit":
      case "stream_commit":
      case "commit_prepared":
        if (this.reached) return "limit";
        // No need to wait for more: what commits later does so behind it.
        return this.endsAt(message.endLsn) ? "endpos" : undefined;
      default:
        return undefined;
    }
  }

  /** Whether --endpos is reached, when all that committed before `position` has been passed on. */
  endsAt(position: Lsn): boolean {
    return this.#endpos !== undefined && position >= this.#endpos;
  }
}
