import { readTables } from "../../server/types/tables.ts";
import type { ConnectionTarget } from "../../server/target/target.ts";
import { withConnection } from "../connection.ts";
import type { AskedNames } from "../messages/asked-names.ts";
import type { AskedRows } from "../messages/asked-rows.ts";

/**
 * Asks the catalogue for the tables of --row: a change that shows the mistake may never come. These are warnings, since
 * the slot may hold changes of a table that was altered or dropped since.
 */
export async function checkRows(
  rows: AskedRows,
  names: AskedNames,
  target: ConnectionTarget,
  over: AbortSignal,
): Promise<void> {
  try {
    const relations = await withConnection(target, "ordinary", over, (client) =>
      readTables(client, rows.tableNames),
    );
    if (!over.aborted && !rows.compare(relations)) names.tablesMissing();
  } catch {
    // What arrives shows the same faults.
  }
}
