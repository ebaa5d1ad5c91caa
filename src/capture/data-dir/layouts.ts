/** The layout that is needed before pg_attribute can be read: pg_attribute's own columns, by version. */
import type { CatalogColumn } from "../../catalog/heap-rows.ts";
import type { WalVersion } from "../../postgres/pages/versions.ts";

/** attlen and attalign by the type's name. */
const TYPES: Readonly<Record<string, readonly [attlen: number, attalign: string]>> = {
  oid: [4, "i"],
  name: [64, "c"],
  int2: [2, "s"],
  int4: [4, "i"],
  bool: [1, "c"],
  char: [1, "c"],
  array: [-1, "i"],
  // An array of any type may have elements that are aligned to 8 bytes.
  anyarray: [-1, "d"],
};

const FLAGS = `attbyval bool, attalign char, attstorage char, attcompression char, attnotnull bool, atthasdef bool,
  atthasmissing bool, attidentity char, attgenerated char, attisdropped bool, attislocal bool`;
const LISTS = "attacl array, attoptions array, attfdwoptions array, attmissingval anyarray";

const V14 = `attrelid oid, attname name, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims int4,
  attcacheoff int4, atttypmod int4, ${FLAGS}, attinhcount int4, attcollation oid, ${LISTS}`;
const V16 = `attrelid oid, attname name, atttypid oid, attlen int2, attnum int2, attcacheoff int4, atttypmod int4,
  attndims int2, ${FLAGS}, attinhcount int2, attstattarget int2, attcollation oid, ${LISTS}`;
const V17 = `attrelid oid, attname name, atttypid oid, attlen int2, attnum int2, attcacheoff int4, atttypmod int4,
  attndims int2, ${FLAGS}, attinhcount int2, attcollation oid, attstattarget int2, ${LISTS}`;
const V18 = `attrelid oid, attname name, atttypid oid, attlen int2, attnum int2, atttypmod int4, attndims int2,
  ${FLAGS}, attinhcount int2, attcollation oid, attstattarget int2, ${LISTS}`;

const LAYOUTS: Readonly<Record<WalVersion, string>> = {
  14: V14,
  15: V14,
  16: V16,
  17: V17,
  18: V18,
  19: V18,
};

/** catalog/pg_attribute.h */
export function attributeColumns(version: WalVersion): readonly CatalogColumn[] {
  return LAYOUTS[version].split(",").map((column, index) => {
    const [attname = "", type = ""] = column.trim().split(" ");
    const [attlen, attalign] = TYPES[type]!;
    return { attname, attlen, attalign, attnum: index + 1 };
  });
}

/**
 * Columns of pg_database before the first of variable length (catalog/pg_database.h):
 * uint32 oid, datname, uint32 datdba, int32 encoding, …, uint32 dattablespace
 */
export const DATABASE_NAME_AT = 4;
export const DATABASE_ENCODING_AT = 72;
export function databaseTablespaceAt(version: WalVersion): number {
  return version === 14 ? 224 : 92;
}
