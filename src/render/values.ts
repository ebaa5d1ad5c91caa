import type { TypeRegistry } from "../pgoutput/type-registry.ts";
import { arrayEncoder, vectorEncoder } from "./arrays.ts";
import { compositeEncoder } from "./composites.ts";
import { writeHstore } from "./hstore.ts";
import { jsonString, writeJson, writeString } from "./json-text.ts";
import { isExactDouble, isNumber } from "./numbers.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { writeTimestamp, writeTimestampTz } from "./timestamps.ts";

export interface ValueOptions {
  /** text: every value is a string, as the server sent it. */
  readonly values: "json" | "text";
  /** Numbers that a JavaScript double does not hold exactly become strings. */
  readonly safeNumbers: boolean;
}

/** The encoder for a type, by what is known of it now. */
export function encoderFor(
  typeOid: number,
  types: TypeRegistry,
  options: ValueOptions,
): ValueEncoder {
  if (options.values === "text") return writeString;
  const shape = types.shapeOf(typeOid);
  switch (shape?.kind) {
    case undefined:
      return writeString;
    case "array":
      return arrayEncoder(encoderFor(shape.element, types, options), shape.delimiter);
    case "vector":
      return vectorEncoder(encoderFor(shape.element, types, options));
    case "domain":
      return encoderFor(shape.base, types, options);
    case "composite":
      return compositeEncoder(
        shape.fields.map((field) => ({
          key: Buffer.from(`${jsonString(field.name)}:`),
          encode: encoderFor(field.type, types, options),
        })),
      );
    case "hstore":
      return writeHstore;
    case "scalar":
      return scalarEncoder(shape.name, options);
  }
}

function scalarEncoder(name: string, options: ValueOptions): ValueEncoder {
  switch (name) {
    case "int2":
    case "int4":
    case "float4":
    case "float8":
      return writeNumber;
    case "int8":
    case "numeric":
      return options.safeNumbers ? writeSafeNumber : writeNumber;
    case "bool":
      return writeBoolean;
    case "json":
    case "jsonb":
      return writeJson;
    case "timestamp":
      return writeTimestamp;
    case "timestamptz":
      return writeTimestampTz;
    default:
      return writeString;
  }
}

/** The digits the server sent; NaN and the infinities are strings, since JSON has no such numbers. */
const writeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (isNumber(bytes, start, end)) out.copy(bytes, start, end);
  else writeString(out, bytes, view, start, end);
};

const writeSafeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (isNumber(bytes, start, end) && isExactDouble(bytes, start, end)) out.copy(bytes, start, end);
  else writeString(out, bytes, view, start, end);
};

const TRUE = Buffer.from("true", "latin1");
const FALSE = Buffer.from("false", "latin1");

const writeBoolean: ValueEncoder = (out, bytes, view, start, end) => {
  const letter = end - start === 1 ? bytes[start] : 0;
  if (letter === 0x74) out.copy(TRUE);
  else if (letter === 0x66) out.copy(FALSE);
  else writeString(out, bytes, view, start, end);
};
