import type { Known, UNKNOWN } from "../../known.ts";
import type { TextForm } from "./binary-reader.ts";
import type { DiskForm, ToUtf8 } from "./disk-reader.ts";
import type { TextBuffer } from "./text-buffer.ts";

/** What the values are. Formats ask for it, never for a type's name or oid. */
export type Family =
  | "boolean"
  /** int2, int4 and int8 */
  | "integer"
  | "oid"
  /** xid and xid8 */
  | "xid"
  | "float"
  | "numeric"
  | "money"
  /** Texts that are equal if their characters are. */
  | "text"
  /** bpchar: blanks at the end do not count. */
  | "padded"
  | "bytes"
  | "uuid"
  | "bits"
  | "json"
  | "jsonb"
  | "xml"
  | "date"
  | "time"
  | "timetz"
  | "timestamp"
  | "timestamptz"
  | "interval"
  | "network"
  | "lsn"
  | "tid"
  /** regclass and the other types of oids that are printed as names. */
  | "named"
  | "range"
  | "multirange"
  | "other";

/**
 * Writes the text of the stored bytes[start, end) at `out.offset`, where there is room for FAST_BYTES_MAX; reserves more
 * itself. Returns false, perhaps after writing something, if the value is rare or damaged: then the stored form is used.
 *
 * @param toUtf8 converts its texts, if they are not UTF-8
 */
export type FastWriter = (
  bytes: Uint8Array,
  start: number,
  end: number,
  out: TextBuffer,
  toUtf8?: ToUtf8,
) => boolean;

export const FAST_BYTES_MAX = 64;

/** What a form depends on beside the type. */
export interface ServerFacts {
  /** 14 to 19 */
  readonly majorVersion: number;
  readonly lcMonetary: string;
  /**
   * What regclass and the other reg* types print for an oid. NONE: the catalogue has no such names. UNKNOWN: the object
   * had another name.
   */
  regName(type: string, oid: number): Known<string>;
}

export interface Traits {
  /** Of the value as the server sends it; undefined: not known. */
  readonly sent?: TextForm;
  /** The same where it depends on the server's version. */
  readonly sentBy?: (majorVersion: number | typeof UNKNOWN) => TextForm;
  /** Of the value as a table stores it; undefined: it has only `write`, or it is not known. */
  readonly stored?: DiskForm;
  /** The same where it depends on the server; returns undefined if it is not known. */
  readonly storedIn?: (server: ServerFacts) => DiskForm | undefined;
  /** Writes most stored values without an intermediate string. */
  readonly write?: FastWriter;
  /** `write` needs a database in UTF-8. */
  readonly isUtf8?: true;
  /** pg_type.typdelim, which is between the elements of arrays; undefined: a comma. */
  readonly delimiter?: string;
  /** The texts that `write` writes contain nothing that an array would quote. */
  readonly isPlain?: true;
}

/** SQL's name of a type, as format_type() prints it. */
export interface SqlName {
  readonly name: string;
  /** What follows the name for a modifier that is not -1; `(3)` if there is none of its own. */
  readonly modifier?: (modifier: number) => string;
  /** What follows the modifier. */
  readonly suffix?: string;
  /** The name of a column's type without a modifier, if it is another one. */
  readonly bare?: string;
}

/** A type of pg_catalog that is no array. */
export interface BuiltinType extends Traits {
  /** The same in every server (catalog/pg_type.dat), as are the arrays' oids. */
  readonly oid: number;
  /** pg_type.typname */
  readonly name: string;
  /** The oid of its array type; 0: it has none. */
  readonly array: number;
  readonly family: Family;
  /** Undefined: `name`. */
  readonly sql: SqlName | undefined;
}

export function builtin(
  oid: number,
  name: string,
  array: number,
  family: Family,
  forms: Traits = {},
  sql?: SqlName,
): BuiltinType {
  return { oid, name, array, family, sql, ...forms };
}

/** Stored as it is sent, except for byte order. */
export function alike(form: TextForm, more: Traits = {}): Traits {
  return { sent: form, stored: form, ...more };
}
