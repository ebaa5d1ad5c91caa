import { listPublished } from "../../server/publication/names.ts";
import { withConnection } from "../connection.ts";
import type { AskedNames } from "../messages/asked-names.ts";
import type { Reporter } from "../reporter.ts";
import type { TailConfig } from "./config.ts";

/**
 * With --only-table or --row, warns of tables that no publication of the stream has: their rows never come. Call what it
 * returns when the stream has started and the publications are sure to be there: it asks once.
 */
export function unpublishedTables(
  config: TailConfig,
  names: AskedNames,
  reporter: Reporter,
  ended: AbortSignal,
): () => void {
  let isDone = config.filter.tables.length === 0;
  return () => {
    if (!isDone) void warnOfUnpublished(config, names, reporter, ended);
    isDone = true;
  };
}

async function warnOfUnpublished(
  { target, pgoutput }: TailConfig,
  names: AskedNames,
  reporter: Reporter,
  ended: AbortSignal,
): Promise<void> {
  // Without an answer nothing is said: the stream goes on.
  const tables = await withConnection(target, "ordinary", ended, (client) =>
    listPublished(client, pgoutput.publications),
  ).catch(() => undefined);
  if (tables === undefined || ended.aborted) return;
  for (const warning of names.published(tables)) reporter.warn(warning);
}
