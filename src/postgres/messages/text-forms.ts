import type { TextForm } from "../types/binary-reader.ts";
import { arrayOf, vectorOf } from "../types/arrays.ts";
import { recordOf } from "../types/composites.ts";
import { hstore } from "../contrib/hstore.ts";
import { builtinNamed } from "../types/table.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** Limit for types within types: a capture's types may be wrong, even circular. */
const DEPTH_MAX = 32;

/**
 * The conversion from the type's binary form to its text form. Undefined if it is not known: an extension's types may
 * send anything, regclass and similar types send the oid of the object that they name, and statistics (pg_ndistinct and
 * so on) are sent as they are in memory.
 */
export function textFormOf(typeOid: number, types: TypeRegistry, depth = 0): TextForm | undefined {
  if (depth > DEPTH_MAX) return undefined;
  const partForm = (oid: number): TextForm | undefined => textFormOf(oid, types, depth + 1);
  const shape = types.shapeOf(typeOid);
  switch (shape?.kind) {
    case undefined:
      return undefined;
    case "scalar": {
      const { sent, sentBy } = builtinNamed(shape.name) ?? {};
      return sent ?? sentBy?.(types.majorVersion);
    }
    case "array": {
      const element = partForm(shape.element);
      return element === undefined ? undefined : arrayOf(element, shape.element, shape.delimiter);
    }
    case "vector": {
      const element = partForm(shape.element);
      return element === undefined ? undefined : vectorOf(element, shape.element);
    }
    case "domain":
      return partForm(shape.base);
    case "composite":
      // Looked up for each value: the type may be altered while the relation stays the same.
      return (reader) => {
        const now = types.shapeOf(typeOid);
        if (now?.kind !== "composite") throw reader.unfit();
        if (now.fields === null) {
          types.onUnknownFields?.(typeOid);
          throw reader.unfit();
        }
        const fields = now.fields.map(({ type }) => ({
          typeOid: type,
          form: partForm(type) ?? unknown,
        }));
        return recordOf(fields)(reader);
      };
    case "hstore":
      return hstore;
  }
}

/** For a field whose type is not known: the row can be printed if the field is NULL. */
const unknown: TextForm = (reader) => {
  throw reader.unfit();
};
