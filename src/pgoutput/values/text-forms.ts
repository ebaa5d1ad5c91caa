import type { TypeRegistry } from "../type-registry.ts";
import type { TextForm } from "./binary-reader.ts";
import { hstore } from "./hstore.ts";
import { arrayOf, multirangeOf, rangeOf, recordOf, vectorOf } from "./containers.ts";
import { date, time, timestamp, timestamptz, timetz } from "./datetime.ts";
import { float4, float8 } from "./floats.ts";
import * as geometry from "./geometry.ts";
import { interval } from "./interval.ts";
import { cidr, inet, macaddr, macaddr8 } from "./network.ts";
import { numeric } from "./numeric.ts";
import * as scalar from "./scalars.ts";
import { tsquery, tsvector } from "./text-search.ts";

/** Limit for types within types: a capture's types may be wrong, even circular. */
const DEPTH_MAX = 32;

/** The types of pg_catalog, without money, whose text depends on lc_monetary. Ranges are added below. */
const FORMS = new Map<string, TextForm>([
  ["bool", scalar.bool],
  ["int2", scalar.int2],
  ["int4", scalar.int4],
  ["int8", scalar.int8],
  ["oid", scalar.uint4],
  ["xid", scalar.uint4],
  ["cid", scalar.uint4],
  ["xid8", scalar.uint8],
  ["float4", float4],
  ["float8", float8],
  ["numeric", numeric],
  ["char", scalar.char],
  ["bytea", scalar.bytea],
  ["uuid", scalar.uuid],
  ["bit", scalar.bits],
  ["varbit", scalar.bits],
  ["jsonb", scalar.versioned],
  ["jsonpath", scalar.versioned],
  ["date", date],
  ["time", time],
  ["timetz", timetz],
  ["timestamp", timestamp],
  ["timestamptz", timestamptz],
  ["interval", interval],
  ["inet", inet],
  ["cidr", cidr],
  ["macaddr", macaddr],
  ["macaddr8", macaddr8],
  ["point", geometry.point],
  ["lseg", geometry.lseg],
  ["path", geometry.path],
  ["box", geometry.box],
  ["polygon", geometry.polygon],
  ["line", geometry.line],
  ["circle", geometry.circle],
  ["pg_lsn", scalar.lsn],
  ["tid", scalar.tid],
  ["pg_snapshot", scalar.snapshot],
  ["txid_snapshot", scalar.snapshot],
  ["tsvector", tsvector],
  ["tsquery", tsquery],
]);

/** These are sent as their text form. */
const TEXTUAL = ["text", "varchar", "bpchar", "name", "json", "xml", "refcursor", "pg_node_tree"];
for (const name of TEXTUAL) FORMS.set(name, scalar.text);

/** `int4range` and `int4multirange`, for the built-in types that have them. */
const RANGES: readonly (readonly [name: string, bound: TextForm])[] = [
  ["int4", scalar.int4],
  ["int8", scalar.int8],
  ["num", numeric],
  ["ts", timestamp],
  ["tstz", timestamptz],
  ["date", date],
];
for (const [name, bound] of RANGES) {
  const range = rangeOf(bound);
  FORMS.set(`${name}range`, range);
  FORMS.set(`${name}multirange`, multirangeOf(range));
}

/** Of a type of pg_catalog that is not made of others. */
export function scalarForm(name: string): TextForm | undefined {
  return FORMS.get(name);
}

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
    case "scalar":
      return FORMS.get(shape.name);
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
