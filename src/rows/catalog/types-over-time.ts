import { alignmentOf } from "../../catalog/heap-rows.ts";
import type { CatalogFile } from "../../catalog/model.ts";
import { PrintedNames } from "../../catalog/printed-names.ts";
import type { StoredAttribute, StoredType, TypeSource } from "../../heap/values/type-source.ts";
import type { Owner } from "./owner.ts";
import type { CatalogRow, RowVersion, VersionIndexes } from "./row-version.ts";

const DEPTH_MAX = 32;

/** The types as of the last change looked up. */
export class TypesOverTime implements TypeSource {
  readonly encoding: string;
  readonly lcMonetary: string;
  readonly majorVersion: number;
  onUnknownType: ((oid: number) => void) | undefined;
  lsn = 0;
  owner: Owner = new Set();
  readonly #indexes: VersionIndexes;
  readonly #arrayHandler: number;
  readonly #types = new WeakMap<RowVersion, StoredType>();
  readonly #names: PrintedNames;
  readonly #regNames = new Map<string, string>();

  constructor({ header, rows }: CatalogFile, indexes: VersionIndexes) {
    this.encoding = header.encoding;
    this.lcMonetary = header.lc_monetary;
    this.majorVersion = Math.trunc(header.server_version_num / 10_000);
    this.#arrayHandler = header.array_handler;
    this.#indexes = indexes;
    this.#names = new PrintedNames(
      {
        namespace: (oid) => this.schemaName(oid),
        class: (oid) => indexes.pg_class.visible(oid, this.lsn, this.owner)?.row,
        type: (oid) => indexes.pg_type.visible(oid, this.lsn, this.owner)?.row,
        arrayHandler: header.array_handler,
      },
      this.majorVersion,
    );
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
    const version = this.#indexes.pg_enum.visible(oid, this.lsn, this.owner);
    return version?.isUnknown === true ? undefined : version?.row.enumlabel;
  }

  rangeSubtype(rangeOid: number): number | undefined {
    return this.#indexes.pg_range.visible(rangeOid, this.lsn, this.owner)?.row.rngsubtype;
  }

  rangeOfMultirange(multirangeOid: number): number | undefined {
    return this.#indexes.pg_range.visible(multirangeOid, this.lsn, this.owner, 1)?.row.rngtypid;
  }

  schemaName(namespaceOid: number): string | undefined {
    return this.#indexes.pg_namespace.visible(namespaceOid, this.lsn, this.owner)?.row.nspname;
  }

  /** An oid without an object is printed as a number. Objects that are not followed are known only from the file. */
  regName(type: string, oid: number): string | undefined {
    switch (type) {
      case "regclass":
      case "regtype":
      case "regnamespace":
        return this.#names[type](oid) ?? String(oid);
      default:
        return this.#regNames.get(`${type} ${oid}`);
    }
  }

  unknownType(oid: number): void {
    this.onUnknownType?.(oid);
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
    if (namespace !== undefined) into.add(namespace);
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
    missing: row.atthasmissing ? (row.attmissingval ?? undefined) : undefined,
    length: row.attlen,
    align: alignmentOf(row.attalign),
  };
}
