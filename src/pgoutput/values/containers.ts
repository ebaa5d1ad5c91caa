import { escapeIn } from "./escape.ts";
import type { BinaryReader, TextForm } from "./binary-reader.ts";

export const DIMENSIONS_MAX = 6;
/** A length without bytes behind it. */
const ELEMENT_BYTES_MIN = 4;

export interface Dimension {
  readonly length: number;
  readonly lowerBound: number;
}

/** Int32 dimensions  Int32 are there NULLs  UInt32 element's oid  { Int32 length  Int32 lower bound }×dimensions  { field }×n */
export function arrayOf(element: TextForm, elementOid: number, delimiter: string): TextForm {
  const format = arrayFormat(delimiter);
  return (reader) => {
    const dimensions = readDimensions(reader, elementOid);
    return format(dimensions, () => reader.field(element));
  };
}

/** Gives the next element; undefined: it is NULL. */
type NextElement = () => string | undefined;

/**
 * Lays an array out as array_out does: between `delimiter`s, quoted; bounds that do not start at 1 stand in front: `[2:3]={a,b}`.
 * One without elements has no dimensions.
 */
export function arrayFormat(
  delimiter: string,
): (dimensions: readonly Dimension[], next: NextElement) => string {
  const special = new RegExp(`^$|^null$|[{}"\\\\ \t\n\v\f\r${delimiter}]`, "i");
  const quoted = (text: string): string =>
    special.test(text) ? `"${escapeIn(text, /["\\]/g, "\\$&")}"` : text;
  const nested = ([dimension, ...inner]: readonly Dimension[], next: NextElement): string => {
    if (dimension === undefined) {
      const text = next();
      return text === undefined ? "NULL" : quoted(text);
    }
    const { length } = dimension;
    const parts = Array.from({ length }, () => nested(inner, next));
    return `{${parts.join(delimiter)}}`;
  };
  return (dimensions, next) => {
    if (dimensions.length === 0) return "{}";
    const bounds = dimensions.some(({ lowerBound }) => lowerBound !== 1)
      ? `${dimensions.map(formatBounds).join("")}=`
      : "";
    return bounds + nested(dimensions, next);
  };
}

/** int2vector and oidvector are sent as arrays and printed as `1 2 3`. */
export function vectorOf(element: TextForm, elementOid: number): TextForm {
  return (reader) => {
    const [dimension, second] = readDimensions(reader, elementOid);
    if (dimension === undefined) return "";
    if (second !== undefined) throw reader.unfit();
    return Array.from({ length: dimension.length }, () => readPresent(reader, element)).join(" ");
  };
}

/** Byte1 flags  [field lower bound]  [field upper bound]; a bound is absent if the flags say that it is infinite */
export function rangeOf(bound: TextForm): TextForm {
  return (reader) => {
    const flags = reader.uint8();
    if ((flags & ~RANGE_FLAGS) !== 0) throw reader.unfit();
    return formatRange(flags, () => readPresent(reader, bound));
  };
}

/** `[1,5)`; `next` gives the lower bound, then the upper one, as far as there are any. */
export function formatRange(flags: number, next: () => string): string {
  if ((flags & RANGE_EMPTY) !== 0) return "empty";
  const lower = (flags & LOWER_INFINITE) !== 0 ? "" : quoteIn(next(), RANGE_SPECIAL);
  const upper = (flags & UPPER_INFINITE) !== 0 ? "" : quoteIn(next(), RANGE_SPECIAL);
  const open = (flags & LOWER_INCLUSIVE) !== 0 ? "[" : "(";
  const close = (flags & UPPER_INCLUSIVE) !== 0 ? "]" : ")";
  return `${open}${lower},${upper}${close}`;
}

const RANGE_EMPTY = 0x01;
const LOWER_INCLUSIVE = 0x02;
const UPPER_INCLUSIVE = 0x04;
const LOWER_INFINITE = 0x08;
const UPPER_INFINITE = 0x10;
export const RANGE_FLAGS = 0x1f;
const RANGE_SPECIAL = /^$|["\\()[\], \t\n\v\f\r]/;

/** Int32 ranges  { field }×n */
export function multirangeOf(range: TextForm): TextForm {
  return (reader) => {
    const length = reader.count(ELEMENT_BYTES_MIN);
    return `{${Array.from({ length }, () => readPresent(reader, range)).join(",")}}`;
  };
}

export interface RecordField {
  readonly typeOid: number;
  readonly form: TextForm;
}

/** Int32 fields  { UInt32 type's oid  field }×n; NULL is printed as nothing: `(1,,"")` */
export function recordOf(fields: readonly RecordField[]): TextForm {
  return (reader) => {
    // The type may have been altered since it was looked up.
    if (reader.uint32() !== fields.length) throw reader.unfit();
    return formatRecord(
      fields.map(({ typeOid, form }) => {
        if (reader.uint32() !== typeOid) throw reader.unfit();
        return reader.field(form);
      }),
    );
  };
}

/** Undefined: NULL. */
export function formatRecord(fields: readonly (string | undefined)[]): string {
  const parts = fields.map((text) => (text === undefined ? "" : quoteIn(text, RECORD_SPECIAL)));
  return `(${parts.join(",")})`;
}

const RECORD_SPECIAL = /^$|["\\(), \t\n\v\f\r]/;

/** Quotes as in a row: quotes and backslashes inside are doubled. */
function quoteIn(text: string, special: RegExp): string {
  return special.test(text) ? `"${escapeIn(text, /["\\]/g, "$&$&")}"` : text;
}

function readDimensions(reader: BinaryReader, elementOid: number): readonly Dimension[] {
  const count = reader.uint32();
  reader.uint32();
  if (count > DIMENSIONS_MAX || reader.uint32() !== elementOid) throw reader.unfit();
  const dimensions: Dimension[] = [];
  let elements = 1;
  for (let each = 0; each < count; each++) {
    const length = reader.uint32();
    dimensions.push({ length, lowerBound: reader.int32() });
    elements *= length;
  }
  // Checked because it decides how much memory is used.
  if (count > 0 && elements * ELEMENT_BYTES_MIN > reader.end - reader.offset) {
    throw reader.truncated(1);
  }
  return elements === 0 ? [] : dimensions;
}

function formatBounds({ length, lowerBound }: Dimension): string {
  return `[${lowerBound}:${lowerBound + length - 1}]`;
}

function readPresent(reader: BinaryReader, form: TextForm): string {
  const text = reader.field(form);
  if (text === undefined) throw reader.unfit();
  return text;
}
