import { type CatalogRows, FOLLOWED_CATALOGS } from "./model.ts";

/** The kind of a column's value, in the file and in a tuple. */
export type ColumnKind =
  | "oid"
  | "int2"
  | "int4"
  | "name"
  /** An enum's, or an origin's name: it may be empty. */
  | "label"
  /** One byte: '' is 0. */
  | "char"
  | "bool"
  /** An int2vector: numbers. */
  | "int2s"
  /** An array of one element: its text, or null. */
  | "missing"
  /** attalign and typalign, attlen and typlen, which decide where a value lies. */
  | "align"
  | "length";

type RowOf<Catalog extends keyof CatalogRows> = CatalogRows[Catalog][number];

type Columns = {
  readonly [Catalog in keyof CatalogRows]: Readonly<
    Record<Exclude<keyof RowOf<Catalog>, "ctid">, ColumnKind>
  >;
};

/** The columns of each catalogue, in the order of the file. */
export const COLUMNS: Columns = {
  pg_class: {
    oid: "oid",
    relname: "name",
    relnamespace: "oid",
    relfilenode: "oid",
    reltablespace: "oid",
    relkind: "char",
    relreplident: "char",
    reltoastrelid: "oid",
    relpersistence: "char",
    relrewrite: "oid",
  },
  pg_attribute: {
    attrelid: "oid",
    attname: "name",
    atttypid: "oid",
    attlen: "length",
    attnum: "int2",
    atttypmod: "int4",
    attalign: "align",
    attisdropped: "bool",
    attgenerated: "char",
    atthasmissing: "bool",
    attmissingval: "missing",
  },
  pg_type: {
    oid: "oid",
    typname: "name",
    typnamespace: "oid",
    typlen: "length",
    typtype: "char",
    typcategory: "char",
    typelem: "oid",
    typdelim: "char",
    typrelid: "oid",
    typbasetype: "oid",
    typalign: "align",
    typsubscript: "oid",
  },
  pg_namespace: { oid: "oid", nspname: "name" },
  pg_index: {
    indexrelid: "oid",
    indrelid: "oid",
    indkey: "int2s",
    indnkeyatts: "int2",
    indisreplident: "bool",
    indisprimary: "bool",
    indimmediate: "bool",
    indisvalid: "bool",
  },
  pg_enum: { oid: "oid", enumlabel: "label" },
  pg_range: { rngtypid: "oid", rngsubtype: "oid", rngmultitypid: "oid" },
  pg_replication_origin: { roident: "oid", roname: "label" },
  reg_names: { type: "name", oid: "oid", name: "name" },
  extension_types: { oid: "oid", extension: "name" },
};

export const CATALOGS = Object.keys(COLUMNS) as ReadonlyArray<keyof CatalogRows>;

/** Others' rows have no ctid. */
export function hasCtid(catalog: keyof CatalogRows): boolean {
  return catalog in FOLLOWED_CATALOGS;
}
