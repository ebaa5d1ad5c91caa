import type { Known } from "../../known.ts";
import type { AttributeLayout } from "../tuples/tuple.ts";
import type { ServerFacts } from "../types/type.ts";

/** The columns of pg_type that define a value's layout. */
export interface StoredType extends AttributeLayout {
  readonly oid: number;
  readonly name: string;
  /** The namespace's oid; 11 is pg_catalog. */
  readonly namespace: number;
  /** pg_type.typtype */
  readonly kind: string;
  readonly category: string;
  /** The extension that it belongs to. Undefined: none, or one that the catalogue file does not know of. */
  readonly extension: string | undefined;
  /** typsubscript is array_subscript_handler, and typelem is not 0. */
  readonly isArray: boolean;
  readonly element: number;
  readonly delimiter: string;
  /** For a composite type, the oid of its pg_class row. */
  readonly relation: number;
  /** For a domain, its base type. */
  readonly base: number;
}

/**
 * A column's value in rows that were written before the column was added: text, as its output function prints it, or
 * the stored array of one element of pg_attribute.attmissingval, without its varlena header. NONE: NULL.
 */
export type MissingValue = Known<string | Uint8Array>;

/** A field of a composite type, or a column. */
export interface StoredAttribute extends AttributeLayout {
  readonly name: string;
  readonly typeOid: number;
  readonly dropped: boolean;
  readonly missing: MissingValue;
}

/** The catalogue as of the row, which decides a value's form. */
export interface TypeSource extends ServerFacts {
  type(oid: number): StoredType | undefined;
  /** By attnum from 1, dropped ones too. */
  attributes(relationOid: number): readonly StoredAttribute[];
  /** pg_enum.enumlabel of the value. */
  enumLabel(oid: number): string | undefined;
  /** pg_range.rngsubtype */
  rangeSubtype(rangeOid: number): number | undefined;
  rangeOfMultirange(multirangeOid: number): number | undefined;
  /** Called for each value whose type's stored form is not known, or that is a text and cannot be converted. */
  unknownType(oid: number, isText: boolean): void;
  /** The database's encoding, as pg_encoding_to_char() names it. */
  readonly encoding: string;
}
