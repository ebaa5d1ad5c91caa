/** Ranges and multiranges, as they are sent and stored (utils/rangetypes.h, multirangetypes.h). */
import type { TextForm } from "./binary-reader.ts";
import { type DiskForm, type StoredForm, VARLENA_HEADER_BYTES } from "./disk-reader.ts";
import { quoteIn } from "./escape.ts";

/** A length without bytes behind it. */
const RANGE_BYTES_MIN = 4;

/** Byte1 flags  [field lower bound]  [field upper bound]; a bound is absent if the flags say that it is infinite */
export function rangeOf(bound: TextForm): TextForm {
  return (reader) => {
    const flags = reader.uint8();
    if ((flags & ~RANGE_FLAGS) !== 0) throw reader.unfit();
    return formatRange(flags, () => reader.present(bound));
  };
}

/** `[1,5)`; `next` gives the lower bound, then the upper one, as far as there are any. */
function formatRange(flags: number, next: () => string): string {
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
const RANGE_FLAGS = 0x1f;
const RANGE_SPECIAL = /^$|["\\()[\], \t\n\v\f\r]/;

/** Int32 ranges  { field }×n */
export function multirangeOf(range: TextForm): TextForm {
  return (reader) => {
    const length = reader.count(RANGE_BYTES_MIN);
    return `{${Array.from({ length }, () => reader.present(range)).join(",")}}`;
  };
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
