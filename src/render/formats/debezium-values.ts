import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import { builtinNamed } from "../../postgres/types/table.ts";
import { arrayEncoder } from "../values/arrays.ts";
import {
  daysOfDate,
  isoInterval,
  microsOfTime,
  microsOfTimestamp,
  zonedTime,
  zonedTimestamp,
} from "./debezium-times.ts";
import { readPairs } from "../values/hstore.ts";
import { jsonString, writeString } from "../bytes/json-text.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";
import { encoderFor } from "../values/values.ts";
import { isUtf8Text } from "../bytes/utf8.ts";

/** Limit for types within types: a damaged capture may describe circular ones. */
const DEPTH_MAX = 32;

/** Stands for a value that the server did not send because it is stored out of line and did not change. */
const UNAVAILABLE = "__debezium_unavailable_value";

/**
 * The encoder for a type, as with the connector's options decimal.handling.mode=string, time.precision.mode=adaptive
 * (its default), interval.handling.mode=string, hstore.handling.mode=json (its default) and binary.handling.mode=bytes
 * (its default). A type for which the connector has a structure (point, geometry) or no support (composite types) is
 * printed as the server's text.
 */
export function debeziumEncoder(
  typeOid: number,
  typeModifier: number,
  types: TypeRegistry,
  depth = 0,
): ValueEncoder {
  if (depth > DEPTH_MAX) return writeString;
  const shape = types.shapeOf(typeOid);
  switch (shape?.kind) {
    case "array":
      return arrayEncoder(
        debeziumEncoder(shape.element, typeModifier, types, depth + 1),
        shape.delimiter,
      );
    case "domain":
      return debeziumEncoder(shape.base, typeModifier, types, depth + 1);
    case "hstore":
      return writeHstoreText;
    case "scalar":
      return scalarEncoder(shape.name, typeOid, typeModifier, types);
    default:
      return writeString;
  }
}

/** The stand-in for an unavailable value, in the form of the column's type. */
export function unavailableValue(typeOid: number, types: TypeRegistry, depth = 0): string {
  const shape = types.shapeOf(typeOid);
  if (shape?.kind === "array" && depth <= DEPTH_MAX) {
    return `[${unavailableValue(shape.element, types, depth + 1)}]`;
  }
  const isBytes = shape?.kind === "scalar" && builtinNamed(shape.name)?.family === "bytes";
  return jsonString(isBytes ? Buffer.from(UNAVAILABLE).toString("base64") : UNAVAILABLE);
}

function scalarEncoder(
  name: string,
  typeOid: number,
  typeModifier: number,
  types: TypeRegistry,
): ValueEncoder {
  // The column keeps at most 3 digits of the fraction.
  const millis = typeModifier >= 0 && typeModifier <= 3;
  switch (builtinNamed(name)?.family) {
    case "boolean":
    case "integer":
    case "float":
      return encoderFor(typeOid, types, { values: "json", safeNumbers: false });
    case "oid":
      return textEncoder(wholeNumber);
    case "numeric":
      return textEncoder((text) => SPECIAL_NUMERICS.get(text));
    case "money":
      return textEncoder((text) => quoted(plainAmount(text)));
    case "bytes":
      return textEncoder(base64OfHex);
    case "date":
      return textEncoder(epochDays);
    case "time":
      return textEncoder((text) => inUnit(microsOfTime(text), millis));
    case "timestamp":
      return textEncoder(
        (text) => INFINITE_MICROS.get(text) ?? inUnit(microsOfTimestamp(text), millis),
      );
    case "timetz":
      return textEncoder((text) => quoted(zonedTime(text)));
    case "timestamptz":
      return textEncoder((text) => quoted(zonedTimestamp(text, fractionDigits(typeModifier))));
    case "interval":
      return textEncoder((text) => quoted(isoInterval(text)));
    case "bits":
      return textEncoder(typeModifier === 1 ? booleanOfBit : base64OfBits);
    default:
      return writeString;
  }
}

