/** The values of walctl's lines as the text that the server sent: docs/ndjson.md, backwards. */
import { BUILTIN_TYPES, familyOf, isVector } from "../../postgres/types/table.ts";
import type { BuiltinType, Family } from "../../postgres/types/type.ts";
import { ColumnKind } from "../../postgres/messages/tags.ts";
import { bytesOf, elementsOf, membersOf, stringOf } from "./raw-json.ts";
import type { SentValue } from "./tuples.ts";

/** What is known of a column's type. */
export interface ValueType {
  /** Of a domain over a built-in type, that type's. */
  readonly oid: number;
  readonly name: string | null;
}

export const UNCHANGED: SentValue = { kind: ColumnKind.unchanged, value: "" };
export const NULL: SentValue = { kind: ColumnKind.null, value: "" };

/** `--values json` prints them without quotes. */
const BARE = new Set<Family | undefined>(["boolean", "integer", "float", "numeric"]);
const QUOTED_NUMBER = /^(?:NaN|-?Infinity)$|\d{16}|[.e]/;
const ELEMENTS: ReadonlyMap<number, BuiltinType> = new Map(
  BUILTIN_TYPES.map((type) => [type.array, type]),
);
const MOMENT = /^(\d{4,}-\d\d-\d\d)T(\d\d:\d\d:\d\d(?:\.\d+)?)(?:([+-]\d\d):(\d\d))?( BC)?$/;

function isJson(oid: number): boolean {
  const family = familyOf(oid);
  return family === "json" || family === "jsonb";
}

function isMoment(oid: number): boolean {
  const family = familyOf(oid);
  return family === "timestamp" || family === "timestamptz";
}

/**
 * Says what walctl takes such a value for, where the line does not have all of it. Undefined: it has.
 * @param isSorted another program sorted the keys of the line
 */
export function vagueness(
  raw: string,
  { oid, name }: ValueType,
  isText: boolean,
  isSorted: boolean,
): string | undefined {
  if (raw === "null" && isJson(oid))
    return "null is taken for NULL: lines do not tell it from JSON's null";
  if (isOfOwnType(raw, { oid, name }))
    return isAmbiguous(raw, isSorted)
      ? "values whose fields may be of several types are left out: lines do not have these types"
      : "what is in its values is taken for text, numbers and rows: lines do not have the types of fields";
  if (raw.startsWith("[") && ELEMENTS.has(oid))
    return "arrays are taken to begin at 1: lines do not have their bounds";
  if (familyOf(oid) === "json" && !isText && raw !== "null") {
    const order = isSorted ? " and the order of its keys" : "";
    return `json is taken as it stands in the lines: they may not have its white space${order}`;
  }
  return undefined;
}

