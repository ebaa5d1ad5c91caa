import { quoteIdentifierList, quoteReplicationString } from "./sql.ts";

/** What pgoutput is asked for (manual: Logical Streaming Replication Parameters). */
export interface PgoutputOptions {
  readonly publications: readonly string[];
  /** Also what pg_logical_emit_message writes. */
  readonly messages: boolean;
}

/** The list in the parentheses of START_REPLICATION. The protocol version is the lowest that serves. */
export function formatPgoutputOptions(options: PgoutputOptions): string {
  const parameters: Array<readonly [name: string, value: string]> = [
    ["proto_version", "1"],
    ["publication_names", quoteIdentifierList(options.publications)],
  ];
  if (options.messages) parameters.push(["messages", "true"]);
  return parameters.map(([name, value]) => `"${name}" ${quoteReplicationString(value)}`).join(", ");
}
