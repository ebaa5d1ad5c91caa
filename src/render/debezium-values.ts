import type { TypeRegistry } from "../pgoutput/type-registry.ts";
import { arrayEncoder } from "./arrays.ts";
import {
  daysOfDate,
  isoInterval,
  microsOfTime,
  microsOfTimestamp,
  zonedTime,
  zonedTimestamp,
} from "./debezium-times.ts";
import { writeHstore } from "./hstore.ts";
import { jsonString, writeString } from "./json-text.ts";
import type { ByteWriter } from "./byte-writer.ts";
import type { ValueEncoder } from "./value-encoder.ts";
import { encoderFor } from "./values.ts";

/** Of types within types. */
const DEPTH_MAX = 32;

/** Stands for a value that the server did not send, since it is stored out of line and did not change. */
const UNAVAILABLE = "__debezium_unavailable_value";

/**
 * The encoder for a type with the connector's options decimal.handling.mode=string,
 * time.precision.mode=adaptive (its default), interval.handling.mode=string, hstore.handling.mode=json (its
 * default) and binary.handling.mode=bytes (its default). What the connector has a structure for (point,
 * geometry) or nothing at all (composite types) is the server's text.
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

/** The stand-in as a value of the column's type. */
export function unavailableValue(typeOid: number, types: TypeRegistry): string {
  const shape = types.shapeOf(typeOid);
  if (shape?.kind === "array") return `[${unavailableValue(shape.element, types)}]`;
  const bytes = shape?.kind === "scalar" && shape.name === "bytea";
  return jsonString(bytes ? Buffer.from(UNAVAILABLE).toString("base64") : UNAVAILABLE);
}

function scalarEncoder(
  name: string,
  typeOid: number,
  typeModifier: number,
  types: TypeRegistry,
): ValueEncoder {
  // Of 3 digits or less, where the column says so.
  const millis = typeModifier >= 0 && typeModifier <= 3;
  switch (name) {
    case "bool":
    case "int2":
    case "int4":
    case "int8":
    case "float4":
    case "float8":
      return encoderFor(typeOid, types, { values: "json", safeNumbers: false });
    case "oid":
      return (out, bytes, _view, start, end) => out.copy(bytes, start, end);
    case "bytea":
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
      return textEncoder((text) => quoted(zonedTimestamp(text)));
    case "interval":
      return textEncoder((text) => quoted(isoInterval(text)));
    case "bit":
      return textEncoder(typeModifier === 1 ? booleanOfBit : base64OfBits);
    case "varbit":
      return textEncoder(base64OfBits);
    default:
      return writeString;
  }
}

/** What a value becomes, as JSON; undefined: it is not what it should be, and is printed as it came. */
function textEncoder(encode: (text: string) => string | undefined): ValueEncoder {
  return (out, bytes, view, start, end) => {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString(
      "latin1",
    );
    const encoded = encode(text);
    if (encoded === undefined) writeString(out, bytes, view, start, end);
    else out.text(encoded);
  };
}

/** As the connector and PostgreSQL's JDBC driver have them. */
const INFINITE_MICROS = new Map([
  ["infinity", "9223372036825200000"],
  ["-infinity", "-9223372036832400000"],
]);
/** As the server itself has them. */
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

function booleanOfBit(text: string): string {
  return text === "1" ? "true" : "false";
}

/** io.debezium.data.Bits: the lowest byte first; the last bit of the text is the lowest. */
function base64OfBits(text: string): string {
  const bytes = Buffer.alloc(Math.ceil(text.length / 8));
  for (let bit = 0; bit < text.length; bit++) {
    if (text[text.length - 1 - bit] === "1") bytes[bit >> 3]! |= 1 << (bit & 7);
  }
  return `"${bytes.toString("base64")}"`;
}

/** A JSON object, in a string. */
const writeHstoreText: ValueEncoder = (out, bytes, view, start, end) => {
  const before = out.offset;
  writeHstore(out, bytes, view, start, end);
  const object = takeBack(out, before);
  if (object[0] === 0x7b) writeString(out, object, viewOf(object), 0, object.length);
  // It was no hstore: what was written is a string already.
  else out.copy(object);
};

function takeBack(out: ByteWriter, from: number): Buffer {
  const written = Buffer.from(out.bytes.subarray(from, out.offset));
  out.offset = from;
  return written;
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
