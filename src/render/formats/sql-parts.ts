import type { ByteWriter } from "../bytes/byte-writer.ts";
import type { Body } from "./sql-lines.ts";
import type { SqlPlan } from "./sql-plan.ts";

/** Conditions behind one WHERE, since PostgreSQL plans many slowly. */
export const CONDITIONS_MAX = 250;
/** Before the first row, which needs no line of its own if it is the only one. */
const ROW_INDENT = 2;
const END_LIST = Buffer.from(")");

/**
 * Which columns a row is found by: the key's; all of them, of rows that no key tells apart; those that are not null, where
 * no key is marked; the key's and all others that are known, so that a row that has changed since is not found.
 */
export type Identity = "key" | "whole" | "present" | "known";

/** The rows of one table in a statement. */
export interface Part {
  readonly plan: SqlPlan;
  readonly identity: Identity;
  readonly text: ByteWriter;
  /** How many there are of each whole row: rows may be equal. */
  readonly counts: Map<string, number>;
  rows: number;
}

/** The statements of a part: whole rows, whose conditions are long, may need several. */
export function bodiesOf(
  { plan, identity, text, counts, rows }: Part,
  verb: "INSERT" | "DELETE",
): Body[] {
  const written = text.bytes.subarray(0, text.offset);
  if (verb === "INSERT") {
    const list = rows === 1 ? written.subarray(ROW_INDENT) : written;
    return [{ pieces: [plan.insert, list], rows }];
  }
  const head = Buffer.from(`DELETE FROM ${plan.target} WHERE `);
  if (identity === "whole") {
    const all = [...counts];
    const bodies: Body[] = [];
    for (let at = 0; at < all.length; at += CONDITIONS_MAX) {
      bodies.push(wholeRows(plan, head, all.slice(at, at + CONDITIONS_MAX)));
    }
    return bodies;
  }
  if (identity !== "key" || plan.only === undefined) {
    const key = [rows === 1 ? written.subarray(1, -1) : written];
    return [{ pieces: [head, ...key], rows, key }];
  }
  const { among, equals } = plan.only;
  const key = rows === 1 ? [equals, written] : [among, written, END_LIST];
  return [{ pieces: [head, ...key], rows, key }];
}

/** One of the rows that are equal, or as many as were deleted. */
function wholeRows(
  plan: SqlPlan,
  head: Buffer,
  counts: ReadonlyArray<readonly [condition: string, count: number]>,
): Body {
  // Conditions are kept by their bytes.
  const select = plan.select.toString("latin1");
  let text = "";
  let rows = 0;
  for (const [condition, count] of counts) {
    const or = rows === 0 ? "" : " OR ";
    const equals = count === 1 ? "=" : "IN";
    text += `${or}(tableoid, ctid) ${equals} (${select}${condition} LIMIT ${count})`;
    rows += count;
  }
  return { pieces: [head, Buffer.from(text, "latin1")], rows };
}
