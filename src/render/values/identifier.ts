import type { Column, Relation } from "../../pgoutput/messages.ts";
import { sanitizeLine } from "../bytes/sanitize.ts";

/** What SQL reads without quotes, but for keywords. */
const BARE = /^[\p{Ll}\p{Lo}_][\p{Ll}\p{Lo}\p{Nd}_$]*$/u;

/** A name on one line, in double quotes where SQL wants them: `t`, `"Odd.name"`. */
export function formatIdentifier(name: string): string {
  const safe = sanitizeLine(name);
  return BARE.test(safe) ? safe : `"${safe.replaceAll('"', '""')}"`;
}

/** A column's name; the numbers that stand for the columns of a relation not announced are no names. */
export function formatColumn(relation: Relation, column: Column): string {
  return relation.announced ? formatIdentifier(column.name) : column.name;
}

/** The schema, and the table: `public` and `orders`; of pg_catalog the wire names no schema. */
export function formatRelation(relation: Relation): {
  readonly schema: string;
  readonly table: string;
} {
  return {
    schema: formatIdentifier(relation.schema === "" ? "pg_catalog" : relation.schema),
    table: formatIdentifier(relation.table),
  };
}

/** `public.orders`, or `oid 16448` of a relation that no message announced. */
export function formatRelationName(relation: Relation): string {
  if (!relation.announced) return `oid ${relation.oid}`;
  const { schema, table } = formatRelation(relation);
  return `${schema}.${table}`;
}
