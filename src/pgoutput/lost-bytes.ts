/** What bytes that were passed over may have said: enough to know what is not known any more. */
import { COLUMNS_MAX } from "./tuple.ts";
import { Tag, TupleTag } from "./tags.ts";

const OID_BYTES = 4;
const XID_BYTES = 4;
/** How many bytes before and after an oid's first one tell what it is the oid of. */
export const OID_BEFORE = 1 + XID_BYTES;
export const OID_AFTER = OID_BYTES + 2;

export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

/** Whether that tag stands before the oid at `at`, or before the xid in front of it. */
export function follows(bytes: Uint8Array, at: number, tag: number): boolean {
  return bytes[at - 1] === tag || bytes[at - OID_BEFORE] === tag;
}

/**
 * Whether the relation's oid at `at` may be that of a Relation message, whose tag may be what is damaged, and not a
 * row's: there a tuple's tag follows, and the number of its columns, of which the first byte is small.
 */
export function mayBeAnnounced(bytes: Uint8Array, at: number): boolean {
  if (follows(bytes, at, Tag.relation)) return true;
  const small = (bytes[at + OID_BYTES + 1] ?? 0xff) <= COLUMNS_MAX >> 8;
  return !(
    small &&
    (isTupleTag(bytes[at + OID_BYTES]) || ROW_TAGS.some((tag) => follows(bytes, at, tag)))
  );
}

const ROW_TAGS = [Tag.insert, Tag.update, Tag.delete];

function isTupleTag(byte: number | undefined): boolean {
  return byte === TupleTag.key || byte === TupleTag.old || byte === TupleTag.new;
}
