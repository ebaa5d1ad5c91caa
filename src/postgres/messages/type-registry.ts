import { UNKNOWN } from "../../known.ts";
import { BUILTIN_TYPES, BUILTIN_VECTORS } from "../types/table.ts";
import type { BuiltinType } from "../types/type.ts";
import { follows, uint32At } from "./lost-bytes.ts";
import { Tag } from "./tags.ts";

/** What a value of a type looks like in its text form. */
export type TypeShape =
  | { readonly kind: "scalar"; readonly name: string }
  /** `{a,b}`: elements of the type with the oid `element`, separated by `delimiter`. */
  | { readonly kind: "array"; readonly element: number; readonly delimiter: string }
  /** `a b`: int2vector and oidvector. */
  | { readonly kind: "vector"; readonly element: number }
  /** Same form as the base type. */
  | { readonly kind: "domain"; readonly base: number }
  /** `(a,b)`: fields are formatted as columns. Null if the type was altered and its fields are not known. */
  | { readonly kind: "composite"; readonly fields: readonly CompositeField[] | null }
  /** `"a"=>"b"`, which row_to_json casts to a JSON object. */
  | { readonly kind: "hstore" };

export interface CompositeField {
  readonly name: string;
  readonly type: number;
}

/** The catalogue's answer about a type that is not built in. It is plain data because captures store it. */
export interface CatalogueType {
  readonly oid: number;
  /** pg_type.typname */
  readonly name: string;
  /** Null if its text form is an ordinary string. */
  readonly shape: TypeShape | null;
}

/** What the catalogue knows of a relation beside its columns, for statements on it and for tables: some by their names. */
export interface RuledColumns {
  readonly generated: readonly string[];
  /** GENERATED ALWAYS AS IDENTITY: an UPDATE may set them to DEFAULT alone. */
  readonly always: readonly string[];
  /** Its key has a column that is not sent: 14 to 17 send none that is generated. */
  readonly keyless: boolean;
  /** The primary key, or another unique key without NULLs. Empty: it has none, or nobody asked. */
  readonly rowKey: readonly string[];
  /** Not all of its columns, rows or operations are sent, as far as the publication is as it was. */
  readonly partial: boolean;
  /** It or its columns were renamed, dropped or given another type by now. */
  readonly renamed: boolean;
  /** Others inherit from it, without being its partitions. */
  readonly inherited: boolean;
  /** It has triggers that fire. */
  readonly triggers: boolean;
  /** A partition with a foreign key whose ON UPDATE changes its rows, so that they move to another one. */
  readonly moves: boolean;
}

interface TypeEntry {
  readonly name: string;
  readonly shape: TypeShape | null;
}

/** What a Type message says. */
interface AnnouncedName {
  /** Empty for pg_catalog, as on the wire. */
  readonly schema: string;
  readonly name: string;
}

export const NONE_RULED: RuledColumns = {
  generated: [],
  always: [],
  rowKey: [],
  keyless: false,
  partial: false,
  renamed: false,
  inherited: false,
  triggers: false,
  moves: false,
};
const BUILTINS = new Map<number, TypeEntry>();
const BUILTIN_OIDS = new Map<string, number>();

/** What is known about types by oid: the built-in ones, and those that the stream or the catalogue describes. */
export class TypeRegistry {
  readonly #announced = new Map<number, TypeEntry & AnnouncedName>();
  readonly #catalogued = new Map<number, TypeEntry | undefined>();
  readonly #ruled = new Map<number, RuledColumns>();
  #revision = 0;
  #majorVersion: number | typeof UNKNOWN = UNKNOWN;
  /** What a binary value is: sent by the server, or stored bytes of a type that src/postgres does not know. */
  readonly binaryForm: "sent" | "stored";
  /** Called when a value of a composite type is printed whose fields are not known. */
  onUnknownFields: ((oid: number) => void) | undefined;

  constructor(binaryForm: "sent" | "stored" = "sent") {
    this.binaryForm = binaryForm;
  }

  /** Increases whenever the known types change, except through a Type message. */
  get revision(): number {
    return this.#revision;
  }

  /** Of the server that sent the values. Of a capture without it, it is not known. */
  get majorVersion(): number | typeof UNKNOWN {
    return this.#majorVersion;
  }

