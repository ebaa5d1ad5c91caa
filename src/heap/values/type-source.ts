import type { AttributeLayout } from "../tuple.ts";

/** A row of pg_type, as far as it says how values lie. */
export interface StoredType extends AttributeLayout {
  readonly oid: number;
  readonly name: string;
  /** The namespace's oid; 11 is pg_catalog. */
  readonly namespace: number;
  /** pg_type.typtype */
  readonly kind: string;
  readonly category: string;
  /** typsubscript is array_subscript_handler, and typelem is not 0. */
  readonly isArray: boolean;
  readonly element: number;
  readonly delimiter: string;
  /** Of a composite: its pg_class row's oid. */
  readonly relation: number;
  /** Of a domain. */
  readonly base: number;
}

/**
 * A column's value in rows that were written before it was added: text, as its output function prints it, or the stored
 * array of one element that pg_attribute.attmissingval holds, behind the varlena header. Undefined: none, so NULL.
 */
export type MissingValue = string | Uint8Array | undefined;

/** A field of a composite type, or a column. */
export interface StoredAttribute extends AttributeLayout {
  readonly name: string;
  readonly typeOid: number;
  readonly dropped: boolean;
  readonly missing: MissingValue;
}

/** What a value's form depends on: the catalogue, as of the row. */
export interface TypeSource {
  type(oid: number): StoredType | undefined;
  /** By attnum from 1, dropped ones too. */
  attributes(relationOid: number): readonly StoredAttribute[];
  /** pg_enum.enumlabel of the value. */
  enumLabel(oid: number): string | undefined;
  /** pg_range.rngsubtype */
  rangeSubtype(rangeOid: number): number | undefined;
  rangeOfMultirange(multirangeOid: number): number | undefined;
  /** What the type `regclass` and so on prints for an oid. */
  regName(type: string, oid: number): string | undefined;
  /** Called for each value whose type's stored form is not known. */
  unknownType(oid: number): void;
  /** The database's, as pg_encoding_to_char() names it. */
  readonly encoding: string;
  readonly lcMonetary: string;
  /** 14 to 18 */
  readonly majorVersion: number;
}
