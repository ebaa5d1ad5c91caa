import type { Relation } from "../../pgoutput/messages.ts";

/** Undefined: every table. Each relation is matched only once: rows come by the million. */
export function tableMatcher(
  patterns: readonly string[],
): ((relation: Relation) => boolean) | undefined {
  if (patterns.length === 0) return undefined;
  const expressions = patterns.map(patternExpression);
  const known = new WeakMap<Relation, boolean>();
  let last: Relation | undefined;
  let lastMatches = false;
  return (relation) => {
    if (relation === last) return lastMatches;
    let matching = known.get(relation);
    if (matching === undefined) {
      const name = qualifiedName(relation);
      matching = expressions.some((expression) => expression.test(name));
      known.set(relation, matching);
    }
    last = relation;
    lastMatches = matching;
    return matching;
  };
}

/** Both names are empty for a relation that was never announced: only `*` and `*.*` match it. */
export function qualifiedName(relation: Relation): string {
  const schema = relation.schema === "" && relation.announced ? "pg_catalog" : relation.schema;
  return `${schema}.${relation.table}`;
}

/** As in psql, a pattern without a dot names a table in any schema. */
export function patternExpression(pattern: string): RegExp {
  const source = (pattern.includes(".") ? pattern : `*.${pattern}`)
    .replace(/[\\^$+.()|[\]{}]/g, String.raw`\$&`)
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "su");
}
