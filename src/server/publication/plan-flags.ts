import type { PublicationPlan } from "./plan.ts";
import { quoteIdentifier } from "../query/sql.ts";
import type { TableSpec } from "./table-spec.ts";

/** The command-line words for the plan, not yet quoted for the shell. */
export function planFlags(plan: PublicationPlan): readonly string[] {
  return [
    ...plan.tables.flatMap((table) => ["-t", tableSpecText(table)]),
    ...plan.schemas.flatMap((schema) => ["--schema", identifierText(schema)]),
    ...(plan.allTables ? ["--all-tables"] : []),
    ...plan.excluded.flatMap((table) => ["--except", tableSpecText(table)]),
    ...(plan.allSequences ? ["--all-sequences"] : []),
    ...(plan.publish === undefined ? [] : ["--publish", plan.publish.join(",")]),
    ...(plan.viaPartitionRoot ? ["--via-partition-root"] : []),
    ...(plan.generatedColumns === undefined ? [] : ["--generated-columns", plan.generatedColumns]),
  ];
}

function tableSpecText({ schema, name, columns, where }: TableSpec): string {
  const table =
    schema === undefined
      ? identifierText(name)
      : `${identifierText(schema)}.${identifierText(name)}`;
  const list = columns === undefined ? "" : ` (${columns.map(identifierText).join(", ")})`;
  return `${table}${list}${where === undefined ? "" : ` WHERE ${where}`}`;
}

/** Quotes a name only where SQL would read it differently without quotes. */
function identifierText(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}
