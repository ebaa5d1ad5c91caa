import type { RowChange } from "../../postgres/messages/messages.ts";
import type { PgTime } from "../../pg-time.ts";
import type { TupleData } from "../../postgres/messages/tuple.ts";
import type { Event } from "./event.ts";
import type { Head, Place } from "./page.ts";
import type { Parts } from "./transaction.ts";

/** A row, and the same row as it was printed earlier. */
export interface SheetRow {
  readonly message: RowChange;
  readonly seen: TupleData | undefined;
}

/** What to draw, in order. */
export type Item =
  | ({ readonly kind: "row" } & SheetRow)
  | { readonly kind: "event"; readonly event: Event }
  /** It belongs to no transaction, even if one is open. */
  | { readonly kind: "aside"; readonly event: Event; readonly time: PgTime | null }
  | { readonly kind: "open"; readonly head: Head }
  | { readonly kind: "divide"; readonly parts: Parts }
  /** The transaction has no further rows. */
  | { readonly kind: "close"; readonly parts: Parts }
  /** A separate line; of that transaction, if it belongs to one. */
  | { readonly kind: "line"; readonly parts: Parts; readonly head: Head | null }
  | { readonly kind: "remark"; readonly text: string };

/** Where in its transaction the item stands. */
export function placeOf(items: readonly Item[], at: number): Place {
  const next = items[at + 1];
  if (next === undefined) return "open";
  return next.kind === "close" && next.parts.length === 0 ? "last" : "inner";
}

/** Of one kind and one table, and either both rows or none of them seen earlier. */
export function isAlike(one: SheetRow, other: SheetRow): boolean {
  const [{ message: a }, { message: b }] = [one, other];
  const isOneKind = a.kind === b.kind && a.relation === b.relation;
  return isOneKind && (one.seen === undefined) === (other.seen === undefined);
}
