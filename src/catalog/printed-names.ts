/** Names as the reg* types print them with the search_path that walctl's sessions have, `pg_catalog, pg_temp`. */
import { builtinType, isVector } from "../postgres/types/table.ts";
import type { PgType } from "./model.ts";

/** Keywords that are not unreserved (parser/kwlist.h): as names they need quotes. */
const KEYWORDS = `all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast
  char character check coalesce collate collation column concurrently constraint create cross current_catalog current_date
  current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else
  end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in
  initially inner inout int integer intersect interval into is isnull join lateral leading least left like limit localtime
  localtimestamp national natural nchar none normalize not notnull null nullif numeric offset on only or order out outer
  overlaps overlay placing position precision primary real references returning right row select session_user setof similar
  smallint some substring symmetric table tablesample then time timestamp to trailing treat trim true union unique user using
  values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces
  xmlparse xmlpi xmlroot xmlserialize xmltable`;
const KEYWORDS_16 = "json_array json_arrayagg json_object json_objectagg system_user";
const KEYWORDS_17 =
  "json json_exists json_query json_scalar json_serialize json_table json_value merge_action";

const PG_CATALOG = "pg_catalog";

/** Rows of the catalogue, by oid. */
export interface NamedRows {
  namespace(oid: number): string | undefined;
  class(oid: number): { readonly relname: string; readonly relnamespace: number } | undefined;
  type(oid: number): PgType | undefined;
  readonly arrayHandler: number;
}

/** Prints names. Undefined if there is no such row. */
export class PrintedNames {
  readonly #rows: NamedRows;
  readonly #keywords: ReadonlySet<string>;

  constructor(rows: NamedRows, majorVersion: number) {
    this.#rows = rows;
    const more16 = majorVersion >= 16 ? KEYWORDS_16 : "";
    const more17 = majorVersion >= 17 ? KEYWORDS_17 : "";
    this.#keywords = new Set(`${KEYWORDS} ${more16} ${more17}`.split(/\s+/));
  }

  /** As quote_ident() does. */
  quoted(name: string): string {
    if (/^[a-z_][a-z0-9_]*$/.test(name) && !this.#keywords.has(name)) return name;
    return `"${name.replaceAll('"', '""')}"`;
  }

  /** The name, with its schema unless that is on the search_path. */
  qualified(name: string, namespace: number): string | undefined {
    const schema = this.#rows.namespace(namespace);
    if (schema === undefined) return undefined;
    return schema === PG_CATALOG
      ? this.quoted(name)
      : `${this.quoted(schema)}.${this.quoted(name)}`;
  }

  regnamespace(oid: number): string | undefined {
    const name = this.#rows.namespace(oid);
    return name === undefined ? undefined : this.quoted(name);
  }

  regclass(oid: number): string | undefined {
    const row = this.#rows.class(oid);
    return row === undefined ? undefined : this.qualified(row.relname, row.relnamespace);
  }

  regtype(oid: number): string | undefined {
    const { name, suffix = "" } = builtinType(oid)?.sql ?? {};
    if (name !== undefined) return name + suffix;
    const row = this.#rows.type(oid);
    if (row === undefined) return undefined;
    const { typelem, typname, typnamespace, typsubscript } = row;
    if (typelem === 0 || typsubscript !== this.#rows.arrayHandler || isVector(oid)) {
      return this.qualified(typname, typnamespace);
    }
    const element = this.regtype(typelem);
    return element === undefined ? undefined : `${element}[]`;
  }
}
