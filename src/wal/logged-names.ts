import { catalogFile } from "./catalog-files.ts";
import { ClassRows } from "./class-rows.ts";
import { readRelationMap } from "../postgres/records/files.ts";
import { HeapOperation, heapOperation, readInsert } from "../postgres/records/heap.ts";
import { unlessShort } from "../postgres/records/payload.ts";
import { FirstTuple } from "./first-tuple.ts";
import type { WalRecord } from "../postgres/records/record.ts";
import type { RelationName, RelationNames } from "./relation-name.ts";
import { Rmgr } from "../postgres/records/rmgrs.ts";
import type { WalVersion } from "../postgres/pages/versions.ts";

const PG_CLASS = 1259;
const PG_INDEX = 2610;
/** When there are more, the oldest are dropped: a log may create more relations than memory can hold. */
const KEPT_MAX = 50_000;

const SCHEMAS = new Map([
  [11, "pg_catalog"],
  [99, "pg_toast"],
  [2200, "public"],
]);
const TOAST_NAME = /^pg_toast_(\d+)(_index)?$/;

/**
 * Columns of pg_class: `oid@0 relname@4 relnamespace@68 … relfilenode@88 reltablespace@92 … relrewrite@128`. From
 * PostgreSQL 18 on one more column precedes relrewrite.
 */
const REWRITE_OFFSET = 128;
const NAME_BYTES = 64;
/** Columns of pg_index: `indexrelid@0 indrelid@4`. */
const INDEX_BYTES = 8;

interface Created {
  readonly database: number;
  readonly oid: number;
  readonly schema: string | null;
  readonly name: string;
  readonly relfilenode: number;
  /** 0: the database's own tablespace. */
  readonly tablespace: number;
  /** The table whose new file this is (VACUUM FULL, ALTER TABLE); 0 if none. */
  readonly rewrites: number;
}

const utf8 = new TextDecoder();

/**
 * The names of relations as far as the log itself contains them: in the pg_class row that is inserted at a relation's
 * creation, in later updates of it (TRUNCATE, VACUUM FULL and others assign another file), and in an index's pg_index
 * row. The first files of the system catalogues are known.
 */
export class LoggedNames implements RelationNames {
  generation = 0;
  readonly #byFile = new Map<string, Created>();
  readonly #byOid = new Map<string, Created>();
  /** The table of each index. */
  readonly #tableOf = new Map<string, number>();
  /** The files that pg_class was moved to, by database. */
  readonly #classFiles = new Map<number, number>();
  readonly #tuple = new FirstTuple();
  readonly #rows = new ClassRows();

  /** Needs to see every record, in order. */
  observe(record: WalRecord, version: WalVersion): void {
    const { rmgr } = record;
    if (rmgr === Rmgr.heap) {
      if (record.blockCount === 0) return;
      const operation = heapOperation(record);
      const { relfilenode, database } = record.blocks[0]!;
      if (relfilenode === (this.#classFiles.get(database) ?? PG_CLASS)) {
        if (operation === HeapOperation.insert)
          this.#addClass(database, this.#rows.inserted(record), version);
        else if (operation === HeapOperation.update || operation === HeapOperation.hotUpdate) {
          this.#addClass(database, this.#rows.updated(record), version);
        }
      } else if (relfilenode === PG_INDEX && operation === HeapOperation.insert)
        this.#addIndex(record);
    } else if (rmgr === Rmgr.relMap) this.#addMapping(record);
  }

  nameOf(tablespace: number, database: number, relfilenode: number): RelationName | undefined {
    const catalog = catalogFile(relfilenode);
    if (catalog !== undefined) return catalogName(catalog.name, catalog.table);
    const created = this.#byFile.get(keyOf(database, relfilenode));
    if (created === undefined) return undefined;
    if (created.tablespace !== 0 && created.tablespace !== tablespace) return undefined;
    if (created.rewrites !== 0) return this.#rewritten(created);
    const served = this.#served(created);
    if (served === undefined) {
      return tableName(created, undefined);
    }
    return tableName(served, created.name);
  }

  /** The relation is a rewrite of another one, whose name counts: its own is temporary. */
  #rewritten({ database, rewrites }: Created): RelationName | undefined {
    const table = this.#byOid.get(keyOf(database, rewrites));
    return table === undefined ? undefined : tableName(table, undefined);
  }

  /** The table that an index or a TOAST table belongs to, if that is known. */
  #served({ database, oid, name, schema }: Created): Created | undefined {
    const toast = schema === "pg_toast" ? TOAST_NAME.exec(name)?.[1] : undefined;
    const table = toast === undefined ? this.#tableOf.get(keyOf(database, oid)) : Number(toast);
    return table === undefined ? undefined : this.#byOid.get(keyOf(database, table));
  }

  #addClass(database: number, row: DataView | undefined, version: WalVersion): void {
    if (row === undefined) return;
    const relfilenode = row.getUint32(88, true);
    const oid = row.getUint32(0, true);
    const bytes = new Uint8Array(row.buffer, row.byteOffset + 4, NAME_BYTES);
    const nul = bytes.indexOf(0);
    const name = utf8.decode(bytes.subarray(0, nul < 0 ? NAME_BYTES : nul));
    const schema = SCHEMAS.get(row.getUint32(68, true)) ?? null;
    const tablespace = row.getUint32(92, true);
    const rewrites = row.getUint32(REWRITE_OFFSET + (version >= 18 ? 4 : 0), true);
    const created = { database, oid, schema, name, relfilenode, tablespace, rewrites };
    remember(this.#byOid, keyOf(database, oid), created);
    if (relfilenode !== 0) remember(this.#byFile, keyOf(database, relfilenode), created);
    this.generation++;
  }

  #addIndex(record: WalRecord): void {
    const insert = unlessShort(() => readInsert(record));
    const row = insert && this.#tuple.of(record, insert.offset, INDEX_BYTES);
    if (row === undefined) return;
    const { database } = record.blocks[0]!;
    const index = keyOf(database, row.getUint32(0, true));
    remember(this.#tableOf, index, row.getUint32(4, true));
    this.generation++;
  }

  #addMapping(record: WalRecord): void {
    const { database = 0, mappings = [] } = unlessShort(() => readRelationMap(record)) ?? {};
    const file = mappings.find(({ oid }) => oid === PG_CLASS)?.relfilenode;
    if (file === undefined || file === (this.#classFiles.get(database) ?? PG_CLASS)) return;
    this.#classFiles.set(database, file);
    this.#rows.forget(database);
  }
}

function catalogName(name: string, table: string | undefined): RelationName {
  const relation = table === undefined ? undefined : name;
  return { schema: "pg_catalog", table: table ?? name, oid: undefined, relation };
}

function tableName({ schema, name, oid }: Created, relation: string | undefined): RelationName {
  return { schema, table: name, oid, relation };
}

function keyOf(database: number, number: number): string {
  return `${database}/${number}`;
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= KEPT_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
