import { usageError } from "../errors.ts";
import {
  type GeneratedColumns,
  OPERATIONS,
  type Operation,
  type PublicationPlan,
} from "../server/publication/plan.ts";
import {
  parseIdentifier,
  parseTableName,
  parseTableSpec,
} from "../server/publication/table-spec.ts";

/** The flags that define a publication. tail has the first three. */
export interface PublicationFlags {
  readonly table?: readonly string[];
  readonly schema?: readonly string[];
  readonly allTables?: boolean;
  readonly except?: readonly string[];
  readonly allSequences?: boolean;
  readonly publish?: string;
  readonly viaPartitionRoot?: boolean;
  readonly generatedColumns?: GeneratedColumns;
}

/**
 * Undefined if the flags name neither tables nor schemas, nor all tables or sequences.
 * @throws WalctlError, a usage error
 */
export function publicationPlan(
  name: string,
  flags: PublicationFlags,
): PublicationPlan | undefined {
  const { table, schema: schemas, allTables = false, except = [], allSequences = false } = flags;
  if (except.length > 0 && !allTables) {
    throw usageError("--except leaves tables out of all tables, and --all-tables is not given");
  }
  if (table === undefined && schemas === undefined && !allTables && !allSequences) {
    return undefined;
  }
  if (name === "") throw usageError("a publication's name cannot be empty");
  return {
    name,
    tables: (table ?? []).map(parseTableSpec),
    schemas: (schemas ?? []).map((schema) => parseIdentifier("--schema", schema)),
    allTables,
    excluded: except.map((text) => parseTableName("--except", text)),
    allSequences,
    publish: flags.publish === undefined ? undefined : parsePublish(flags.publish),
    viaPartitionRoot: flags.viaPartitionRoot ?? false,
    generatedColumns: flags.generatedColumns,
  };
}

function parsePublish(text: string): readonly Operation[] {
  const asked = text.split(",").map((word) => word.trim().toLowerCase());
  const unknown = asked.find((word) => !OPERATIONS.some((operation) => operation === word));
  if (unknown !== undefined) {
    throw usageError(
      `--publish takes a list of ${OPERATIONS.join(", ")}, not "${unknown}"`,
      "The form is --publish insert,update,delete",
    );
  }
  return OPERATIONS.filter((operation) => asked.includes(operation));
}
