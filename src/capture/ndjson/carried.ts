import type { Lsn } from "../../lsn.ts";
import type { Relation, TypeMessage } from "../../postgres/messages/messages.ts";
import { type Fields, INVALID } from "./fields.ts";
import { elementsOf, membersOf, stringOf } from "./raw-json.ts";
import type { ValueType } from "./values.ts";

interface Table {
  readonly relation: Relation;
  readonly types: readonly ValueType[];
  /** What announced the types of its columns. */
  readonly announced: readonly TypeMessage[];
}

/** What the files before describe, for a file that goes on where the last one ended and does not describe it again. */
export class Carried {
  /** Columns whose values the lines do not have exactly, each as `table.column: what is taken instead`. */
  readonly vague = new Set<string>();
  /** Columns of which values were left out, since their text is not known: as `column of table`. */
  readonly untold = new Set<string>();
  /** A file begins before the end of one that was read before it. */
  isBackwards = false;
  readonly #tables = new Map<string, Table>();
  #end = INVALID;

  note(key: string, table: Table): void {
    this.#tables.set(key, table);
  }

  /** A transaction ends there. */
  ended(end: Lsn): void {
    if (end > this.#end) this.#end = end;
  }

  /** Whether a transaction that commits or is prepared there comes after all that was read. */
  goesOnAt(lsn: Lsn): boolean {
    if (lsn > INVALID && lsn < this.#end) this.isBackwards = true;
    return this.#end > INVALID && lsn >= this.#end;
  }

  /** Undefined if it is not known, or has other columns than this row. */
  tableOf(key: string, row: Fields): Table | undefined {
    const table = this.#tables.get(key);
    return table !== undefined && fits(table.relation, row) ? table : undefined;
  }
}

function fits({ columns }: Relation, row: Fields): boolean {
  const unchanged = elementsOf(row.get("unchanged") ?? "[]").map(stringOf);
  const isOf = (part: string, names: readonly string[]): boolean => {
    const values = row.get(part);
    if (values === undefined) return true;
    const there = new Set([...membersOf(values).keys(), ...(part === "key" ? [] : unchanged)]);
    return there.size === names.length && names.every((name) => there.has(name));
  };
  const all = columns.map(({ name }) => name);
  const key = columns.filter((column) => column.key).map(({ name }) => name);
  return isOf("new", all) && isOf("old", all) && isOf("key", key);
}
