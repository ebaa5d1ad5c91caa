import type { Doubts } from "./doubts.ts";
import type { RowVersion, VersionIndexes } from "./row-version.ts";
import type { TableAttribute, TableVersion } from "./table-version.ts";
import { type TypesOverTime, storedAttribute } from "./types-over-time.ts";

interface Built {
  readonly table: TableVersion;
  /** All rows that it was built from. */
  readonly rows: ReadonlySet<RowVersion>;
}

/** Builds tables from the rows that are visible to a change. */
export class TablesOverTime {
  readonly #indexes: VersionIndexes;
  readonly #types: TypesOverTime;
  readonly #tablespace: number;
  readonly #doubts: Doubts;
  readonly #indexesFrom: number;
  /** The last version built of each table, by oid. */
  readonly #built = new Map<number, Built>();

  /** @param indexesFrom before this position a table without a key may have had one */
  constructor(
    indexes: VersionIndexes,
    types: TypesOverTime,
    tablespace: number,
    doubts: Doubts,
    indexesFrom: number,
  ) {
    this.#doubts = doubts;
    this.#indexesFrom = indexesFrom;
    this.#indexes = indexes;
    this.#types = types;
    this.#tablespace = tablespace;
  }

  /** The table for the change to which `types` is set. Undefined if not all of it is known. */
  of(version: RowVersion<"pg_class">): TableVersion | undefined {
    const { lsn, owner } = this.#types;
    const { row } = version;
    const namespace = this.#indexes.pg_namespace.visible(row.relnamespace, lsn, owner);
    const attributes = this.#attributeRows(version);
    if (namespace === undefined || attributes === undefined) return undefined;
    const rows = new Set<RowVersion>([version, namespace, ...attributes]);
    const key = this.#keyNumbers(version, rows);
    if (key === undefined) return undefined;
    for (const { row: attribute } of attributes) {
      if (attribute.attisdropped) continue;
      // The server has no such column, so the type's row is unknown.
      if (!this.#types.addVersions(attribute.atttypid, rows)) return undefined;
    }
    for (const each of rows) {
      if (each.isUnknown || this.#doubts.has(each, lsn)) return undefined;
    }
    const rowKey = this.#rowKeyNumbers(version, rows);
    const last = this.#built.get(row.oid);
    if (last !== undefined && last.rows.size === rows.size && isSubset(rows, last.rows)) {
      return last.table;
    }
    const all = row.relreplident === "f";
    const table: TableVersion = {
      oid: row.oid,
      schema: namespace.row.nspname,
      name: row.relname,
      relfilenode: row.relfilenode,
      tablespace: row.reltablespace === 0 ? this.#tablespace : row.reltablespace,
      relkind: row.relkind,
      persistence: row.relpersistence,
      replicaIdentity: row.relreplident,
      toastRelation: row.reltoastrelid,
      relrewrite: row.relrewrite,
      attributes: attributes.map(({ row: attribute }): TableAttribute => {
        return {
          ...storedAttribute(attribute),
          typmod: attribute.atttypmod,
          generated: attribute.attgenerated !== "",
          key: !attribute.attisdropped && (all || key.has(attribute.attnum)),
          rowKey: rowKey.has(attribute.attnum),
        };
      }),
    };
    this.#built.set(row.oid, { table, rows });
    return table;
  }

  /** That row is gone: drops what was built from it. */
  forget({ catalog, row }: RowVersion): void {
    if (catalog === "pg_class" && "oid" in row) this.#built.delete(row.oid);
  }

  /** The rows by attnum. Undefined if one is missing. */
  #attributeRows({
    row: { oid, relnatts },
  }: RowVersion<"pg_class">): ReadonlyArray<RowVersion<"pg_attribute">> | undefined {
    const { lsn, owner } = this.#types;
    const found: RowVersion<"pg_attribute">[] = [];
    let count = 0;
    for (const version of this.#indexes.pg_attribute.all(oid)) {
      if (!version.isVisible(lsn, owner)) continue;
      found[version.row.attnum - 1] = version;
      count++;
    }
    if (found.length !== count || (relnatts !== undefined && relnatts !== count)) return undefined;
    return found;
  }

  /** The columns of the primary key where the replica identity has no key. Empty: none, or it is not known. */
  #rowKeyNumbers({ row }: RowVersion<"pg_class">, rows: Set<RowVersion>): ReadonlySet<number> {
    const { lsn, owner } = this.#types;
    if (row.relreplident !== "f" && row.relreplident !== "n") return new Set();
    for (const version of this.#indexes.pg_index.all(row.oid)) {
      const { indisprimary, indkey, indnkeyatts } = version.row;
      if (!indisprimary || !version.isVisible(lsn, owner)) continue;
      if (version.isUnknown || this.#doubts.has(version, lsn)) continue;
      rows.add(version);
      return new Set(indkey.slice(0, indnkeyatts));
    }
    return new Set();
  }

  /** The columns of the replica identity (utils/cache/relcache.c, RelationGetIndexList). Undefined if unknown. */
  #keyNumbers(
    { row }: RowVersion<"pg_class">,
    rows: Set<RowVersion>,
  ): ReadonlySet<number> | undefined {
    const { lsn, owner } = this.#types;
    const { relreplident } = row;
    if (relreplident !== "d" && relreplident !== "i") return new Set();
    for (const version of this.#indexes.pg_index.all(row.oid)) {
      if (!version.isVisible(lsn, owner)) continue;
      if (version.isUnknown || this.#doubts.has(version, lsn)) return undefined;
      const { indimmediate, indisprimary, indisreplident, indisvalid, indkey, indnkeyatts } =
        version.row;
      if (!(relreplident === "d" ? indisprimary : indisreplident)) continue;
      if (!indimmediate || !indisvalid) continue;
      rows.add(version);
      return new Set(indkey.slice(0, indnkeyatts));
    }
    return lsn < this.#indexesFrom ? undefined : new Set();
  }
}

function isSubset(rows: ReadonlySet<RowVersion>, of: ReadonlySet<RowVersion>): boolean {
  for (const row of rows) if (!of.has(row)) return false;
  return true;
}
