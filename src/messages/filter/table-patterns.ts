import type { Relation } from "../../postgres/messages/messages.ts";
import { quotePlainly } from "../../server/query/sql.ts";
import type { TablePattern } from "../../server/query/typed-names.ts";

/** A relation, or a table of the catalogue. */
type Named = Pick<Relation, "schema" | "table"> & Partial<Pick<Relation, "announced">>;

/** Undefined: every table. Each relation is matched only once: rows come by the million. */
export function tableMatcher(
  patterns: readonly TablePattern[],
): ((relation: Relation) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const known = new WeakMap<Relation, boolean>();
  let last: Relation | undefined;
  let lastMatches = false;
  return (relation) => {
    if (relation === last) return lastMatches;
    let matching = known.get(relation);
    if (matching === undefined) {
      matching = patterns.some((pattern) => fitsTable(pattern, relation));
      known.set(relation, matching);
    }
    last = relation;
    lastMatches = matching;
    return matching;
  };
}

/** Both names are empty for a relation that was never announced: only `*` and `*.*` match it. */
export function fitsTable(pattern: TablePattern, relation: Named): boolean {
  return pattern.fits(schemaOf(relation), relation.table);
}

/** To be shown. */
export function qualifiedName(relation: Named): string {
  return `${schemaOf(relation)}.${relation.table}`;
}

/** As an option takes it. */
export function typedName(table: Named): string {
  return `${quotePlainly(schemaOf(table))}.${quotePlainly(table.table)}`;
}

/** The wire leaves pg_catalog out. */
function schemaOf({ schema, announced = false }: Named): string {
  return schema === "" && announced ? "pg_catalog" : schema;
}

/** For a message: a pattern may have quotes of its own. */
export function inQuotes({ text }: TablePattern): string {
  return text.includes('"') ? text : `"${text}"`;
}
