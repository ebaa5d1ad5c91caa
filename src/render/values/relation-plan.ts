import type { Column, Relation } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { binaryEncoder } from "./binary-encoder.ts";
import { type Piece, piece } from "../bytes/byte-writer.ts";
import { jsonString } from "../bytes/json-text.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { type ValueOptions, encoderFor } from "./values.ts";

export interface ColumnPlan {
  /** `,"name":` */
  readonly key: Piece;
  readonly encode: ValueEncoder;
  /** The encoder for the value's binary form, once a value had it. */
  encodeBinary: ValueEncoder | undefined;
  /** The column is part of the replica identity, so key tuples contain it. */
  readonly identity: boolean;
}

/** The parts that are the same in every line of a relation, prepared once. */
export interface RelationPlan {
  /** `,"schema":"public","table":"t"`, or `,"oid":16448` for a relation that was not announced. */
  readonly head: Piece;
  readonly columns: readonly ColumnPlan[];
  /** Makes the encoder for the binary form of a column. */
  readonly binaryOf: (index: number) => ValueEncoder;
  /** False if no column is marked as part of the identity: a key tuple's values that are not null are then the key. */
  readonly keyed: boolean;
}

export function planRelation(
  relation: Relation,
  types: TypeRegistry,
  options: ValueOptions,
): RelationPlan {
  const columns = relation.announced
    ? relation.columns.map((column) => planColumn(column, types, options))
    : numberedColumns(relation.columns, types, options);
  return {
    head: piece(`,${relationName(relation)}`),
    columns,
    binaryOf: (index) => {
      const plan = columns[index]!;
      const { typeOid } = relation.columns[index]!;
      return (plan.encodeBinary = binaryEncoder(typeOid, types, plan.encode));
    },
    keyed: relation.keyed,
  };
}

/** Shared by all relations that were not announced: garbage may have one in each row. */
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
  return {
    key: piece(`,${jsonString(column.name)}:`),
    encode: encoderFor(column.typeOid, types, options),
    encodeBinary: undefined,
    identity: column.key,
  };
}

/** `"schema":"public","table":"t"`. The wire has an empty schema for pg_catalog. */
export function relationName(relation: Relation): string {
  if (!relation.announced) return `"oid":${relation.oid}`;
  return `"schema":${schemaName(relation.schema)},"table":${jsonString(relation.table)}`;
}

export function schemaName(schema: string): string {
  return jsonString(schema === "" ? "pg_catalog" : schema);
}
