import type { Client } from "pg";
import { WalctlError, usageError } from "../../errors.ts";
import { readServerVersion } from "../settings/preflight.ts";
import { listPublications } from "./state.ts";
import { SUGGESTED_NAME } from "./name.ts";
import { suggestPublication, suggestionText } from "./suggestion.ts";
import { quoteIdentifier } from "../query/sql.ts";
import type { ConnectionTarget } from "../target/target.ts";

/**
 * The database's only publication, for a stream without --publication.
 * @throws WalctlError when there is none; a usage error, with their names, when there are several
 */
export async function chooseSolePublication(
  client: Client,
  target: ConnectionTarget,
): Promise<string> {
  const names = await listPublications(client);
  const [only, ...others] = names;
  if (only === undefined) {
    const version = await readServerVersion(client);
    const suggestion = await suggestPublication(client, target, version, SUGGESTED_NAME);
    throw new WalctlError(`there are no publications in database "${target.database}"`, {
      hint: suggestionText(suggestion),
    });
  }
  if (others.length === 0) return only;
  throw usageError(
    `database "${target.database}" has ${names.length} publications, and none is named`,
    `Name at least one with -P: ${names.map(quoteIdentifier).join(", ")}.`,
  );
}
