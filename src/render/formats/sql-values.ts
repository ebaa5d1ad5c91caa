import { FIRST_NORMAL_OID, builtinNamed } from "../../postgres/types/table.ts";
import type { BuiltinType, Family } from "../../postgres/types/type.ts";
import type { TypeRegistry } from "../../postgres/messages/type-registry.ts";
import type { ByteWriter } from "../bytes/byte-writer.ts";
import { copyDigits, isNumber } from "../bytes/numbers.ts";
import { characterEnd, isUtf8Text } from "../bytes/utf8.ts";
import type { ValueEncoder } from "../values/value-encoder.ts";

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const LETTER_E = 0x45;
const [PLAIN, DOUBLED, ESCAPED, NOT_ASCII] = [0, 1, 2, 4];

const CLASSES = new Uint8Array(256);
CLASSES.fill(ESCAPED, 0, 0x20);
CLASSES.fill(NOT_ASCII, 0x80);
CLASSES[0x7f] = ESCAPED;
CLASSES[BACKSLASH] = ESCAPED;
CLASSES[QUOTE] = DOUBLED;

const HEX = Buffer.from("0123456789abcdef", "latin1");
/** Bytes behind the backslash of the escapes that have a letter. */
const LETTERS = new Map(
  Object.entries({ "\b": "b", "\t": "t", "\n": "n", "\f": "f", "\r": "r", "\\": "\\" }).map(
    ([character, letter]) => [character.charCodeAt(0), letter.charCodeAt(0)],
  ),
);

/**
 * Writes the text bytes[start, end) as a string constant on one line. With a backslash, a control character or a byte
 * that is not UTF-8 it is `E'…'`, so that no setting and no line of psql's changes what it means.
 */
const writeLiteral: ValueEncoder = (out, bytes, view, start, end) => {
  let classes = PLAIN;
  for (let at = start; at < end; at++) classes |= CLASSES[bytes[at]!]!;
  const valid = (classes & NOT_ASCII) === 0 || isUtf8Text(bytes, start, end);
  if (classes === PLAIN || (valid && classes === NOT_ASCII)) {
    out.byte(QUOTE);
    out.copyText(bytes, view, start, end);
    return out.byte(QUOTE);
  }
  out.reserve((end - start) * 4 + 3);
  if (!valid || (classes & ESCAPED) !== 0) out.byte(LETTER_E);
  out.byte(QUOTE);
  for (let at = start; at < end;) {
    const byte = bytes[at]!;
    const kind = CLASSES[byte]!;
    if (kind === NOT_ASCII) at = writeCharacter(out, bytes, at, end);
    else {
      if (kind === ESCAPED) writeEscape(out, byte);
      else if (kind === DOUBLED) out.byte(QUOTE);
      if (kind !== ESCAPED) out.byte(byte);
      at++;
    }
  }
  out.byte(QUOTE);
};

/** Returns where it ends. */
function writeCharacter(out: ByteWriter, bytes: Uint8Array, at: number, end: number): number {
  const next = characterEnd(bytes, at, end);
  if (next === -1) {
    writeEscape(out, bytes[at]!);
    return at + 1;
  }
  out.copy(bytes, at, next);
  return next;
}

function writeEscape(out: ByteWriter, byte: number): void {
  out.byte(BACKSLASH);
  const letter = LETTERS.get(byte);
  if (letter !== undefined) return out.byte(letter);
  out.byte(0x78); // x
  out.byte(HEX[byte >> 4]!);
  out.byte(HEX[byte & 15]!);
}

/** More might not fit a bigint: the sign and 18 digits always do. */
const WHOLE_NUMBER_MAX = 18;

const writeWholeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (end - start > WHOLE_NUMBER_MAX) return writeLiteral(out, bytes, view, start, end);
  if (copyDigits(out, bytes, view, start, end)) return;
  writeNumber(out, bytes, view, start, end);
};

/** NaN and the infinities are texts. */
const writeNumber: ValueEncoder = (out, bytes, view, start, end) => {
  if (isNumber(bytes, start, end)) out.copyText(bytes, view, start, end);
  else writeLiteral(out, bytes, view, start, end);
};

const TRUE = Buffer.from("true", "latin1");
const FALSE = Buffer.from("false", "latin1");

const writeBoolean: ValueEncoder = (out, bytes, view, start, end) => {
  const letter = end - start === 1 ? bytes[start] : 0;
  if (letter === 0x74) out.copy(TRUE);
  else if (letter === 0x66) out.copy(FALSE);
  else writeLiteral(out, bytes, view, start, end);
};

/** A built-in type, or an array or vector of one; undefined if it is not built in. */
export type SqlType = BuiltinType | "array" | undefined;

/** Of the values behind a domain. */
export function sqlType(typeOid: number, types: TypeRegistry, depth = 0): SqlType {
  const shape = types.shapeOf(typeOid);
  if (shape?.kind === "domain")
    return depth > 32 ? undefined : sqlType(shape.base, types, depth + 1);
  const isBuiltIn = typeOid < FIRST_NORMAL_OID;
  // Enums and citext have the shape of text; others are domains that the stream alone described.
  if (shape?.kind === "scalar")
    return isBuiltIn || shape.name !== "text" ? builtinNamed(shape.name) : undefined;
  return isBuiltIn && shape !== undefined ? "array" : undefined;
}

function familyIn(type: SqlType): Family | "array" | undefined {
  return typeof type === "object" ? type.family : type;
}

/** Elsewhere PostgreSQL takes the text for the column's type. */
export function literalEncoder(type: SqlType): ValueEncoder {
  switch (familyIn(type)) {
    case "integer":
      return writeWholeNumber;
    case "numeric":
      return writeNumber;
    case "boolean":
      return writeBoolean;
    default:
      return writeLiteral;
  }
}

type Families = ReadonlySet<Family | "array" | undefined>;

/** Values that are equal print the same. Of text this holds for collations that are deterministic. */
const SAME_IF_EQUAL: Families = new Set([
  ...(["boolean", "integer", "oid", "text", "uuid", "bytes", "bits", "network", "lsn"] as const),
  ...(["date", "time", "timetz", "timestamp", "timestamptz", "named"] as const),
]);

/** They have an equality, which decides what is unique. */
const EQUAL_IN_KEYS: Families = new Set([
  ...SAME_IF_EQUAL,
  ...(["padded", "numeric", "float", "interval", "jsonb", "money", "xid", "tid"] as const),
]);

/** Their cast to text is not what they print, or it may be a function of another role, which owns the type. */
const NOT_CAST: Families = new Set([undefined, "xml", "padded"] as const);

/**
 * What is compared with a value's literal: `a`, `a::text`, or `format('%s', a)`, which is what PostgreSQL prints of any
 * type. `whole` rows are compared when no key tells them apart: then only values that print the same are the same.
 */
export function comparedColumn(name: string, type: SqlType, whole: boolean): string {
  const family = familyIn(type);
  if ((whole ? SAME_IF_EQUAL : EQUAL_IN_KEYS).has(family)) return name;
  if (!NOT_CAST.has(family)) return `${name}::text`;
  // It gives '' for NULL.
  return `${name} IS DISTINCT FROM NULL AND pg_catalog.format('%s', ${name})`;
}
