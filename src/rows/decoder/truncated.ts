import type { CatalogOverTime, Owner } from "../catalog/history.ts";
import { nameOnly } from "../messages/table-plans.ts";
import type { Losses } from "./losses.ts";
import type { RowOptions } from "./row-options.ts";

/** At wal_level=replica a TRUNCATE leaves a new file, and no record of its own. */
export function noteTruncated(
  { catalog, options }: { readonly catalog: CatalogOverTime; readonly options: RowOptions },
  owner: Owner,
  losses: Losses,
): void {
  const { asked, tablesChanged } = options;
  if (tablesChanged || !asked.kinds("truncate")) return;
  for (const { action, lsn, oid } of catalog.tableChanges(owner).told) {
    const table = action === "truncated" ? catalog.relationByOid(oid, lsn, owner) : undefined;
    if (table?.persistence !== "p" || table.relkind !== "r") continue;
    const relation = nameOnly(oid, table.schema, table.name);
    if (asked.tables(relation)) losses.truncate(relation, lsn);
  }
}
