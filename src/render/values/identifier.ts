import type { Column, Relation } from "../../postgres/messages/messages.ts";
import { clearLine } from "../bytes/sanitize.ts";

/** The names that SQL accepts without quotes, except keywords. */
const BARE = /^[\p{Ll}\p{Lo}_][\p{Ll}\p{Lo}\p{Nd}_$]*$/u;

/** A name on one line, in double quotes if SQL needs them: `t`, `"Odd.name"`. */
export function formatIdentifier(name: string): string {
  const safe = clearLine(name);
  return BARE.test(safe) ? safe : `"${safe.replaceAll('"', '""')}"`;
}

/** A column's name. The numbers that stand for columns of a relation that was not announced are not quoted. */
export function formatColumn(relation: Relation, column: Column): string {
  return relation.announced ? formatIdentifier(column.name) : column.name;
}

/** Schema and table: `public` and `orders`. For pg_catalog the wire has an empty schema. */
export function formatRelation(relation: Relation): {
  readonly schema: string;
  readonly table: string;
} {
  return {
    schema: formatIdentifier(relation.schema === "" ? "pg_catalog" : relation.schema),
    table: formatIdentifier(relation.table),
  };
}

/** `public.orders`, or `oid 16448` for a relation that no message announced. */
export function formatRelationName(relation: Relation): string {
  if (!relation.announced) return `oid ${relation.oid}`;
  const { schema, table } = formatRelation(relation);
  return `${schema}.${table}`;
}
