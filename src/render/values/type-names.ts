import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { intervalModifier } from "./interval-modifier.ts";

/** Where a type lives, as Type messages tell; undefined: not told. */
export type SchemaOfType = (oid: number) => string | undefined;

/** What SQL reads without quotes; PostgreSQL quotes all that is not ASCII. */
const BARE = /^[a-z_][a-z0-9_]*$/;

/** What a modifier may hold that varchar, bit and their like have in it: 4 bytes for a header that is no longer there. */
const HEADER_BYTES = 4;

/** The built-in types that SQL calls otherwise than pg_type does, and what their modifiers look like. */
const SQL_NAMES: Readonly<Record<string, (modifier: number) => string>> = {
  bool: () => "boolean",
  int2: () => "smallint",
  int4: () => "integer",
  int8: () => "bigint",
  float4: () => "real",
  float8: () => "double precision",
  // Without a length it is not what SQL calls character, which means character(1).
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
 * The type as format_type(oid, modifier) prints it: `character varying(10)`, `numeric(10,2)[]`. Of one that is
 * not built in, what Type messages and the catalogue tell; its schema where that is told and is none that a
 * server looks into by itself. Undefined: nobody told of it.
 */
export function formatType(
  oid: number,
  modifier: number,
  types: TypeRegistry,
  schemaOf: SchemaOfType,
): string | undefined {
  const shape = types.shapeOf(oid);
  const name = types.nameOf(oid);
  // In an array of arrays, which only a broken capture can tell of, this would not end.
  if (shape?.kind === "array" && shape.element !== oid) {
    // The Type message was about the array; its element lives where it does.
    const schemaOfElement: SchemaOfType = (element) => schemaOf(element) ?? schemaOf(oid);
    const element = plainName(shape.element, modifier, types, schemaOfElement);
    return element === undefined ? undefined : `${element}[]`;
  }
  // Of an array the catalogue was not asked: its own type is named after its element's.
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

/** Precision in the upper half, scale in the lowest 11 bits, signed since PostgreSQL 15. */
function numericModifier(modifier: number): string {
  if (modifier < HEADER_BYTES) return "";
  const packed = modifier - HEADER_BYTES;
  const scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
  return `(${(packed >> 16) & 0xffff},${scale})`;
}
