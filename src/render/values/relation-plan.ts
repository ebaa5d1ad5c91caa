import type { Column, Relation } from "../../pgoutput/messages.ts";
import type { TypeRegistry } from "../../pgoutput/type-registry.ts";
import { binaryEncoder } from "./binary-encoder.ts";
import { type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString } from "../bytes/json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { type ValueOptions, encoderFor } from "./values.ts";

export interface ColumnPlan {
  /** `,"name":` */
  readonly key: Piece;
  readonly encode: ValueEncoder;
  /** The same for a value in its binary form. */
  readonly encodeBinary: ValueEncoder;
  /** Part of what a key tuple holds. */
  readonly identity: boolean;
}

/** All that is the same in every line of a relation, made once. */
export interface RelationPlan {
  /** `,"schema":"public","table":"t"`, or `,"oid":16448` of one that was not announced. */
  readonly head: Piece;
  readonly columns: readonly ColumnPlan[];
  /** False: no column is marked as part of the identity, so a key tuple's own values tell. */
  readonly keyed: boolean;
}

export function planRelation(
  relation: Relation,
  types: TypeRegistry,
  options: ValueOptions,
): RelationPlan {
  return {
    head: piece(`,${relationName(relation)}`),
    columns: relation.announced
      ? relation.columns.map((column) => planColumn(column, types, options))
      : numberedColumns(relation.columns, types, options),
    keyed: relation.keyed,
  };
}

/** The same for every relation that was not announced, of which rubbish may have one a row. */
const numbered: ColumnPlan[] = [];

function numberedColumns(
  columns: readonly Column[],
  types: TypeRegistry,
  options: ValueOptions,
): readonly ColumnPlan[] {
  for (const column of columns.slice(numbered.length)) {
    numbered.push(planColumn(column, types, options));
  }
  return numbered.slice(0, columns.length);
}

function planColumn(column: Column, types: TypeRegistry, options: ValueOptions): ColumnPlan {
  const encode = encoderFor(column.typeOid, types, options);
  return {
    key: piece(`,${jsonString(column.name)}:`),
    encode,
    encodeBinary: binaryEncoder(column.typeOid, types, encode),
    identity: column.key,
  };
}

/** `"schema":"public","table":"t"`; pg_catalog comes as an empty name. */
export function relationName(relation: Relation): string {
  if (!relation.announced) return `"oid":${relation.oid}`;
  return `"schema":${schemaName(relation.schema)},"table":${jsonString(relation.table)}`;
}

export function schemaName(schema: string): string {
  return jsonString(schema === "" ? "pg_catalog" : schema);
}
