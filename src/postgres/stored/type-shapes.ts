import { FIRST_NORMAL_OID } from "../types/table.ts";
import type { CatalogueType, TypeShape } from "../messages/type-registry.ts";
import { isExtensionType } from "../contrib/extension-types.ts";
import type { StoredType, TypeSource } from "./type-source.ts";

/** What renderers need to know about the types and their component types: what a server's catalogue would answer. */
export function catalogueTypes(oids: Iterable<number>, types: TypeSource): CatalogueType[] {
  const found = new Map<number, CatalogueType>();
  const visit = (oid: number): void => {
    const type = oid < FIRST_NORMAL_OID || found.has(oid) ? undefined : types.type(oid);
    if (type === undefined) return;
    const shape = shapeOf(type, types);
    found.set(oid, { oid, name: type.name, shape });
    if (shape?.kind === "array") visit(shape.element);
    if (shape?.kind === "domain") visit(shape.base);
    if (shape?.kind === "composite") for (const field of shape.fields ?? []) visit(field.type);
  };
  for (const oid of oids) visit(oid);
  return [...found.values()];
}

/** Null if its text is a string. */
function shapeOf(type: StoredType, types: TypeSource): TypeShape | null {
  if (type.kind === "d") return { kind: "domain", base: type.base };
  if (type.kind === "c") {
    const fields = types.attributes(type.relation).filter(({ dropped }) => !dropped);
    return {
      kind: "composite",
      fields: fields.map(({ name, typeOid }) => ({ name, type: typeOid })),
    };
  }
  if (type.isArray) return { kind: "array", element: type.element, delimiter: type.delimiter };
  if (isExtensionType(type, "hstore")) return { kind: "hstore" };
  if (type.kind === "e" || isExtensionType(type, "citext")) return { kind: "scalar", name: "text" };
  return null;
}
