import { type Known, NONE, UNKNOWN } from "../../known.ts";
import { alignmentOf } from "../../catalog/heap-rows.ts";
import type { CatalogFile, FollowedCatalog } from "../../catalog/model.ts";
import { PrintedNames } from "../../catalog/printed-names.ts";
import { DEPTH_MAX, baseType } from "../../postgres/stored/stored-forms.ts";
import type { StoredAttribute, StoredType, TypeSource } from "../../postgres/stored/type-source.ts";
import type { Doubts } from "./doubts.ts";
import type { ExportedTypes } from "./exported-types.ts";
import type { Owner } from "./owner.ts";
import type { CatalogRow, RowVersion, VersionIndexes } from "./row-version.ts";

type NamedCatalog = "pg_class" | "pg_type" | "pg_namespace";

/** What is not known of the rows, and those of the export, which missing values are of. */
interface KnownNames {
  readonly doubts: Doubts;
  readonly exported: ExportedTypes;
  readonly missingBefore: ReadonlyMap<FollowedCatalog, number>;
}

/** The types as of the last change looked up. */
export class TypesOverTime implements TypeSource {
  readonly encoding: string;
  readonly lcMonetary: string;
  readonly majorVersion: number;
  onUnknownType: TypeSource["unknownType"] | undefined;
  lsn = 0;
  owner: Owner = new Set();
  readonly #indexes: VersionIndexes;
  readonly #known: KnownNames;
  readonly #arrayHandler: number;
  readonly #types = new WeakMap<RowVersion, StoredType>();
  readonly #names: PrintedNames;
  readonly #regNames = new Map<string, string>();
  readonly #extensions: ReadonlyMap<number, string>;
  /** The last name depended on a row that is not known. */
  #isUnsure = false;

