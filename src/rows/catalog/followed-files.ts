import { COLUMNS } from "../../catalog/columns.ts";
import { type Kinds, TupleValues } from "../../catalog/heap-rows.ts";
import {
  type CatalogFile,
  type CatalogHeader,
  FOLLOWED_CATALOGS,
  type FollowedCatalog,
} from "../../catalog/model.ts";
import type { StoredTuple } from "../../postgres/tuples/tuple.ts";
import { toUtf8 } from "../../postgres/stored/encodings.ts";
import { decodeName, escapeBytes } from "../../postgres/bytes/names.ts";
import type { Locator } from "../../postgres/records/locator.ts";
import type { CatalogRow, RowVersion } from "./row-version.ts";

export const FOLLOWED = Object.keys(FOLLOWED_CATALOGS) as readonly FollowedCatalog[];
const BY_OID = new Map<number, FollowedCatalog>(
  FOLLOWED.map((catalog) => [FOLLOWED_CATALOGS[catalog], catalog]),
);

/** Undefined if it is not followed. */
export function followedCatalog(oid: number): FollowedCatalog | undefined {
  return BY_OID.get(oid);
}

/** Columns that the catalogue file does not have. */
const MORE_COLUMNS: Partial<Record<FollowedCatalog, Kinds>> = {
  pg_class: { relnatts: "int2" },
  pg_enum: { enumtypid: "oid" },
};

/** A file of a catalogue, and the rows in it by their places. */
export class FollowedFile implements Locator {
  readonly catalog: FollowedCatalog;
  readonly tablespace: number;
  readonly database: number;
  readonly relfilenode: number;
  /** Undefined for a copy that VACUUM FULL or CLUSTER writes, until its rows were read. */
  places: Map<number, RowVersion> | undefined;

  constructor(catalog: FollowedCatalog, header: CatalogHeader, relfilenode: number) {
    this.catalog = catalog;
    this.tablespace = header.tablespace;
    this.database = header.database_oid;
    this.relfilenode = relfilenode;
  }
}

/** Items take 11 bits. */
export function placeOf(block: number, item: number): number {
  return block * 2048 + item;
}

/** The files of the seven catalogues: one for each, and the copies that will replace it. */
export class FollowedFiles {
  readonly #header: CatalogHeader;
  readonly #files = new Map<number, FollowedFile>();

  constructor(header: CatalogHeader) {
    this.#header = header;
    for (const catalog of FOLLOWED) this.add(catalog, header.filenodes[catalog]).places = new Map();
  }

  add(catalog: FollowedCatalog, relfilenode: number): FollowedFile {
    const file = new FollowedFile(catalog, this.#header, relfilenode);
    this.#files.set(relfilenode, file);
    return file;
  }

  /** Called for each block of each heap record. */
  of(tablespace: number, database: number, relfilenode: number): FollowedFile | undefined {
    if (database !== this.#header.database_oid || tablespace !== this.#header.tablespace) {
      return undefined;
    }
    return this.#files.get(relfilenode);
  }

  has(relfilenode: number): boolean {
    return this.#files.has(relfilenode);
  }

  /** Records are missing: other rows may have taken their places. */
  forgetPlaces(): void {
    for (const file of this.#files.values()) file.places = new Map();
  }

  drop({ tablespace, database, relfilenode }: Locator): void {
    if (this.of(tablespace, database, relfilenode) !== undefined) this.#files.delete(relfilenode);
  }
}

/** Reads tuples of the seven catalogues, by the layouts that pg_attribute's own rows in the file give. */
export class RowReader {
  readonly #values = new Map<FollowedCatalog, TupleValues>();
  /** A name was in an encoding, or has a character, that walctl cannot convert. */
  hasUnconverted = false;

  constructor({ header, rows }: CatalogFile) {
    const convert = toUtf8(header.encoding);
    const nameOf = (bytes: Uint8Array, kind: "name" | "label"): string | undefined => {
      const utf8 = convert === undefined ? bytes : convert(bytes);
      if (utf8 !== undefined) return decodeName(utf8);
      // A label is a value.
      if (kind === "label") return undefined;
      this.hasUnconverted = true;
      return escapeBytes(bytes);
    };
    for (const catalog of FOLLOWED) {
      const oid = FOLLOWED_CATALOGS[catalog];
      const columns = rows.pg_attribute.filter(({ attrelid }) => attrelid === oid);
      const wanted: Kinds = { ...COLUMNS[catalog], ...MORE_COLUMNS[catalog] };
      this.#values.set(catalog, new TupleValues(wanted, columns, nameOf));
    }
  }

  /** Undefined if it is not a row of this catalogue. */
  row(
    catalog: FollowedCatalog,
    tuple: StoredTuple,
    block: number,
    item: number,
  ): CatalogRow | undefined {
    const values = this.#values.get(catalog)!.of(tuple, { ctid: { block, item } });
    return values as unknown as CatalogRow | undefined;
  }
}
