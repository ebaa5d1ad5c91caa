import type { CatalogRows, PgEnum } from "../../catalog/model.ts";
import type { StoredAttribute } from "../../postgres/stored/type-source.ts";

/**
 * The enums and composite types of the catalogue file's export. Its texts of missing values are theirs, at whatever LSN
 * a row is read.
 */
export class ExportedTypes {
  readonly #rows: CatalogRows;
  readonly #within = new Map<string, readonly PgEnum[]>();
  /** The types of each relation's, by attnum; 0: dropped. */
  readonly #attributes = new Map<number, string>();

  constructor(rows: CatalogRows) {
    this.#rows = rows;
  }

  /** The labels of any enum that are this text. */
  labelled(text: string): readonly PgEnum[] {
    return this.within(text).filter(({ enumlabel }) => enumlabel === text);
  }

  /** Those that may be a part of it. */
  within(text: string): readonly PgEnum[] {
    let known = this.#within.get(text);
    if (known === undefined) {
      // In an array or a row some have escapes.
      known = this.#rows.pg_enum.filter(
        ({ enumlabel }) => /["\\]/.test(enumlabel) || text.includes(enumlabel),
      );
      this.#within.set(text, known);
    }
    return known;
  }

  /** Whether a composite type had these. */
  hasAttributes(relation: number, now: readonly StoredAttribute[]): boolean {
    let known = this.#attributes.get(relation);
    if (known === undefined) {
      const rows = this.#rows.pg_attribute.filter(({ attrelid }) => attrelid === relation);
      const sorted = rows.toSorted((a, b) => a.attnum - b.attnum);
      known = sorted.map(({ attisdropped, atttypid }) => (attisdropped ? 0 : atttypid)).join();
      this.#attributes.set(relation, known);
    }
    return known === now.map(({ dropped, typeOid }) => (dropped ? 0 : typeOid)).join();
  }
}
