import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { intervalModifier } from "./interval-modifier.ts";

/** The schema of a type according to Type messages; undefined if none named it. */
export type SchemaOfType = (oid: number) => string | undefined;

/** The names that need no quotes in SQL; PostgreSQL quotes all that contain other than ASCII characters. */
const BARE = /^[a-z_][a-z0-9_]*$/;

/** varchar's and similar modifiers include 4 bytes for a header that no longer exists. */
const HEADER_BYTES = 4;

/** The built-in types whose SQL name differs from pg_type's, with the form of their modifiers. */
const SQL_NAMES: Readonly<Record<string, (modifier: number) => string>> = {
  bool: () => "boolean",
  int2: () => "smallint",
  int4: () => "integer",
  int8: () => "bigint",
  float4: () => "real",
  float8: () => "double precision",
  // Without a length it is not SQL's character, which means character(1).
  bpchar: (modifier) => (modifier < 0 ? "bpchar" : `character(${modifier - HEADER_BYTES})`),
  varchar: (modifier) => `character varying${parenthesised(modifier, modifier - HEADER_BYTES)}`,
  bit: (modifier) => (modifier < 0 ? '"bit"' : `bit(${modifier})`),
  varbit: (modifier) => `bit varying${parenthesised(modifier, modifier)}`,
  char: () => '"char"',
  numeric: (modifier) => `numeric${numericModifier(modifier)}`,
  time: (modifier) => `time${parenthesised(modifier, modifier)} without time zone`,
  timetz: (modifier) => `time${parenthesised(modifier, modifier)} with time zone`,
  timestamp: (modifier) => `timestamp${parenthesised(modifier, modifier)} without time zone`,
  timestamptz: (modifier) => `timestamp${parenthesised(modifier, modifier)} with time zone`,
  interval: (modifier) => `interval${intervalModifier(modifier)}`,
};

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
  const sqlName = Object.hasOwn(SQL_NAMES, name) ? SQL_NAMES[name] : undefined;
  const builtin = schema === undefined || schema === "" || schema === "pg_catalog";
  return sqlName !== undefined && builtin ? sqlName(modifier) : qualified(name, schema);
}

function qualified(name: string, schema: string | undefined): string {
  const searched = schema === undefined || ["", "pg_catalog", "public"].includes(schema);
  return searched ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
}

function quoted(name: string): string {
  return BARE.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function parenthesised(modifier: number, value: number): string {
  return modifier < 0 ? "" : `(${value})`;
}

/** Precision in the upper half, scale in the lowest 11 bits; the scale is signed since PostgreSQL 15. */
function numericModifier(modifier: number): string {
  if (modifier < HEADER_BYTES) return "";
  const packed = modifier - HEADER_BYTES;
  const scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
  return `(${(packed >> 16) & 0xffff},${scale})`;
}
