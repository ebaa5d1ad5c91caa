import { FIRST_NORMAL_OID } from "../../postgres/types/table.ts";
import type { CatalogFile } from "../../catalog/model.ts";
import type { RelationName, RelationNames } from "../../wal/relation-name.ts";

const GLOBAL_TABLESPACE = 1664;

/** What relations are called in a catalogue file, and what it does not hold by what the log shows. */
export class CatalogNames implements RelationNames {
  readonly #byFile = new Map<string, RelationName>();
  readonly #logged: RelationNames;
  readonly #database: number;

  constructor({ header, rows }: CatalogFile, logged: RelationNames) {
    this.#logged = logged;
    this.#database = header.database_oid;
    const byOid = new Map(rows.pg_class.map((row) => [row.oid, row]));
    const schemas = new Map(rows.pg_namespace.map(({ oid, nspname }) => [oid, nspname]));
    const serves = new Map(rows.pg_index.map(({ indexrelid, indrelid }) => [indexrelid, indrelid]));
    for (const { oid, reltoastrelid } of rows.pg_class) {
      if (reltoastrelid !== 0) serves.set(reltoastrelid, oid);
    }
    for (const own of rows.pg_class) {
      if (own.relfilenode === 0) continue;
      let table = own;
      // An index of a TOAST table serves its table at second hand.
      for (let hops = 0; hops < 2; hops++) table = byOid.get(serves.get(table.oid) ?? 0) ?? table;
      const tablespace = own.reltablespace === 0 ? header.tablespace : own.reltablespace;
      const database = tablespace === GLOBAL_TABLESPACE ? 0 : header.database_oid;
      this.#byFile.set(`${tablespace}/${database}/${own.relfilenode}`, {
        schema: schemas.get(table.relnamespace) ?? null,
        table: table.relname,
        oid: table.oid < FIRST_NORMAL_OID ? undefined : table.oid,
        relation: own === table ? undefined : own.relname,
      });
    }
  }

  get generation(): number {
    return this.#logged.generation;
  }

  nameOf(tablespace: number, database: number, relfilenode: number): RelationName | undefined {
    const ours = database === this.#database || database === 0;
    const name = ours ? this.#byFile.get(`${tablespace}/${database}/${relfilenode}`) : undefined;
    if (name !== undefined) return name;
    return this.#logged.nameOf(tablespace, database, relfilenode);
  }
}
