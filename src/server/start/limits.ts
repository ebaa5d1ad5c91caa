import { type Lsn } from "../../lsn.ts";
import type { PgTime } from "../../pg-time.ts";
import type { Boundary } from "../../postgres/messages/boundary.ts";

/**
 * Stop conditions: --limit (a number of row changes), --endpos (all that committed at or before a position has been
 * passed on) and --until (the same of a time). They outlive connections.
 */
export class Limits {
  #endpos: Lsn | undefined;
  readonly #until: PgTime | undefined;
  /** How many more row changes may be printed. */
  #rows: number;

  constructor(endpos: Lsn | undefined, until: PgTime | undefined, rows = Infinity) {
    this.#endpos = endpos;
    this.#until = until;
    this.#rows = rows;
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

  /**
   * Why the stream ends before a message; undefined if it does not. A late prepare is taken for what it says, a
   * transaction that was prepared before the end: its COMMIT PREPARED, which may be beyond, follows it.
   * @param boundary of that message
   */
  endsBefore(boundary: Boundary | undefined): "limit" | "endpos" | undefined {
    // The end that directly follows the last row belongs to it: without it the transaction would be cut short.
    if (this.reached && !(boundary?.closes === true && boundary.ends)) return "limit";
    if (boundary?.fate === undefined || boundary.fate === "rollback") return undefined;
    const { record, time } = boundary;
    const late = this.#until !== undefined && time !== null && time > this.#until;
    return late || (this.#endpos !== undefined && record > this.#endpos) ? "endpos" : undefined;
  }

  /** No need to wait for more: what the server sends later, a late prepare too, commits later. */
  endsAfter(boundary: Boundary | undefined): "limit" | "endpos" | undefined {
    if (boundary?.ends !== true) return undefined;
    if (this.reached) return "limit";
    return this.endsAt(boundary.end) ? "endpos" : undefined;
  }

  /** Whether --endpos is reached once everything that committed before `position` has been passed on. */
  endsAt(position: Lsn): boolean {
    return this.#endpos !== undefined && position >= this.#endpos;
  }
}
