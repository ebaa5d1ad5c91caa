import { BUILTIN_TYPES, BUILTIN_VECTORS } from "./builtin-types.ts";

/** What a value of a type looks like in its text form. */
export type TypeShape =
  | { readonly kind: "scalar"; readonly name: string }
  /** `{a,b}` with elements of the type `element`, an oid, between `delimiter`s. */
  | { readonly kind: "array"; readonly element: number; readonly delimiter: string }
  /** `a b`: int2vector and oidvector. */
  | { readonly kind: "vector"; readonly element: number };

interface TypeEntry {
  readonly name: string;
  /** Undefined: not known, the value is text. */
  readonly shape: TypeShape | undefined;
}

/** What is known of types by oid: the built-in ones, and what the stream tells of others. */
export class TypeRegistry {
  readonly #entries = new Map<number, TypeEntry>(BUILTINS);

  /** pg_type.typname, or what a Type message calls it. */
  nameOf(oid: number): string | undefined {
    return this.#entries.get(oid)?.name;
  }

  shapeOf(oid: number): TypeShape | undefined {
    return this.#entries.get(oid)?.shape;
  }

  /**
   * What a Type message tells. Of a domain it names the base type, under the oid of the domain:
   * where that is a built-in one, the domain's values look like that one's.
   */
  announce(oid: number, schema: string, name: string): void {
    if (BUILTINS.has(oid)) return;
    const base = schema === "" || schema === "pg_catalog" ? BUILTIN_OIDS.get(name) : undefined;
    const shape = base === undefined ? undefined : BUILTINS.get(base)?.shape;
    this.#entries.set(oid, { name, shape });
  }
}

const BUILTINS = new Map<number, TypeEntry>();
const BUILTIN_OIDS = new Map<string, number>();

function add(oid: number, name: string, shape: TypeShape, arrayOid: number): void {
  BUILTINS.set(oid, { name, shape });
  BUILTIN_OIDS.set(name, oid);
  if (arrayOid === 0) return;
  // The only built-in type whose text form holds commas outside of quotes.
  const delimiter = name === "box" ? ";" : ",";
  BUILTINS.set(arrayOid, { name: `_${name}`, shape: { kind: "array", element: oid, delimiter } });
  BUILTIN_OIDS.set(`_${name}`, arrayOid);
}

for (const [oid, name, arrayOid] of BUILTIN_TYPES)
  add(oid, name, { kind: "scalar", name }, arrayOid);
for (const [oid, name, arrayOid, element] of BUILTIN_VECTORS) {
  add(oid, name, { kind: "vector", element: BUILTIN_OIDS.get(element) ?? 0 }, arrayOid);
}
