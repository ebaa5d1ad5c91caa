import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import type { CatalogRow } from "./row-version.ts";

type ClassRow = Pick<CatalogRow<"pg_class">, "oid" | "relfilenode" | "relkind" | "relrewrite">;

/**
 * The files of system catalogues and of their TOAST tables, with those that VACUUM FULL and CLUSTER gave them. No row of theirs is
 * printed, so that none is missing where the catalogue is not known.
 */
export class SystemFiles {
  readonly #files = new Set<number>();
  readonly #ordinary = new Set<number>();

  constructor(rows: readonly ClassRow[]) {
    for (const row of rows) this.row(row);
  }

  row({ oid, relfilenode, relkind, relrewrite }: ClassRow): void {
    const isSystem = oid < FIRST_NORMAL_OID || (relrewrite !== 0 && relrewrite < FIRST_NORMAL_OID);
    // Only mapped tables have none. The first file of such a copy has its oid (catalog/heap.c, heap_create).
    if (relfilenode === 0) {
      if (relkind === "r" || relkind === "t") this.#files.add(oid);
    } else if (isSystem) this.#files.add(relfilenode);
    else this.#ordinary.add(relfilenode);
  }

  /** It is a mapped catalogue's, whose rows name no file: by the relation map, or since it was dropped for the map's next one. */
  mapped(relfilenode: number): void {
    if (!this.#ordinary.has(relfilenode)) this.#files.add(relfilenode);
  }

  has(relfilenode: number): boolean {
    return this.#files.has(relfilenode);
  }
}
