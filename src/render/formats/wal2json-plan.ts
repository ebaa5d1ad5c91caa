import { familyOf } from "../../postgres/types/table.ts";
import type { Column, Relation } from "../../postgres/messages/messages.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { binaryEncoder } from "../values/binary-encoder.ts";
import { jsonString, writeString } from "../bytes/json-text.ts";
import { isNumber } from "../bytes/numbers.ts";
import { relationName } from "../values/relation-plan.ts";
import { type SchemaOfType, formatType } from "../values/type-names.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";
import { encoderFor } from "../values/values.ts";

interface ColumnPlan {
  /** `{"name":"id","type":"bigint","value":` */
  readonly head: Uint8Array;
  readonly encode: ValueEncoder;
  readonly encodeBinary: ValueEncoder;
  readonly identity: boolean;
}

/** The parts that are the same in every line of a relation. */
export interface Wal2jsonPlan {
  /** `,"schema":"public","table":"t"` */
  readonly head: Uint8Array;
  readonly columns: readonly ColumnPlan[];
  readonly keyed: boolean;
}

export function planWal2json(
  relation: Relation,
  types: TypeRegistry,
  schemaOf: SchemaOfType,
): Wal2jsonPlan {
  return {
    head: Buffer.from(`,${relationName(relation)}`),
    columns: relation.columns.map((column) => planColumn(column, types, schemaOf)),
    keyed: relation.keyed,
  };
}

function planColumn(column: Column, types: TypeRegistry, schemaOf: SchemaOfType): ColumnPlan {
  const encode = wal2jsonEncoder(column.typeOid, types);
  const type = formatType(column.typeOid, column.typeModifier, types, schemaOf);
  return {
    head: Buffer.from(
      `{"name":${jsonString(column.name)},"type":${type === undefined ? "null" : typeString(type)},"value":`,
    ),
    encode,
    encodeBinary: binaryEncoder(column.typeOid, types, encode),
    identity: column.key,
  };
}

/** wal2json takes a type that is a single name in double quotes, such as "char", for a finished JSON string. */
function typeString(type: string): string {
  const [, name] = /^"([^"\\]*)"$/.exec(type) ?? [];
  return jsonString(name ?? type);
}

/** Chosen by the column's own type: for a domain over a number wal2json prints a string. */
function wal2jsonEncoder(typeOid: number, types: TypeRegistry): ValueEncoder {
  switch (familyOf(typeOid)) {
    case "boolean":
      return encoderFor(typeOid, types, { values: "json", safeNumbers: false });
    case "bytes":
      return writeHex;
    case "integer":
    case "oid":
    case "float":
    case "numeric":
      return writeNumber;
    default:
      return writeString;
  }
}

const NULL = Buffer.from("null", "latin1");
const NO_JSON_NUMBERS = ["NaN", "Infinity", "-Infinity"].map((text) => Buffer.from(text, "latin1"));

/** The digits that the server sent; NaN and the infinities are null. */
const writeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (isNumber(bytes, start, end)) return out.copy(bytes, start, end);
  const text = bytes.subarray(start, end);
  if (NO_JSON_NUMBERS.some((special) => special.equals(text))) out.copy(NULL);
  else writeString(out, bytes, view, start, end);
};

/** Prints `\xdead` without the `\x`. */
const writeHex: ValueEncoder = (out, bytes, view, start, end) => {
  writeString(out, bytes, view, isHex(bytes, start, end) ? start + 2 : start, end);
};

function isHex(bytes: Uint8Array, start: number, end: number): boolean {
  if ((end - start) % 2 !== 0 || bytes[start] !== 0x5c || bytes[start + 1] !== 0x78) return false;
  for (let at = start + 2; at < end; at++) if (HEX_DIGITS[bytes[at]!] === 0) return false;
  return true;
}

const HEX_DIGITS = new Uint8Array(256);
for (const digit of Buffer.from("0123456789abcdefABCDEF", "latin1")) HEX_DIGITS[digit] = 1;
