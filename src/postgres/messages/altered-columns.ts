import { builtinType } from "../types/table.ts";
import type { Column } from "./messages.ts";

/** A column as far as what it is called and holds goes. */
export type NamedColumn = Pick<Column, "name" | "typeOid" | "typeModifier">;

/** The first of a table's changes, by where their records start. */
export interface FirstChanges {
  readonly lsn: number;
  /** Where the commit record of its transaction starts. */
  readonly commitLsn: number;
  /** The first one of other transactions; Infinity if there is none. */
  readonly others: number;
}

/** A larger modifier changes no value. */
const WIDENED: ReadonlySet<string | undefined> = new Set([
  "varchar",
  "varbit",
  "time",
  "timetz",
  "timestamp",
  "timestamptz",
]);
/** Each value of the first is one of the second. */
const TEXTS: ReadonlySet<string | undefined> = new Set(["varchar", "text"]);

/** Whether a script with the names and values of these columns is none for those. More columns behind them do not matter. */
export function areAltered(before: readonly NamedColumn[], now: readonly NamedColumn[]): boolean {
  return before.some((column, index) => {
    const later = now[index];
    return later?.name !== column.name || !printsSame(column, later);
  });
}

/** Whether each value has the same text in both, and ALTER COLUMN TYPE without USING rewrites no row: USING could make any text of it. */
function printsSame(before: NamedColumn, now: NamedColumn): boolean {
  const [from, to] = [before.typeModifier, now.typeModifier];
  const isWider = from === to || to === -1 || (from !== -1 && to > from);
  const [was, is] = [before, now].map(({ typeOid }) => builtinType(typeOid)?.name);
  if (before.typeOid === now.typeOid) {
    if (from === to || to === -1) return true;
    // A numeric's scale is the lower half.
    const isSameScale = is === "numeric" && (to - from) % 0x10000 === 0;
    return isWider && (WIDENED.has(is) || isSameScale);
  }
  return TEXTS.has(was) && TEXTS.has(is) && isWider;
}
