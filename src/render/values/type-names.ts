import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { builtinNamed } from "../../postgres/types/table.ts";
import type { SqlName } from "../../postgres/types/type.ts";

/** The schema of a type according to Type messages; undefined if none named it. */
export type SchemaOfType = (oid: number) => string | undefined;

/** The names that need no quotes in SQL; PostgreSQL quotes all that contain other than ASCII characters. */
const BARE = /^[a-z_][a-z0-9_]*$/;

/**
 * The type as format_type(oid, modifier) prints it: `character varying(10)`, `numeric(10,2)[]`. For a type that is not
 * built in, it uses Type messages and the catalogue, and names the schema if it is known and is not one that a server
 * searches by default. Undefined if nothing is known about the type.
 */
export function formatType(
  oid: number,
  modifier: number,
  types: TypeRegistry,
  schemaOf: SchemaOfType,
): string | undefined {
  const shape = types.shapeOf(oid);
  const name = types.nameOf(oid);
  // A type that is its own array would not end; only a broken capture describes one.
  if (shape?.kind === "array" && shape.element !== oid) {
    // The Type message was about the array; the element is in the same schema.
    const schemaOfElement: SchemaOfType = (element) => schemaOf(element) ?? schemaOf(oid);
    const element = plainName(shape.element, modifier, types, schemaOfElement);
    return element === undefined ? undefined : `${element}[]`;
  }
  // The catalogue was not asked about this array type: it is named after its element type.
  if (shape === undefined && name?.startsWith("_") === true) {
    return `${qualified(name.slice(1), schemaOf(oid))}[]`;
  }
  return plainName(oid, modifier, types, schemaOf);
}

function plainName(
  oid: number,
  modifier: number,
  types: TypeRegistry,
  schemaOf: SchemaOfType,
): string | undefined {
  const name = types.nameOf(oid);
  if (name === undefined) return undefined;
  const schema = schemaOf(oid);
  const sql = builtinNamed(name)?.sql;
  const builtin = schema === undefined || schema === "" || schema === "pg_catalog";
  return sql !== undefined && builtin ? formatSqlName(sql, modifier) : qualified(name, schema);
}

function qualified(name: string, schema: string | undefined): string {
  const searched = schema === undefined || ["", "pg_catalog", "public"].includes(schema);
  return searched ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

function quoted(name: string): string {
  return BARE.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function formatSqlName({ bare, modifier, name, suffix = "" }: SqlName, value: number): string {
  if (value < 0) return bare ?? name + suffix;
  return name + (modifier?.(value) ?? `(${value})`) + suffix;
}