/** `encode` converts a value's text to JSON; if it returns undefined, the text is printed as a string. */
function textEncoder(encode: (text: string) => string | undefined): ValueEncoder {
  return (out, bytes, view, start, end) => {
    const encoded = encode(
      Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(),
    );
    if (encoded === undefined) writeString(out, bytes, view, start, end);
    else out.text(encoded);
  };
}

/** The same values as the connector and PostgreSQL's JDBC driver use. */
const INFINITE_MICROS = new Map([
  ["infinity", "9223372036825200000"],
  ["-infinity", "-9223372036832400000"],
]);
/** The same values as the server uses. */
const INFINITE_DAYS = new Map([
  ["infinity", "2147483647"],
  ["-infinity", "-2147483648"],
]);

function epochDays(text: string): string | undefined {
  return INFINITE_DAYS.get(text) ?? daysOfDate(text)?.toString();
}

function inUnit(micros: bigint | undefined, millis: boolean): string | undefined {
  return (millis && micros !== undefined ? micros / 1000n : micros)?.toString();
}

function quoted(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `"${text}"`;
}

function base64OfHex(text: string): string | undefined {
  if (!/^\\x(?:[0-9a-f]{2})*$/i.test(text)) return undefined;
  return `"${Buffer.from(text.slice(2), "hex").toString("base64")}"`;
}

function wholeNumber(text: string): string | undefined {
  return /^(?:0|[1-9]\d*)$/.test(text) ? text : undefined;
}

/** The connector's names for values that a BigDecimal cannot hold. */
const SPECIAL_NUMERICS = new Map([
  ["NaN", '"NAN"'],
  ["Infinity", '"POSITIVE_INFINITY"'],
  ["-Infinity", '"NEGATIVE_INFINITY"'],
]);

/** For a timestamptz the connector prints as many digits as the column keeps. */
function fractionDigits(typeModifier: number): number {
  return typeModifier < 0 ? 6 : typeModifier;
}

/** A sign or parentheses, a one-character currency, commas between thousands, a point: lc_monetary C and en_US. */
const AMOUNT = /^(?:(-)|(\())?[^\d.,()\s\ufffd-]?(\d{1,3}(?:,\d{3})*|\d+)(\.\d+)?(\))?$/u;

/**
 * `-$1,234.11` → `-1234.11`. Undefined if the amount has another form, in which the meaning of a comma is ambiguous.
 */
function plainAmount(text: string): string | undefined {
  const [match, minus, open, whole = "", fraction = "", close] = AMOUNT.exec(text) ?? [];
  if (match === undefined || (open === undefined) !== (close === undefined)) return undefined;
  const sign = minus ?? (open === undefined ? "" : "-");
  return `${sign}${whole.replaceAll(",", "")}${fraction}`;
}

function booleanOfBit(text: string): string | undefined {
  return text === "1" ? "true" : text === "0" ? "false" : undefined;
}

/**
 * io.debezium.data.Bits: the lowest byte first, without bytes above the highest 1. The text's last bit is the lowest.
 */
function base64OfBits(text: string): string | undefined {
  if (!/^[01]*$/.test(text)) return undefined;
  const first = text.indexOf("1");
  const length = first === -1 ? 0 : text.length - first;
  const bytes = Buffer.alloc(Math.ceil(length / 8));
  for (let bit = 0; bit < length; bit++) {
    if (text[text.length - 1 - bit] === "1") bytes[bit >> 3]! |= 1 << (bit & 7);
  }
  return `"${bytes.toString("base64")}"`;
}

/** A JSON object inside a string. As in the connector, its text escapes only what JSON requires. */
const writeHstoreText: ValueEncoder = (out, bytes, view, start, end) => {
  const members: string[] = [];
  const valid = readPairs(bytes, start, end, (key, value) => {
    members.push(`${plainString(key)}:${value === null ? "null" : plainString(value)}`);
  });
  if (!valid || !isUtf8Text(bytes, start, end)) {
    return writeString(out, bytes, view, start, end);
  }
  out.text(jsonString(`{${members.join(",")}}`));
};

function plainString(text: Uint8Array): string {
  return JSON.stringify(Buffer.from(text.buffer, text.byteOffset, text.length).toString());
}