/** A value of a composite type, or of an array or a domain of a type that lines do not describe. */
function isOfOwnType(raw: string, { oid, name }: ValueType): boolean {
  if (raw.startsWith("{"))
    return !isJson(oid) && name !== "hstore" && !/^\{"(?:bytes|binary|disk)_base64":/.test(raw);
  return raw.startsWith("[") && !isJson(oid) && !ELEMENTS.has(oid) && !isVector(oid);
}

/**
 * Whether its text could be another value than the server had, and the server would accept that: `"1"` may be a text or
 * a string of jsonb, `[]` an array or jsonb's, and another program may have sorted the fields.
 */
function isAmbiguous(raw: string, isSorted: boolean): boolean {
  if (raw.startsWith('"')) return isValidJson(stringOf(raw));
  if (raw.startsWith("[")) {
    const elements = elementsOf(raw);
    return elements.length === 0 || elements.some((each) => isAmbiguous(each, isSorted));
  }
  if (!raw.startsWith("{")) return false;
  const fields = membersOf(raw);
  return (
    (isSorted && fields.size > 1) ||
    [...fields.values()].some((each) => isAmbiguous(each, isSorted))
  );
}

function isValidJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether such a value comes only from --values text. */
export function isPlainText(raw: string, { oid }: ValueType): boolean {
  if (!raw.startsWith('"')) return false;
  const text = stringOf(raw);
  if (isMoment(oid)) return /^\d+-\d\d-\d\d /.test(text);
  return BARE.has(familyOf(oid)) && !QUOTED_NUMBER.test(text);
}

/**
 * @param isText the line was printed with --values text
 * @param isExact its reader takes the text for the server's: UNCHANGED where that is not known
 */
export function sentValue(
  raw: string,
  type: ValueType,
  isText: boolean,
  isExact: boolean,
  isSorted: boolean,
): SentValue {
  if (raw === "null") return NULL;
  if (isOfOwnType(raw, type)) {
    if (isExact && isAmbiguous(raw, isSorted)) return UNCHANGED;
    // What looks like a row may be an hstore: a person sees the names that the line has.
    if (!isExact && raw.includes("{")) return textValue(raw);
  }
  if (raw.startsWith("{") && !isJson(type.oid)) {
    const [[key, value] = ["", ""], ...others] = membersOf(raw);
    const isBytes = /^(?:bytes|binary|disk)_base64$/.test(key) && value.startsWith('"');
    if (isBytes && others.length === 0) {
      const kind = key === "bytes_base64" ? ColumnKind.text : ColumnKind.binary;
      return { kind, value: bytesOf(stringOf(value)) };
    }
  }
  const inOrder = isSorted ? inJsonbOrder(raw, type) : raw;
  return textValue(isText && raw.startsWith('"') ? stringOf(raw) : textOf(inOrder, type));
}

function textValue(text: string): SentValue {
  return { kind: ColumnKind.text, value: text };
}

function textOf(raw: string, type: ValueType): string {
  if (familyOf(type.oid) === "json") return raw;
  if (familyOf(type.oid) === "jsonb") return jsonbOf(raw);
  switch (raw[0]) {
    case '"': {
      const text = stringOf(raw);
      if (!isMoment(type.oid)) return text;
      return text.replace(MOMENT, (_, date, time, hours = "", minutes = "00", era = "") =>
        [`${date} ${time}${hours}`, minutes === "00" ? "" : `:${minutes}`, era].join(""),
      );
    }
    case "t":
    case "f":
      return raw.slice(0, 1);
    case "[":
      return arrayOf(raw, type);
    case "{":
      return type.name === "hstore" ? hstoreOf(raw) : rowOf(raw);
    default:
      return raw;
  }
}

/** Keys in the order in which PostgreSQL stores them (jsonb_util.c, lengthCompareJsonbStringValue), in UTF-8. */
function inJsonbOrder(raw: string, type: ValueType): string {
  const isJsonb = (ELEMENTS.get(type.oid)?.family ?? familyOf(type.oid)) === "jsonb";
  return isJsonb ? ordered(raw) : raw;
}

function ordered(raw: string): string {
  if (raw.startsWith("[")) return `[${elementsOf(raw).map(ordered).join(",")}]`;
  if (!raw.startsWith("{")) return raw;
  const members = Array.from(membersOf(raw), ([name, value]) => {
    return { key: Buffer.from(name), text: `${JSON.stringify(name)}:${ordered(value)}` };
  });
  members.sort((a, b) => a.key.length - b.key.length || Buffer.compare(a.key, b.key));
  return `{${members.map(({ text }) => text).join(",")}}`;
}

/** jsonb_out, but for the order of keys: another program may have printed the line, and walctl escapes DEL and C1. */
function jsonbOf(raw: string): string {
  return raw.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|\s+|[,:]/g, (token) => {
    if (token === "," || token === ":") return `${token} `;
    if (!token.startsWith('"')) return "";
    return token.includes("\\") ? JSON.stringify(stringOf(token)) : token;
  });
}

const QUOTED = /^$|["\\{},\s]|^null$/i;
const QUOTED_BOX = /["\\{};\s]/;

/** array_in: `{1,NULL,"a b"}` */
function arrayOf(raw: string, { oid }: ValueType): string {
  const elements = elementsOf(raw);
  const { delimiter = ",", oid: elementOid = 0 } = ELEMENTS.get(oid) ?? {};
  const type = { oid: elementOid, name: null };
  if (isVector(oid)) return elements.map((element) => textOf(element, type)).join(" ");
  const texts = elements.map((element) => {
    if (element === "null") return "NULL";
    if (element.startsWith("[") && !isJson(type.oid)) return arrayOf(element, { oid, name: null });
    const text = textOf(element, type);
    return (delimiter === "," ? QUOTED : QUOTED_BOX).test(text)
      ? `"${text.replace(/["\\]/g, "\\$&")}"`
      : text;
  });
  return `{${texts.join(delimiter)}}`;
}

/** record_in: `(1,,"a b")` */
function rowOf(raw: string): string {
  const fields = [...membersOf(raw).values()].map((field) => {
    if (field === "null") return "";
    const text = textOf(field, { oid: 0, name: null });
    return /^$|["\\(),\s]/.test(text) ? `"${text.replace(/["\\]/g, "$&$&")}"` : text;
  });
  return `(${fields.join(",")})`;
}

function hstoreOf(raw: string): string {
  const quote = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
  const pairs = [...membersOf(raw)].map(([key, value]) => {
    return `${quote(key)}=>${value === "null" ? "NULL" : quote(stringOf(value))}`;
  });
  return pairs.join(", ");
}
