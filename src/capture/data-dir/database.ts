import { join } from "node:path";
import {
  type DecodeName,
  HeapRows,
  type Kinds,
  TupleValues,
  nameDecoder,
} from "../../catalog/heap-rows.ts";
import {
  type CatalogHeader,
  type CatalogRows,
  FOLLOWED_CATALOGS,
  type FollowedCatalog,
  type PgAttribute,
  type PgClass,
} from "../../catalog/model.ts";
import { usageError } from "../../errors.ts";
import { TUPLE_HEADER_BYTES } from "../../postgres/tuples/tuple.ts";
import type { PageTuple } from "../../postgres/tuples/heap-page.ts";
import { InputError } from "../formats/input-error.ts";
import { type Cluster, DEFAULT_TABLESPACE } from "./cluster.ts";
import type { FilenodeMap } from "./control-file.ts";
import {
  DATABASE_ENCODING_AT,
  DATABASE_NAME_AT,
  attributeColumns,
  databaseTablespaceAt,
} from "./layouts.ts";

const PG_DATABASE = 1262;
const NAME_BYTES = 64;

/** A row of pg_database. */
export interface DatabaseRow {
  readonly oid: number;
  readonly name: string;
  /** A number from mb/pg_wchar.h. */
  readonly encoding: number;
  readonly tablespace: number;
}

/** @throws WalctlError, a usage error that lists the databases, where there is none of that name */
export function findDatabase(cluster: Cluster, name: string): DatabaseRow {
  const databases = Array.from(
    cluster.tuples(join(cluster.folder, "global"), mapped(cluster.sharedMap, PG_DATABASE, cluster)),
    ({ tuple }) => databaseRow(tuple, cluster),
  );
  const found = databases.find((database) => database.name === name);
  if (found !== undefined) return found;
  const names = databases.map((database) => `"${database.name}"`).toSorted();
  throw usageError(
    `there is no database "${name}" in "${cluster.folder}"`,
    `It has ${names.join(", ")}.`,
  );
}

function databaseRow({ bytes, start, end, hoff }: PageTuple, cluster: Cluster): DatabaseRow {
  const tablespaceAt = databaseTablespaceAt(cluster.control.version);
  const row = bytes.subarray(start + hoff - TUPLE_HEADER_BYTES, end);
  if (row.length < tablespaceAt + 4) throw new InputError("a row of pg_database is cut short");
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const name = row.subarray(DATABASE_NAME_AT, DATABASE_NAME_AT + NAME_BYTES);
  return {
    oid: view.getUint32(0, true),
    name: new TextDecoder().decode(name).split("\0", 1)[0] ?? "",
    encoding: view.getInt32(DATABASE_ENCODING_AT, true),
    tablespace: view.getUint32(tablespaceAt, true),
  };
}

/** The catalogues of one database. */
export class DatabaseFiles {
  readonly database: DatabaseRow;
  readonly filenodes: Readonly<Record<FollowedCatalog, number>>;
  readonly classes: readonly PgClass[];
  /** Missing values are in their stored form. */
  readonly attributes: readonly PgAttribute[];
  readonly #cluster: Cluster;
  readonly #folder: string;
  readonly #map: FilenodeMap;
  readonly #encoding: string;
  readonly #decodeName: DecodeName;
  readonly #columns = new Map<number, PgAttribute[]>();

  /** @param encoding the database's, as pg_encoding_to_char() names it */
  constructor(cluster: Cluster, database: DatabaseRow, encoding: string) {
    this.database = database;
    this.#cluster = cluster;
    this.#encoding = encoding;
    this.#decodeName = nameDecoder(encoding);
    this.#folder = folderOf(cluster, database);
    this.#map = cluster.readMap(this.#folder);
    const layout = new HeapRows(
      "pg_attribute",
      attributeColumns(cluster.control.version),
      this.#decodeName,
    );
    const { pg_attribute: oid } = FOLLOWED_CATALOGS;
    const attributes = this.#read(layout, this.#folder, mapped(this.#map, oid, cluster));
    // Lower numbers are system columns.
    this.attributes = attributes.filter(({ attnum }) => attnum > 0);
    for (const column of this.attributes) {
      const columns = this.#columns.get(column.attrelid) ?? [];
      columns.push(column);
      this.#columns.set(column.attrelid, columns);
    }
    this.classes = this.#readClasses();
    const files = new Map(this.classes.map(({ oid: each, relfilenode }) => [each, relfilenode]));
    this.filenodes = Object.fromEntries(
      Object.entries(FOLLOWED_CATALOGS).map(([name, each]) => [name, files.get(each) ?? 0]),
    ) as Record<FollowedCatalog, number>;
  }

