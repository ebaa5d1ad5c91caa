/** Names and texts as SQL writes them, the same in every database: PostgreSQL 14 to 18, whatever its settings are. */
import type { Relation } from "../../postgres/messages/messages.ts";

/** What quote_identifier() quotes (kwlist.h of 14 to 18: all that is not UNRESERVED_KEYWORD). */
const KEYWORDS = new Set(
  (
    "all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case " +
    "cast char character check coalesce collate collation column concurrently constraint create cross " +
    "current_catalog current_date current_role current_schema current_time current_timestamp current_user dec " +
    "decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign " +
    "freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect " +
    "interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query " +
    "json_scalar json_serialize json_table json_value lateral leading least left like limit localtime " +
    "localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on " +
    "only or order out outer overlaps overlay placing position precision primary real references returning right " +
    "row select session_user setof similar smallint some substring symmetric system_user table tablesample then " +
    "time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where " +
    "window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot " +
    "xmlserialize xmltable"
  ).split(" "),
);

const PLAIN = /^[a-z_][a-z0-9_]*$/;

/** On one line: `"a b"`, and `U&"a\000Ab"` of a name with a line break. */
export function sqlName(name: string): string {
  if (PLAIN.test(name) && !KEYWORDS.has(name)) return name;
  const quoted = name.replaceAll('"', '""');
  // oxlint-disable-next-line no-control-regex
  if (!/[\u0000-\u001f\u007f]/.test(name)) return `"${quoted}"`;
  const escaped = quoted
    .replaceAll("\\", "\\\\")
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u001f\u007f]/g, (character) => {
      return `\\${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
  return `U&"${escaped}"`;
}

/** The wire has an empty schema for pg_catalog. */
export function sqlTable({ schema, table }: Relation): string {
  return `${sqlName(schema === "" ? "pg_catalog" : schema)}.${sqlName(table)}`;
}

/** A text that regclass reads. */
export function sqlRegclass({ schema, table }: Relation): string {
  const names = [schema === "" ? "pg_catalog" : schema, table].map((name) =>
    PLAIN.test(name) && !KEYWORDS.has(name) ? name : `"${name.replaceAll('"', '""')}"`,
  );
  const text = names.join(".").replaceAll("'", "''").replaceAll("\\", "\\\\");
  // oxlint-disable-next-line no-control-regex
  const escaped = text.replaceAll(/[\u0000-\u001f\u007f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  return escaped.includes("\\") ? `E'${escaped}'` : `'${escaped}'`;
}

/** A text without line breaks, such as of a message that RAISE prints. */
export function sqlText(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return quoted.includes("\\") ? `E'${quoted.replaceAll("\\", "\\\\")}'` : `'${quoted}'`;
}
