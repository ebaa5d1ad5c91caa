import { type Known, NONE } from "../known.ts";
import type { StoredAttribute, StoredType, TypeSource } from "../postgres/stored/type-source.ts";
import { alignmentOf } from "./heap-rows.ts";
import type { CatalogHeader, CatalogRows, PgAttribute } from "./model.ts";
import { PrintedNames } from "./printed-names.ts";

/** The types of one moment, from the catalogue's rows. */
export class CatalogTypes implements TypeSource {
  readonly encoding: string;
  readonly lcMonetary: string;
  readonly majorVersion: number;
  /** The names of relations, types and namespaces. */
  readonly names: PrintedNames;
  readonly #arrayHandler: number;
  readonly #types;
  readonly #labels;
  readonly #ranges;
  readonly #multiranges;
  readonly #regNames;
  readonly #extensions;
  readonly #columns = new Map<number, PgAttribute[]>();

  constructor(
    header: Pick<
      CatalogHeader,
      "encoding" | "lc_monetary" | "server_version_num" | "array_handler"
    >,
    rows: CatalogRows,
  ) {
    this.encoding = header.encoding;
    this.lcMonetary = header.lc_monetary;
    this.majorVersion = Math.floor(header.server_version_num / 10_000);
    this.#arrayHandler = header.array_handler;
    this.#types = byOid(rows.pg_type);
    this.#labels = byOid(rows.pg_enum);
    this.#ranges = new Map(rows.pg_range.map((row) => [row.rngtypid, row]));
    this.#multiranges = new Map(rows.pg_range.map((row) => [row.rngmultitypid, row]));
    this.#regNames = new Map(rows.reg_names.map(({ type, oid, name }) => [`${type} ${oid}`, name]));
    this.#extensions = byOid(rows.extension_types);
    const classes = byOid(rows.pg_class);
    const namespaces = byOid(rows.pg_namespace);
    this.names = new PrintedNames(
      {
        namespace: (oid) => namespaces.get(oid)?.nspname,
        class: (oid) => classes.get(oid),
        type: (oid) => this.#types.get(oid),
        arrayHandler: header.array_handler,
      },
      this.majorVersion,
    );
    for (const row of rows.pg_attribute) {
      const columns = this.#columns.get(row.attrelid);
      if (columns === undefined) this.#columns.set(row.attrelid, [row]);
      else columns.push(row);
    }
  }

  type(oid: number): StoredType | undefined {
    const row = this.#types.get(oid);
    if (row === undefined) return undefined;
    return {
      oid,
      name: row.typname,
      namespace: row.typnamespace,
      kind: row.typtype,
      length: row.typlen,
      align: alignmentOf(row.typalign),
      category: row.typcategory,
      extension: this.#extensions.get(oid)?.extension,
      isArray: row.typsubscript === this.#arrayHandler && row.typelem !== 0,
      element: row.typelem,
      delimiter: row.typdelim,
      relation: row.typrelid,
      base: row.typbasetype,
    };
  }

  attributes(relationOid: number): readonly StoredAttribute[] {
    const columns = this.#columns.get(relationOid) ?? [];
    return columns
      .toSorted((a, b) => a.attnum - b.attnum)
      .map((column) => ({
        name: column.attname,
        typeOid: column.atttypid,
        dropped: column.attisdropped,
        length: column.attlen,
        align: alignmentOf(column.attalign),
        missing: column.attmissingval ?? NONE,
      }));
  }

  enumLabel(oid: number): string | undefined {
    return this.#labels.get(oid)?.enumlabel;
  }

  rangeSubtype(oid: number): number | undefined {
    return this.#ranges.get(oid)?.rngsubtype;
  }

  rangeOfMultirange(oid: number): number | undefined {
    return this.#multiranges.get(oid)?.rngtypid;
  }

  regName(type: string, oid: number): Known<string> {
    if (type === "regclass") return this.names.regclass(oid) ?? NONE;
    if (type === "regtype") return this.names.regtype(oid) ?? NONE;
    if (type === "regnamespace") return this.names.regnamespace(oid) ?? NONE;
    return this.#regNames.get(`${type} ${oid}`) ?? NONE;
  }

  /** The caller sees it in what is written. */
  unknownType(): void {}
}

function byOid<Row extends { readonly oid: number }>(rows: readonly Row[]): Map<number, Row> {
  return new Map(rows.map((row) => [row.oid, row]));
}
