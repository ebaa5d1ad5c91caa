import { BUILTIN_TYPES, BUILTIN_VECTORS } from "./builtin-types.ts";
import { follows, uint32At } from "./lost-bytes.ts";
import { Tag } from "./tags.ts";

/** What a value of a type looks like in its text form. */
export type TypeShape =
  | { readonly kind: "scalar"; readonly name: string }
  /** `{a,b}` with elements of the type `element`, an oid, between `delimiter`s. */
  | { readonly kind: "array"; readonly element: number; readonly delimiter: string }
  /** `a b`: int2vector and oidvector. */
  | { readonly kind: "vector"; readonly element: number }
  /** As its base type's. */
  | { readonly kind: "domain"; readonly base: number }
  /** `(a,b)`, with fields that are columns of their own. Null: it was altered, and which they are is not known. */
  | { readonly kind: "composite"; readonly fields: readonly CompositeField[] | null }
  /** `"a"=>"b"`, which row_to_json casts to a JSON object. */
  | { readonly kind: "hstore" };

export interface CompositeField {
  readonly name: string;
  readonly type: number;
}

/** What the catalogue says of a type that is not built in; plain data, since captures keep it. */
export interface CatalogueType {
  readonly oid: number;
  /** pg_type.typname */
  readonly name: string;
  /** Null: nothing special, its text form is a string. */
  readonly shape: TypeShape | null;
}

interface TypeEntry {
  readonly name: string;
  readonly shape: TypeShape | null;
}

const BUILTINS = new Map<number, TypeEntry>();
const BUILTIN_OIDS = new Map<string, number>();

/** What is known of types by oid: the built-in ones, and what the stream or the catalogue tells of others. */
export class TypeRegistry {
  readonly #announced = new Map<number, TypeEntry>();
  readonly #catalogued = new Map<number, TypeEntry | undefined>();
  #revision = 0;
  /** What a binary value is: sent by the server, or stored bytes of a type that the heap room does not know. */
  readonly binaryForm: "sent" | "stored";
  /** Called when a value is printed of a composite type whose fields are not known. */
  onUnknownFields: ((oid: number) => void) | undefined;

  constructor(binaryForm: "sent" | "stored" = "sent") {
    this.binaryForm = binaryForm;
  }

  /** Another one whenever what is known of types has changed, but for what a Type message tells. */
  get revision(): number {
    return this.#revision;
  }

  /** What a Type message calls it, at that point of the stream; of a domain that names the base type. Else pg_type.typname. */
  nameOf(oid: number): string | undefined {
    const catalogued = this.#catalogued.get(oid);
    const announced = catalogued?.shape?.kind === "domain" ? undefined : this.#announced.get(oid);
    return (BUILTINS.get(oid) ?? announced ?? catalogued ?? this.#announced.get(oid))?.name;
  }

  /** Undefined: not known, or nothing special. */
  shapeOf(oid: number): TypeShape | undefined {
    return this.#entry(oid)?.shape ?? undefined;
  }

  /**
   * What a Type message tells. Of a domain it names the base type, under the oid of the domain:
   * where that is a built-in one, the domain's values look like that one's.
   */
  announce(oid: number, schema: string, name: string): void {
    const base = schema === "" || schema === "pg_catalog" ? BUILTIN_OIDS.get(name) : undefined;
    const shape = base === undefined ? null : (BUILTINS.get(base)?.shape ?? null);
    this.#announced.set(oid, { name, shape });
  }

  /** Forgets the types that a Type message in bytes[from, to), which are damaged, may have announced again. */
  forget(bytes: Uint8Array, from: number, to: number): void {
    if (this.#announced.size === 0) return;
    for (let at = from; at < to; at++) {
      if (!follows(bytes, at, Tag.type)) continue;
      if (this.#announced.delete(uint32At(bytes, at))) this.#revision++;
    }
  }

  /** The catalogue may have answered otherwise since: what it said is not known any more. */
  forgetCatalogue(): void {
    if (this.#catalogued.size === 0) return;
    this.#catalogued.clear();
    this.#revision++;
  }

  /** Those of which only the catalogue can tell what they are. */
  notBuiltIn(oids: Iterable<number>): readonly number[] {
    return [...new Set(oids)].filter((oid) => !BUILTINS.has(oid));
  }

  /** Those of them that it was not asked about yet. */
  uncatalogued(oids: Iterable<number>): readonly number[] {
    return this.notBuiltIn(oids).filter((oid) => !this.#catalogued.has(oid));
  }

  /** What the catalogue answered to a question for `asked`: one that it does not know is not asked for again. */
  catalogue(asked: readonly number[], types: readonly CatalogueType[]): void {
    for (const oid of asked) this.#catalogued.set(oid, undefined);
    for (const { oid, name, shape } of types) this.#catalogued.set(oid, { name, shape });
    this.#revision++;
  }

  /** Whether the catalogue has said the same before; of what is not composite, of which only the name may be another. */
  knows({ oid, name }: CatalogueType): boolean {
    return this.#catalogued.get(oid)?.name === name;
  }

  #entry(oid: number): TypeEntry | undefined {
    return BUILTINS.get(oid) ?? this.#catalogued.get(oid) ?? this.#announced.get(oid);
  }
}

function addBuiltin(oid: number, name: string, shape: TypeShape, arrayOid: number): void {
  BUILTINS.set(oid, { name, shape });
  BUILTIN_OIDS.set(name, oid);
  if (arrayOid === 0) return;
  // The only built-in type whose text form holds commas outside of quotes.
  const delimiter = name === "box" ? ";" : ",";
  BUILTINS.set(arrayOid, { name: `_${name}`, shape: { kind: "array", element: oid, delimiter } });
  BUILTIN_OIDS.set(`_${name}`, arrayOid);
}

for (const [oid, name, arrayOid] of BUILTIN_TYPES) {
  addBuiltin(oid, name, { kind: "scalar", name }, arrayOid);
}
for (const [oid, name, arrayOid, element] of BUILTIN_VECTORS) {
  addBuiltin(oid, name, { kind: "vector", element: BUILTIN_OIDS.get(element) ?? 0 }, arrayOid);
}
