import { usageError } from "../errors.ts";
import {
  type GeneratedColumns,
  OPERATIONS,
  type Operation,
  type PublicationPlan,
} from "../server/publication/plan.ts";
import { parseIdentifier, parseTableSpec } from "../server/publication/table-spec.ts";

/** The flags that define a publication. tail has the first three. */
export interface PublicationFlags {
  readonly table?: readonly string[];
  readonly schema?: readonly string[];
  readonly allTables?: boolean;
  readonly publish?: string;
  readonly viaPartitionRoot?: boolean;
  readonly generatedColumns?: GeneratedColumns;
}

/**
 * Undefined if the flags name neither tables nor schemas nor all tables.
 * @throws WalctlError, a usage error
 */
export function publicationPlan(
  name: string,
  flags: PublicationFlags,
): PublicationPlan | undefined {
  if (flags.table === undefined && flags.schema === undefined && flags.allTables !== true) {
    return undefined;
  }
  if (name === "") throw usageError("a publication's name cannot be empty");
  return {
    name,
    tables: (flags.table ?? []).map(parseTableSpec),
    schemas: (flags.schema ?? []).map((schema) => parseIdentifier("--schema", schema)),
    allTables: flags.allTables ?? false,
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
