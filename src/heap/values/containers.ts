/** Values that are made of others, as they are stored (utils/array.h, rangetypes.h, multirangetypes.h, access/htup_details.h). */
import {
  DIMENSIONS_MAX,
  type Dimension,
  RANGE_FLAGS,
  arrayFormat,
  formatRange,
  formatRecord,
} from "../../pgoutput/values/containers.ts";
import {
  AttributeState,
  type AttributeLayout,
  DeformedTuple,
} from "../../postgres/tuples/tuple.ts";
import { type DiskForm, type DiskReader, VARLENA_HEADER_BYTES } from "./disk-reader.ts";

/** A type's layout and text form. */
export interface StoredForm {
  readonly layout: AttributeLayout;
  readonly text: DiskForm;
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
    const next = elements(reader, element, elementOid);
    return ends(reader, element, format(next.dimensions, next.element));
  };
}

/** int2vector and oidvector: `1 2 3` */
export function storedVector(element: StoredForm, elementOid: number): DiskForm {
  return (reader) => {
    const next = elements(reader, element, elementOid);
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

function elements(
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
  const next = elements(reader, element, elementOid);
  const text = next.dimensions[0]?.length === 1 ? next.element() : undefined;
  if (text === undefined) throw reader.unfit();
  return ends(reader, element, text);
}

/** UInt32 range's oid  [lower bound]  [upper bound]  Byte1 flags */
export function storedRange(rangeOid: number, bound: StoredForm): DiskForm {
  return (reader) => {
    const origin = reader.offset - VARLENA_HEADER_BYTES;
    if (reader.uint32() !== rangeOid || reader.offset === reader.end) throw reader.unfit();
    reader.end -= 1;
    const flags = reader.bytes[reader.end]!;
    if ((flags & ~RANGE_FLAGS) !== 0) throw reader.unfit();
    const text = formatRange(flags, () => reader.stored(bound.layout, origin, bound.text));
    if (reader.offset !== reader.end) throw reader.unfit();
    reader.end += 1;
    reader.offset = reader.end;
    return text;
  };
}

/**
 * UInt32 multirange's oid  UInt32 ranges  { UInt32 item }×(ranges - 1)  { Byte1 flags }×ranges  { bounds }×ranges, each aligned as the
 * bound's type is. The items say where the bounds of the second and of later ranges are, which following them tells too.
 */
export function storedMultirange(multirangeOid: number, bound: StoredForm): DiskForm {
  const { align } = bound.layout;
  return (reader) => {
    const origin = reader.offset - VARLENA_HEADER_BYTES;
    if (reader.uint32() !== multirangeOid) throw reader.unfit();
    const count = reader.uint32();
    reader.advance(4 * Math.max(count - 1, 0));
    const flags = reader.advance(count);
    const ranges = Array.from({ length: count }, (_, each) => {
      const flag = reader.bytes[flags + each]!;
      if ((flag & ~RANGE_FLAGS) !== 0) throw reader.unfit();
      reader.alignTo(align, origin);
      return formatRange(flag, () => reader.stored(bound.layout, origin, bound.text));
    });
    reader.alignTo(align, origin);
    return `{${ranges.join(",")}}`;
  };
}

export interface StoredField extends StoredForm {
  readonly dropped: boolean;
}

/** Offsets in the payload: the tuple's header without its first four bytes. */
const TYPE_OID_AT = 4;
const INFOMASK2_AT = 14;
const INFOMASK_AT = 16;
const HOFF_AT = 18;
const BITS_AT = 19;

/**
 * A tuple whose first four bytes are the varlena's header. A field added later is NULL: the server allows no default
 * for it while columns use the type.
 */
export function storedRecord(typeOid: number, fields: readonly StoredField[]): DiskForm {
  const layouts = fields.map(({ layout }) => layout);
  return (reader) => {
    const { bytes, end, view } = reader;
    const start = reader.advance(BITS_AT);
    const tuple = {
      infomask2: view.getUint16(start + INFOMASK2_AT, true),
      infomask: view.getUint16(start + INFOMASK_AT, true),
      hoff: view.getUint8(start + HOFF_AT),
      bytes,
      start: start + BITS_AT,
      end,
    };
    const places = new DeformedTuple();
    if (view.getUint32(start + TYPE_OID_AT, true) !== typeOid || !places.deform(tuple, layouts)) {
      throw reader.unfit();
    }
    const texts: (string | undefined)[] = [];
    for (const [index, field] of fields.entries()) {
      if (field.dropped) continue;
      const state = places.state[index];
      if (state === AttributeState.stored) {
        texts.push(fieldText(reader, places.starts[index]!, places.ends[index]!, field));
      } else texts.push(undefined);
    }
    reader.offset = end;
    return formatRecord(texts);
  };
}

function fieldText(
  reader: DiskReader,
  start: number,
  end: number,
  { layout, text }: StoredForm,
): string {
  return layout.length === -1 ? reader.varlena(start, end, text) : reader.within(start, end, text);
}