  constructor({ header, rows }: CatalogFile, indexes: VersionIndexes, known: KnownNames) {
    this.#known = known;
    this.encoding = header.encoding;
    this.lcMonetary = header.lc_monetary;
    this.majorVersion = Math.trunc(header.server_version_num / 10_000);
    this.#arrayHandler = header.array_handler;
    this.#indexes = indexes;
    this.#names = new PrintedNames(
      {
        namespace: (oid) => this.#named("pg_namespace", oid)?.nspname,
        class: (oid) => this.#named("pg_class", oid),
        type: (oid) => this.#named("pg_type", oid),
        arrayHandler: header.array_handler,
      },
      this.majorVersion,
    );
    this.#extensions = new Map(rows.extension_types.map(({ oid, extension }) => [oid, extension]));
    for (const { type, oid, name } of rows.reg_names) this.#regNames.set(`${type} ${oid}`, name);
  }

  type(oid: number): StoredType | undefined {
    const version = this.#indexes.pg_type.visible(oid, this.lsn, this.owner);
    if (version === undefined) return undefined;
    let type = this.#types.get(version);
    if (type === undefined) this.#types.set(version, (type = this.#storedType(version.row)));
    return type;
  }

  attributes(relationOid: number): readonly StoredAttribute[] {
    const attributes: StoredAttribute[] = [];
    for (const version of this.#indexes.pg_attribute.all(relationOid)) {
      if (!version.isVisible(this.lsn, this.owner)) continue;
      attributes[version.row.attnum - 1] = storedAttribute(version.row);
    }
    // With a gap it is unknown.
    return attributes.includes(undefined as never) ? [] : attributes;
  }

  enumLabel(oid: number): string | undefined {
    return this.#sure("pg_enum", oid)?.enumlabel;
  }

  rangeSubtype(rangeOid: number): number | undefined {
    return this.#indexes.pg_range.visible(rangeOid, this.lsn, this.owner)?.row.rngsubtype;
  }

  rangeOfMultirange(multirangeOid: number): number | undefined {
    return this.#indexes.pg_range.visible(multirangeOid, this.lsn, this.owner, 1)?.row.rngtypid;
  }

  schemaName(namespaceOid: number): string | undefined {
    return this.#sure("pg_namespace", namespaceOid)?.nspname;
  }

  /** What a text of the export is now. Undefined: it is not known. */
  missingText(text: string, typeOid: number): string | undefined {
    const { exported } = this.#known;
    if (baseType(typeOid, this)?.kind !== "e")
      return this.#isAsExported(text, typeOid) ? text : undefined;
    const labels = new Set(exported.labelled(text).map(({ oid }) => this.#labelNow(oid)));
    labels.delete(NONE);
    const [label] = labels;
    return labels.size === 1 && typeof label === "string" ? label : undefined;
  }

  /** Whether the values of the type, with its component types, have the same texts as at the export. */
  #isAsExported(text: string, typeOid: number, depth = 0): boolean {
    const type = this.type(typeOid);
    if (type === undefined || depth > DEPTH_MAX) return false;
    const { exported } = this.#known;
    const isPart = (oid: number | undefined): boolean =>
      oid !== undefined && this.#isAsExported(text, oid, depth + 1);
    if (type.isArray) return isPart(type.element);
    switch (type.kind) {
      case "d":
        return isPart(type.base);
      case "r":
        return isPart(this.rangeSubtype(typeOid));
      case "m":
        return isPart(this.rangeOfMultirange(typeOid));
      case "e":
        return exported.within(text).every(({ oid, enumlabel }) => {
          const label = this.#labelNow(oid);
          return label === NONE || label === enumlabel;
        });
      case "c": {
        const now = this.attributes(type.relation);
        return (
          exported.hasAttributes(type.relation, now) &&
          now.every(({ dropped, typeOid: of }) => dropped || isPart(of))
        );
      }
      default:
        return true;
    }
  }

  #labelNow(oid: number): Known<string> {
    return this.enumLabel(oid) ?? (this.#isMissing("pg_enum", oid) ? NONE : UNKNOWN);
  }

  /** An oid without an object is printed as a number. Objects that are not followed are known only from the file. */
  regName(type: string, oid: number): Known<string> {
    switch (type) {
      case "regclass":
      case "regtype":
      case "regnamespace": {
        this.#isUnsure = false;
        const name = this.#names[type](oid) ?? String(oid);
        return this.#isUnsure ? UNKNOWN : name;
      }
      default:
        return this.#regNames.get(`${type} ${oid}`) ?? NONE;
    }
  }

  #named<Catalog extends NamedCatalog>(
    catalog: Catalog,
    oid: number,
  ): CatalogRow<Catalog> | undefined {
    const row = this.#sure(catalog, oid);
    this.#isUnsure ||= row === undefined && !this.#isMissing(catalog, oid);
    return row;
  }

  /** Whether it is known that there is no such row. */
  #isMissing(catalog: NamedCatalog | "pg_enum", oid: number): boolean {
    const { lsn, owner } = this;
    const { doubts, missingBefore } = this.#known;
    if (lsn < (missingBefore.get(catalog) ?? 0) || doubts.hasOid(catalog, oid, lsn)) return false;
    return this.#indexes[catalog].visible(oid, lsn, owner) === undefined;
  }

  /** The row, if it is known. */
  #sure<Catalog extends NamedCatalog | "pg_enum">(
    catalog: Catalog,
    oid: number,
  ): CatalogRow<Catalog> | undefined {
    const { lsn, owner } = this;
    const version = this.#indexes[catalog].visible(oid, lsn, owner);
    if (version === undefined || version.isUnknown) return undefined;
    return this.#known.doubts.has(version, lsn) ? undefined : version.row;
  }

  unknownType(oid: number, isText: boolean): void {
    this.onUnknownType?.(oid, isText);
  }

  /** Adds all rows that define the type's layout and name, with its component types. False if it does not exist. */
  addVersions(typeOid: number, into: Set<RowVersion>, depth = 0): boolean {
    const { lsn, owner } = this;
    const version = this.#indexes.pg_type.visible(typeOid, lsn, owner);
    if (version === undefined) return false;
    if (into.has(version) || depth > DEPTH_MAX) return true;
    into.add(version);
    const { typtype, typnamespace, typelem, typbasetype, typrelid } = version.row;
    const namespace = this.#indexes.pg_namespace.visible(typnamespace, lsn, owner);
    if (namespace === undefined) return false;
    into.add(namespace);
    if (typelem !== 0) this.addVersions(typelem, into, depth + 1);
    if (typbasetype !== 0) this.addVersions(typbasetype, into, depth + 1);
    if (typtype === "r" || typtype === "m") {
      const range = this.#indexes.pg_range.visible(typeOid, lsn, owner, typtype === "r" ? 0 : 1);
      if (range === undefined) return false;
      into.add(range);
      this.addVersions(range.row.rngsubtype, into, depth + 1);
    }
    if (typtype !== "c") return true;
    for (const attribute of this.#indexes.pg_attribute.all(typrelid)) {
      if (!attribute.isVisible(lsn, owner)) continue;
      into.add(attribute);
      this.addVersions(attribute.row.atttypid, into, depth + 1);
    }
    return true;
  }

  #storedType(row: CatalogRow<"pg_type">): StoredType {
    return {
      oid: row.oid,
      name: row.typname,
      namespace: row.typnamespace,
      kind: row.typtype,
      category: row.typcategory,
      extension: this.#extensions.get(row.oid),
      isArray: row.typsubscript === this.#arrayHandler && row.typelem !== 0,
      element: row.typelem,
      delimiter: row.typdelim,
      relation: row.typrelid,
      base: row.typbasetype,
      length: row.typlen,
      align: alignmentOf(row.typalign),
    };
  }
}

export function storedAttribute(row: CatalogRow<"pg_attribute">): StoredAttribute {
  return {
    name: row.attname,
    typeOid: row.atttypid,
    dropped: row.attisdropped,
    missing: row.atthasmissing ? (row.attmissingval ?? UNKNOWN) : NONE,
    length: row.attlen,
    align: alignmentOf(row.attalign),
  };
}
