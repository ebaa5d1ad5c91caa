import { escapeIn } from "./escape.ts";
import type { BinaryReader } from "./binary-reader.ts";
import { text } from "./scalars.ts";

/** The lengths of a key and of a value. */
const PAIR_BYTES_MIN = 8;

/** Int32 pairs  { field key  field value }×n: `"a"=>"1", "b"=>NULL` */
export function hstore(reader: BinaryReader): string {
  const length = reader.count(PAIR_BYTES_MIN);
  return Array.from({ length }, () => {
    const key = reader.field(text);
    if (key === undefined) throw reader.unfit();
    return formatPair(key, reader.field(text));
  }).join(PAIR_SEPARATOR);
}

export const PAIR_SEPARATOR = ", ";

export function formatPair(key: string, value: string | undefined): string {
  return `${quote(key)}=>${value === undefined ? "NULL" : quote(value)}`;
}

function quote(value: string): string {
  return `"${escapeIn(value, /["\\]/g, "\\$&")}"`;
}
