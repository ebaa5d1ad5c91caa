/** Arrays and vectors, as they are sent and stored (utils/array.h). */
import type { AttributeLayout } from "../tuples/tuple.ts";
import type { BinaryReader, TextForm } from "./binary-reader.ts";
import {
  type DiskForm,
  type DiskReader,
  type StoredForm,
  VARLENA_HEADER_BYTES,
} from "./disk-reader.ts";
import { escapeIn } from "./escape.ts";

const DIMENSIONS_MAX = 6;
/** A length without bytes behind it. */
const ELEMENT_BYTES_MIN = 4;

interface Dimension {
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
function arrayFormat(
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
    return Array.from({ length: dimension.length }, () => reader.present(element)).join(" ");
  };
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

interface ArrayHeader {
  readonly dimensions: readonly Dimension[];
  /** The offset of the bits that tell which elements are not NULL; -1 if none is NULL. */
  readonly bitmap: number;
}

/**
 * Int32 dimensions  Int32 where the data begin, 0: no NULLs  UInt32 element's oid  { Int32 size }×dimensions
 * { Int32 lower bound }×dimensions  [bitmap: 1 is not NULL]  elements
 */
export function storedArray(element: StoredForm, elementOid: number, delimiter: string): DiskForm {
  const format = arrayFormat(delimiter);
  return (reader) => {
    const next = elementsIn(reader, element, elementOid);
    return ends(reader, element, format(next.dimensions, next.element));
  };
}

/** int2vector and oidvector: `1 2 3` */
export function storedVector(element: StoredForm, elementOid: number): DiskForm {
  return (reader) => {
    const next = elementsIn(reader, element, elementOid);
    if (next.dimensions.length > 1) throw reader.unfit();
    const length = next.dimensions[0]?.length ?? 0;
    const texts = Array.from({ length }, () => {
      const text = next.element();
      if (text === undefined) throw reader.unfit();
      return text;
    });
    return ends(reader, element, texts.join(" "));
  };
}

/** Only padding may follow the last element. */
function ends(reader: DiskReader, { layout }: StoredForm, text: string): string {
  if (reader.end - reader.offset >= layout.align) throw reader.unfit();
  reader.offset = reader.end;
  return text;
}

function elementsIn(
  reader: DiskReader,
  { layout, text }: StoredForm,
  elementOid: number,
): { dimensions: readonly Dimension[]; element: () => string | undefined } {
  const origin = reader.offset - VARLENA_HEADER_BYTES;
  const { bitmap, dimensions } = readArrayHeader(reader, elementOid, layout);
  let index = 0;
  const element = (): string | undefined => {
    const at = index++;
    if (bitmap !== -1 && (reader.bytes[bitmap + (at >> 3)]! & (1 << (at & 7))) === 0) {
      return undefined;
    }
    return reader.stored(layout, origin, text);
  };
  return { dimensions, element };
}

function readArrayHeader(
  reader: DiskReader,
  elementOid: number,
  layout: AttributeLayout,
): ArrayHeader {
  const origin = reader.offset - VARLENA_HEADER_BYTES;
  const dimensionCount = reader.uint32();
  const dataOffset = reader.uint32();
  if (dimensionCount > DIMENSIONS_MAX || reader.uint32() !== elementOid) throw reader.unfit();
  const sizes = Array.from({ length: dimensionCount }, () => reader.uint32());
  const dimensions = sizes.map((length) => ({ length, lowerBound: reader.int32() }));
  const count = dimensionCount === 0 ? 0 : sizes.reduce((product, size) => product * size, 1);
  let bitmap = -1;
  if (dataOffset !== 0) {
    bitmap = reader.advance(Math.ceil(count / 8));
    if (origin + dataOffset < reader.offset || origin + dataOffset > reader.end) {
      throw reader.unfit();
    }
    reader.offset = origin + dataOffset;
  } else {
    reader.alignTo(8, origin);
    // Checked because it decides how much memory is used.
    if (count * Math.max(layout.length, 1) > reader.end - reader.offset) throw reader.unfit();
  }
  return { dimensions: count === 0 ? [] : dimensions, bitmap };
}

/** The element of an array with one element, as in pg_attribute.attmissingval. Returns its text in `form`. */
export function onlyElement(reader: DiskReader, elementOid: number, element: StoredForm): string {
  const next = elementsIn(reader, element, elementOid);
  const text = next.dimensions[0]?.length === 1 ? next.element() : undefined;
  if (text === undefined) throw reader.unfit();
  return ends(reader, element, text);
}