  /** Rows of a catalogue whose file pg_class names. */
  rows<Catalog extends keyof CatalogRows>(
    catalog: Catalog,
    oid: number,
  ): ReadonlyArray<CatalogRows[Catalog][number]> {
    const make = (): HeapRows<Catalog> =>
      new HeapRows(catalog, this.#columnsOf(oid), this.#decoderOf(oid));
    return this.#read(this.#described(make, oid), ...this.#fileOf(oid));
  }

  /** Some columns of a catalogue. */
  values(oid: number, kinds: Kinds): ReadonlyArray<Record<string, unknown>> {
    const make = (): TupleValues =>
      new TupleValues(kinds, this.#columnsOf(oid), this.#decoderOf(oid));
    const reader = this.#described(make, oid);
    return this.#read({ row: (tuple) => reader.of(tuple, {}) }, ...this.#fileOf(oid));
  }

  #readClasses(): readonly PgClass[] {
    const { pg_class: oid } = FOLLOWED_CATALOGS;
    const make = (): HeapRows<"pg_class"> =>
      new HeapRows("pg_class", this.#columnsOf(oid), this.#decodeName);
    const filenode = mapped(this.#map, oid, this.#cluster);
    const rows = this.#read(this.#described(make, oid), this.#folder, filenode);
    const { sharedMap } = this.#cluster;
    return rows.map((row) => {
      if (row.relfilenode !== 0) return row;
      return { ...row, relfilenode: this.#map.get(row.oid) ?? sharedMap.get(row.oid) ?? 0 };
    });
  }

  #fileOf(oid: number): readonly [folder: string, filenode: number] {
    const shared = this.#cluster.sharedMap.get(oid);
    if (shared !== undefined) return [join(this.#cluster.folder, "global"), shared];
    const filenode = this.classes.find((row) => row.oid === oid)?.relfilenode ?? 0;
    if (filenode !== 0) return [this.#folder, filenode];
    throw new InputError(`"${this.#folder}": pg_class does not name the file of relation ${oid}`);
  }

  #described<Reader>(make: () => Reader, oid: number): Reader {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new InputError(
        `"${this.#folder}" is damaged: the columns of relation ${oid} in pg_attribute: ${error.message}`,
      );
    }
  }

  /** A name in a shared catalogue may be in another database's encoding. */
  #decoderOf(oid: number): DecodeName {
    if (!this.#cluster.sharedMap.has(oid)) return this.#decodeName;
    return (bytes, kind) => this.#decodeName(bytes, kind) ?? new TextDecoder().decode(bytes);
  }

  #columnsOf(oid: number): readonly PgAttribute[] {
    return this.#columns.get(oid) ?? [];
  }

  #read<Row>(
    reader: { row(tuple: PageTuple, ctid: PgClass["ctid"]): Row | undefined },
    folder: string,
    filenode: number,
  ): Row[] {
    const rows: Row[] = [];
    for (const { tuple, ctid } of this.#cluster.tuples(folder, filenode)) {
      const row = reader.row(tuple, ctid);
      if (row === undefined) {
        const path = join(folder, String(filenode));
        throw new InputError(
          `"${path}" is damaged, or not in ${this.#encoding}: row (${ctid.block},${ctid.item}) cannot be read`,
          { hint: "Take the catalogue from the running server." },
        );
      }
      rows.push(row);
    }
    return rows;
  }
}

/** The catalogue file's header, except for what no file of the database contains. */
export function clusterHeader(
  cluster: Cluster,
  { database, filenodes }: DatabaseFiles,
): Omit<CatalogHeader, "encoding" | "lc_monetary" | "array_handler" | "database"> {
  const { control } = cluster;
  const { nextXid } = control;
  const xip = cluster.preparedXids();
  return {
    format: 1,
    server_version_num: control.version * 10_000,
    system_identifier: String(control.systemIdentifier),
    timeline: control.timeline,
    database_oid: database.oid,
    tablespace: database.tablespace,
    lsn: control.checkpoint,
    snapshot: { xmin: xip[0] ?? nextXid, xmax: nextXid, xip },
    running: {
      lsn: control.checkpoint,
      xids: xip.map((xid) => Number(BigInt.asUintN(32, xid))),
    },
    time: new Date(control.time * 1000).toISOString().replace("Z", "000Z"),
    filenodes,
  };
}

function folderOf({ control, folder }: Cluster, { oid, tablespace }: DatabaseRow): string {
  if (tablespace === DEFAULT_TABLESPACE) return join(folder, "base", String(oid));
  const version = `PG_${control.version}_${control.catalogVersion}`;
  return join(folder, "pg_tblspc", String(tablespace), version, String(oid));
}

function mapped(map: FilenodeMap, oid: number, { folder }: Cluster): number {
  const filenode = map.get(oid);
  if (filenode !== undefined) return filenode;
  throw new InputError(`"${folder}": a pg_filenode.map does not name the file of relation ${oid}`);
}
