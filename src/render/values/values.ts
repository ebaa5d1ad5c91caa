/*
 * Converts a value as PostgreSQL sends it to the JSON that row_to_json makes of it, by type.
 * Law: a value that is not in its type's form is printed as its text, and bytes that are not UTF-8 as base64; nothing
 * is guessed.
 * Way in: encoderFor().
 */

import type { CompositeField, TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { builtinNamed } from "../../postgres/types/table.ts";
import { arrayEncoder, vectorEncoder } from "./arrays.ts";
import { piece } from "../bytes/byte-writer.ts";
import { compositeEncoder } from "./composites.ts";
import { writeHstore } from "./hstore.ts";
import { jsonString, writeString } from "../bytes/json-text.ts";
import { writeJson, writeSafeJson } from "./json-value.ts";
import { copyDigits, isExactDouble, isNumber } from "../bytes/numbers.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { writeTimestamp, writeTimestampTz } from "./timestamps.ts";

export interface ValueOptions {
  /** text: every value is a string, as the server sent it. */
  readonly values: "json" | "text";
  /** Numbers that a JavaScript double does not hold exactly become strings. */
  readonly safeNumbers: boolean;
}

/** Limit for types within types. */
const DEPTH_MAX = 32;

/** The encoder for a type, by what is currently known about it. */
export function encoderFor(
  typeOid: number,
  types: TypeRegistry,
  options: ValueOptions,
  depth = 0,
): ValueEncoder {
  // A capture's types may be wrong, even circular.
  if (options.values === "text" || depth > DEPTH_MAX) return writeString;
  const partEncoder = (oid: number): ValueEncoder => encoderFor(oid, types, options, depth + 1);
  const shape = types.shapeOf(typeOid);
  switch (shape?.kind) {
    case undefined:
      return writeString;
    case "array":
      return arrayEncoder(partEncoder(shape.element), shape.delimiter);
    case "vector":
      return vectorEncoder(partEncoder(shape.element));
    case "domain":
      return partEncoder(shape.base);
    case "composite":
      return byRevision(types, () => {
        const now = types.shapeOf(typeOid);
        if (now?.kind !== "composite") return writeString;
        if (now.fields === null) return unknownFields(typeOid, types);
        return fieldsEncoder(now.fields, partEncoder);
      });
    case "hstore":
      return writeHstore;
    case "scalar":
      return scalarEncoder(shape.name, options);
  }
}

/**
 * Two fields may have the same name in a database whose names are not UTF-8. An object cannot have a key twice, so the
 * value is then text.
 */
function fieldsEncoder(
  fields: readonly CompositeField[],
  partEncoder: (oid: number) => ValueEncoder,
): ValueEncoder {
  if (new Set(fields.map(({ name }) => name)).size < fields.length) return writeString;
  return compositeEncoder(
    fields.map((field) => ({
      key: Buffer.from(`${jsonString(field.name)}:`),
      encode: partEncoder(field.type),
    })),
  );
}

/** Writes the text, since the names of the fields are not known. */
function unknownFields(typeOid: number, types: TypeRegistry): ValueEncoder {
  return (out, bytes, view, start, end) => {
    types.onUnknownFields?.(typeOid);
    writeString(out, bytes, view, start, end);
  };
}

/** Makes the encoder again when types change: a composite type may be altered without a new relation. */
function byRevision(types: TypeRegistry, make: () => ValueEncoder): ValueEncoder {
  let revision = -1;
  let encode = writeString;
  return (out, bytes, view, start, end) => {
    if (revision !== types.revision) {
      revision = types.revision;
      encode = make();
    }
    encode(out, bytes, view, start, end);
  };
}

function scalarEncoder(name: string, options: ValueOptions): ValueEncoder {
  switch (builtinNamed(name)?.family) {
    case "integer":
    case "numeric":
      return options.safeNumbers ? writeSafeNumber : writeNumber;
    case "float":
      return writeNumber;
    case "boolean":
      return writeBoolean;
    case "json":
    case "jsonb":
      return options.safeNumbers ? writeSafeJson : writeJson;
    case "timestamp":
      return writeTimestamp;
    case "timestamptz":
      return writeTimestampTz;
    default:
      return writeString;
  }
}

/** The digits that the server sent. NaN and the infinities are strings, since JSON has no such numbers. */
export const writeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (copyDigits(out, bytes, view, start, end)) return;
  if (isNumber(bytes, start, end)) out.copyText(bytes, view, start, end);
  else writeString(out, bytes, view, start, end);
};

const writeSafeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (isNumber(bytes, start, end) && isExactDouble(bytes, start, end))
    out.copyText(bytes, view, start, end);
  else writeString(out, bytes, view, start, end);
};

const TRUE = piece("true");
const FALSE = piece("false");

export const writeBoolean: ValueEncoder = (out, bytes, view, start, end) => {
  const letter = end - start === 1 ? bytes[start] : 0;
  if (letter === 0x74) out.piece(TRUE);
  else if (letter === 0x66) out.piece(FALSE);
  else writeString(out, bytes, view, start, end);
};
