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

const [TEXT, VARCHAR, NUMERIC] = [25, 1043, 1700];
/** varchar, varbit, time, timetz, timestamp and timestamptz: a larger modifier changes no value. */
const WIDENED: ReadonlySet<number> = new Set([VARCHAR, 1562, 1083, 1266, 1114, 1184]);

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
  if (before.typeOid === now.typeOid) {
    if (from === to || to === -1) return true;
    // A numeric's scale is the lower half.
    const isSameScale = now.typeOid === NUMERIC && (to - from) % 0x10000 === 0;
    return isWider && (WIDENED.has(now.typeOid) || isSameScale);
  }
  const isText = [before, now].every(({ typeOid }) => typeOid === TEXT || typeOid === VARCHAR);
  return isText && isWider;
}
