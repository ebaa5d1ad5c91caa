/** contrib's hstore, as it is sent and stored (hstore/hstore.h). */
import { escapeIn } from "../types/escape.ts";
import type { BinaryReader } from "../types/binary-reader.ts";
import type { DiskReader } from "../types/disk-reader.ts";
import { sameBytes } from "../types/texts.ts";

/** The lengths of a key and of a value. */
const PAIR_BYTES_MIN = 8;

/** Int32 pairs  { field key  field value }×n: `"a"=>"1", "b"=>NULL` */
export function hstore(reader: BinaryReader): string {
  const length = reader.count(PAIR_BYTES_MIN);
  return Array.from({ length }, () => {
    const key = reader.field(sameBytes);
    if (key === undefined) throw reader.unfit();
    return formatPair(key, reader.field(sameBytes));
  }).join(PAIR_SEPARATOR);
}

const PAIR_SEPARATOR = ", ";

function formatPair(key: string, value: string | undefined): string {
  return `${quote(key)}=>${value === undefined ? "NULL" : quote(value)}`;
}

function quote(value: string): string {
  return `"${escapeIn(value, /["\\]/g, "\\$&")}"`;
}

const HSTORE_COUNT = 0x0fffffff;
/** HS_FLAG_NEWVERSION; PostgreSQL before 9.0 stored it differently. */
const HSTORE_NEW = 0x80000000;
const HSTORE_NULL = 0x40000000;
const HSTORE_END = 0x3fffffff;

/** UInt32 pairs | flags  { UInt32 end of key  UInt32 end of value | is it NULL }×pairs  strings */
export function storedHstore(reader: DiskReader): string {
  const header = reader.uint32();
  const count = header & HSTORE_COUNT;
  if ((header & HSTORE_NEW) === 0) throw reader.unfit();
  const { view } = reader;
  const entries = reader.offset;
  const strings = reader.advance(8 * count) + 8 * count;
  const entryAt = (entry: number): number => view.getUint32(entries + 4 * entry, true);
  const next = (entry: number): string => {
    const stop = strings + (entryAt(entry) & HSTORE_END);
    if (stop < reader.offset) throw reader.unfit();
    return reader.characters(stop - reader.offset);
  };
  const pairs = Array.from({ length: count }, (_, pair) => {
    const key = next(2 * pair);
    const value = next(2 * pair + 1);
    return formatPair(key, (entryAt(2 * pair + 1) & HSTORE_NULL) !== 0 ? undefined : value);
  });
  return pairs.join(PAIR_SEPARATOR);
}
