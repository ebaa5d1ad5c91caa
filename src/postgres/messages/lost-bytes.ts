/**
 * Bytes that were skipped as damaged may have held Relation and Type messages. This finds which ones, so that the
 * decoder can forget what may be out of date.
 */
import { decodeName } from "../bytes/names.ts";
import { COLUMNS_MAX } from "./tuple.ts";
import { Tag, TupleTag } from "./tags.ts";

const OID_BYTES = 4;
const XID_BYTES = 4;
const NAME_BYTES_MAX = 64;
/** How many bytes before and behind an oid's first byte, or behind a name's last byte, show what it belongs to. */
export const BYTES_BEFORE = NAME_BYTES_MAX + 2;
export const BYTES_BEHIND = OID_BYTES + 2;
const REPLICA_IDENTITIES: ReadonlySet<number | undefined> = new Set([0x64, 0x6e, 0x66, 0x69]);

export function uint32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}

/** Whether `tag` precedes the oid at `at`, or precedes the xid in front of it. */
export function follows(bytes: Uint8Array, at: number, tag: number): boolean {
  return bytes[at - 1] === tag || bytes[at - XID_BYTES - 1] === tag;
}

/**
 * Whether the oid at `at` may belong to a Relation message (whose tag byte may be the damaged one) and not to a row. In
 * a row a tuple's tag follows, and then the number of columns, whose first byte is small.
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

/**
 * The name of a table that ends at `end`, as in a Relation message: a NUL, a replica identity and a number of columns
 * follow. Undefined if there is none. It finds the relations whose oid itself is damaged.
 */
export function announcedTable(bytes: Uint8Array, end: number): string | undefined {
  if (bytes[end] !== 0 || !REPLICA_IDENTITIES.has(bytes[end + 1])) return undefined;
  if ((bytes[end + 2] ?? 0xff) > COLUMNS_MAX >> 8) return undefined;
  let start = end;
  while (start > 0 && bytes[start - 1] !== 0 && end - start <= NAME_BYTES_MAX) start--;
  return decodeName(bytes.subarray(start, end));
}
