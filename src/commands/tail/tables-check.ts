import { listPublished } from "../../server/publication/names.ts";
import { readTables } from "../../server/types/tables.ts";
import { withConnection } from "../connection.ts";
import type { AskedNames } from "../../messages/filter/asked-names.ts";
import type { Warning } from "../../program/reporter.ts";
import type { TailConfig } from "./config.ts";

/**
 * What the catalogue shows of the tables of --only-table and --row: a change that shows the mistake may never come.
 * These are warnings, since the slot may hold changes of a table that was altered or dropped since. Call it when the
 * publications are sure to be there. Without an answer there are none: the stream goes on.
 */
export async function checkTables(
  { filter: { rows }, target, pgoutput }: TailConfig,
  names: AskedNames,
  over: AbortSignal,
): Promise<readonly Warning[]> {
  try {
    return await withConnection(target, "ordinary", over, async (client) => {
      const hasAll = rows?.compare(await readTables(client, rows.tableNames)) ?? true;
      if (!hasAll) names.tablesMissing();
      const published = hasAll ? await listPublished(client, pgoutput.publications) : undefined;
      if (over.aborted) return [];
      return [
        ...(rows?.soFar() ?? []),
        ...(published === undefined ? [] : names.published(published)),
      ];
    });
  } catch {
    return [];
  }
}
