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

/** What changed: one TRUNCATE may empty several tables. Undefined: a message. */
export function subjectsOf(change: Change): ReadonlyArray<Relation | undefined> {
  switch (change.kind) {
    case "truncate":
      return change.relations;
    case "message":
      return MESSAGES;
    default:
      return [change.relation];
  }
}

const MESSAGES = [undefined];

/** One for each table under each name that it had meanwhile, and one for messages. */
export class BySubject<One extends { readonly relation: Relation | undefined }> {
  readonly all: One[] = [];
  /** The last one for each oid. */
  readonly #last = new Map<number | undefined, One>();
  readonly #make: (relation: Relation | undefined) => One;

  constructor(make: (relation: Relation | undefined) => One) {
    this.#make = make;
  }

  of(relation: Relation | undefined): One {
    const oid = relation?.oid;
    const isIt = (each: One): boolean => isSameName(each.relation, relation);
    const last = this.#last.get(oid);
    if (last !== undefined && isIt(last)) return last;
    let one = this.all.find((each) => each.relation?.oid === oid && isIt(each));
    if (one === undefined) {
      one = this.#make(relation);
      this.all.push(one);
    }
    this.#last.set(oid, one);
    return one;
  }
}

function isSameName(one: Relation | undefined, other: Relation | undefined): boolean {
  return one === other || (one?.table === other?.table && one?.schema === other?.schema);
}

/** Counts the changes of a transaction. Its size depends on the number of tables, not of rows. */
export class Tally {
  readonly counts = noCounts();
  /** A subtransaction was rolled back after its changes had been counted. */
  partlyRolledBack = false;
  readonly #hidden = new BySubject<Hidden>((relation) => {
    return { relation, counts: noCounts(), total: 0 };
  });
  #shown = 0;
  #hiddenTotal = 0;

  get hiddenTotal(): number {
    return this.#hiddenTotal;
  }

  /** Tables with the most changes first. */
  hidden(): readonly Hidden[] {
    return this.#hidden.all.toSorted((a, b) => b.total - a.total);
  }

  /** Counts the change. Returns whether it is one of the first `shownMax`, which are shown. */
  add(change: Change, shownMax: number): boolean {
    this.counts[change.kind] += 1;
    this.#shown += 1;
    if (this.#shown <= shownMax) return true;
    this.#hiddenTotal += 1;
    for (const relation of subjectsOf(change)) {
      const hidden = this.#hidden.of(relation);
      hidden.counts[change.kind] += 1;
      hidden.total += 1;
    }
    return false;
  }
}
