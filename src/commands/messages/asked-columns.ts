import type { PgoutputMessage, Relation } from "../../pgoutput/messages.ts";
import type { Warning } from "../reporter.ts";

/** With more typing errors than this it is another word. */
const TYPING_ERRORS_MAX = 2;

/** Finds the names given to --columns that no printed table has, so that a warning can tell of them. */
export class AskedColumns {
  readonly #unmet: Set<string>;
  readonly #others = new Set<string>();
  readonly #seen = new WeakSet<Relation>();
  /** The column names of some relation are not known, because it was not announced. */
  #unknown = false;

  constructor(names: readonly string[]) {
    this.#unmet = new Set(names);
  }

  /** The same filter, which also looks at the tables of the messages that it accepts. */
  watch(accepts: (message: PgoutputMessage) => boolean): (message: PgoutputMessage) => boolean {
    if (this.#unmet.size === 0) return accepts;
    return (message) => {
      const accepted = accepts(message);
      if (accepted) this.#look(message);
      return accepted;
    };
  }

  /** To be asked at the end: the table that has the column may come late. */
  warnings(): readonly Warning[] {
    if (this.#unknown || this.#others.size === 0) return [];
    return [...this.#unmet].map((name) => {
      const meant = this.#likeliest(name);
      return {
        message: `no printed table has a column named "${name}" (--columns)`,
        hint: meant === undefined ? undefined : `Did you mean ${quoted(meant)}?`,
      };
    });
  }

  #look(message: PgoutputMessage): void {
    switch (message.kind) {
      case "relation":
      case "insert":
      case "update":
      case "delete":
        break;
      default:
        return;
    }
    const { relation } = message;
    if (this.#seen.has(relation)) return;
    this.#seen.add(relation);
    this.#unknown ||= !relation.announced;
    for (const { name } of relation.columns) {
      this.#unmet.delete(name);
      this.#others.add(name);
    }
  }

  #likeliest(name: string): string | undefined {
    const ranked = [...this.#others]
      .map((other) => ({ other, errors: typingErrors(name.toLowerCase(), other.toLowerCase()) }))
      .filter(({ other, errors }) => errors <= TYPING_ERRORS_MAX && errors * 2 <= other.length)
      .toSorted((one, two) => one.errors - two.errors);
    return ranked[0]?.other;
  }
}

/** The name as the user has to type it. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Letters left out, added or mistaken (Levenshtein's distance), row by row of the usual table. */
function typingErrors(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let at = 0; at < one.length; at++) {
    const next = [at + 1];
    for (let index = 0; index < other.length; index++) {
      const replaced = (row[index] ?? 0) + (other[index] === one[at] ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
