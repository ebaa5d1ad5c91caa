import type {
  LogicalMessage,
  Relation,
  RowChange,
  SequenceState,
  Truncate,
} from "../../postgres/messages/messages.ts";
import type { Glyphs } from "../terminal/painted.ts";

/** The changes that a transaction counts. */
export type Change = RowChange | Truncate | LogicalMessage | SequenceState;
export type Counts = Record<Change["kind"], number>;

/** In printing order. */
export const SIGNED: readonly (keyof Counts)[] = [
  ...(["insert", "update", "delete", "truncate", "message", "sequence"] as const),
];

export function signOfCount(kind: keyof Counts, { truncate, message, sequence }: Glyphs): string {
  return { insert: "+", update: "~", delete: "-", truncate, message, sequence }[kind];
}

export function noCounts(): Counts {
  return { insert: 0, update: 0, delete: 0, truncate: 0, message: 0, sequence: 0 };
}

/** Changes of one table, or messages, that were counted and not shown. */
export interface Hidden {
  /** Undefined for messages. */
  readonly relation: Relation | undefined;
  readonly counts: Counts;
  total: number;
}

/** Counts the changes of a transaction. Its size depends on the number of tables, not of rows. */
export class Tally {
  readonly counts = noCounts();
  /** A subtransaction was rolled back after its changes had been counted. */
  partlyRolledBack = false;
  readonly #hidden = new Map<number | undefined, Hidden>();
  #shown = 0;
  #hiddenTotal = 0;

  get hiddenTotal(): number {
    return this.#hiddenTotal;
  }

  /** Tables with the most changes first. */
  hidden(): readonly Hidden[] {
    return [...this.#hidden.values()].toSorted((a, b) => b.total - a.total);
  }

  /** Counts the change. Returns whether it is one of the first `shownMax`, which are shown. */
  add(change: Change, shownMax: number): boolean {
    this.counts[change.kind] += 1;
    this.#shown += 1;
    if (this.#shown <= shownMax) return true;
    this.#hiddenTotal += 1;
    switch (change.kind) {
      case "truncate":
        for (const relation of change.relations) this.#hide(change.kind, relation);
        break;
      case "message":
        this.#hide(change.kind, undefined);
        break;
      default:
        this.#hide(change.kind, change.relation);
    }
    return false;
  }

  #hide(kind: keyof Counts, relation: Relation | undefined): void {
    let hidden = this.#hidden.get(relation?.oid);
    if (hidden === undefined) {
      hidden = { relation, counts: noCounts(), total: 0 };
      this.#hidden.set(relation?.oid, hidden);
    }
    hidden.counts[kind] += 1;
    hidden.total += 1;
  }
}
