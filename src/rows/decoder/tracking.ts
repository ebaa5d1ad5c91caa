import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import type { CatalogOverTime } from "../catalog/history.ts";
import type { Locator } from "../../postgres/records/locator.ts";
import type { Tracked } from "../pages/tracked-page.ts";
import type { Survey } from "./survey.ts";

/** The owner of no change: it sees what others have committed. */
export const NOBODY: ReadonlySet<number> = new Set();

/**
 * Decides which pages to track. Catalogues come first: they are always needed. Of tables that are not known, a transaction in progress
 * may have created them.
 */
export function trackingFor(
  catalog: () => CatalogOverTime,
  tracksTables: () => boolean,
  { database, survey }: { readonly database: number; readonly survey: Survey | undefined },
): (file: Locator, lsn: number) => Tracked | undefined {
  return ({ tablespace, database: of, relfilenode }, lsn) => {
    if (catalog().isCatalog(tablespace, of, relfilenode)) return "all";
    if (of !== database || !tracksTables()) return undefined;
    const table = catalog().relationAt(tablespace, relfilenode, lsn, NOBODY);
    if (table === undefined) return "all";
    if (table.oid < FIRST_NORMAL_OID) return undefined;
    if (table.relkind === "t") return "images";
    if (table.relkind !== "r") return undefined;
    return survey === undefined ? "all" : (block) => survey.touches(relfilenode, block);
  };
}