  sentBy(majorVersion: number): void {
    if (majorVersion === this.#majorVersion) return;
    this.#majorVersion = majorVersion;
    this.#revision++;
  }

  /**
   * The name that a Type message gave at that point of the stream, otherwise pg_type.typname. For a domain the
   * catalogue's name counts: a Type message names its base type.
   */
  nameOf(oid: number): string | undefined {
    const catalogued = this.#catalogued.get(oid);
    const announced = catalogued?.shape?.kind === "domain" ? undefined : this.#announced.get(oid);
    return (BUILTINS.get(oid) ?? announced ?? catalogued ?? this.#announced.get(oid))?.name;
  }

  /** Undefined if the type is not known, or its values are ordinary strings. */
  shapeOf(oid: number): TypeShape | undefined {
    return this.#entry(oid)?.shape ?? undefined;
  }

  /**
   * Records a Type message. For a domain it carries the domain's oid and the name of the base type: if that is a
   * built-in type, the domain's values have its form.
   */
  announce(oid: number, schema: string, name: string): void {
    const base = schema === "" || schema === "pg_catalog" ? BUILTIN_OIDS.get(name) : undefined;
    const shape = base === undefined ? null : (BUILTINS.get(base)?.shape ?? null);
    this.#announced.set(oid, { schema, name, shape });
  }

  /** Undefined if no Type message came. */
  announcedName(oid: number): AnnouncedName | undefined {
    const { schema, name } = this.#announced.get(oid) ?? {};
    return schema === undefined || name === undefined ? undefined : { schema, name };
  }

  /** Forgets the types that a Type message in the damaged bytes[from, to) may have announced again. */
  forget(bytes: Uint8Array, from: number, to: number): void {
    if (this.#announced.size === 0) return;
    for (let at = from; at < to; at++) {
      if (!follows(bytes, at, Tag.type)) continue;
      if (this.#announced.delete(uint32At(bytes, at))) this.#revision++;
    }
  }

  /** Forgets the catalogue's answers, which may be out of date. */
  forgetCatalogue(): void {
    this.#ruled.clear();
    if (this.#catalogued.size === 0) return;
    this.#catalogued.clear();
    this.#revision++;
  }

  /** The types that only the catalogue can describe. */
  notBuiltIn(oids: Iterable<number>): readonly number[] {
    return [...new Set(oids)].filter((oid) => !BUILTINS.has(oid));
  }

  /** The types that are not built in and that the catalogue was not asked about yet. */
  uncatalogued(oids: Iterable<number>): readonly number[] {
    return this.notBuiltIn(oids).filter((oid) => !this.#catalogued.has(oid));
  }

  /**
   * Records the catalogue's answer to a query for the oids `asked`. A type that it does not have is not queried again.
   */
  catalogue(asked: readonly number[], types: readonly CatalogueType[]): void {
    for (const oid of asked) this.#catalogued.set(oid, undefined);
    for (const { oid, name, shape } of types) this.#catalogued.set(oid, { name, shape });
    this.#revision++;
  }

  ruled(relation: number, columns: RuledColumns): void {
    this.#ruled.set(relation, columns);
  }

  /** As far as the catalogue was asked about the relation. */
  ruledColumns(relation: number): RuledColumns {
    return this.#ruled.get(relation) ?? NONE_RULED;
  }

  /** Whether the catalogue named the type the same before: of a type that is not composite, only that can change. */
  knows({ oid, name }: CatalogueType): boolean {
    return this.#catalogued.get(oid)?.name === name;
  }

  #entry(oid: number): TypeEntry | undefined {
    return BUILTINS.get(oid) ?? this.#catalogued.get(oid) ?? this.#announced.get(oid);
  }
}

function addBuiltin(
  { array, delimiter = ",", name, oid }: Pick<BuiltinType, "array" | "delimiter" | "name" | "oid">,
  shape: TypeShape,
): void {
  BUILTINS.set(oid, { name, shape });
  BUILTIN_OIDS.set(name, oid);
  if (array === 0) return;
  BUILTINS.set(array, { name: `_${name}`, shape: { kind: "array", element: oid, delimiter } });
  BUILTIN_OIDS.set(`_${name}`, array);
}

for (const type of BUILTIN_TYPES) addBuiltin(type, { kind: "scalar", name: type.name });
for (const type of BUILTIN_VECTORS) addBuiltin(type, { kind: "vector", element: type.element });
