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

/** Of types within types: what a capture says of them may be anything, a circle too. */
const DEPTH_MAX = 32;

/** Of pg_catalog's types. money is not among them: its text depends on lc_monetary, which is not in the stream. A range's bounds are of the type that stands above it. */
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

/** Sent as the text that they are. */
const TEXTUAL = ["text", "varchar", "bpchar", "name", "json", "xml", "refcursor", "pg_node_tree"];
for (const name of TEXTUAL) FORMS.set(name, scalar.text);

/** `int4range` and `int4multirange`, of the built-in types that have them. */
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
 * How the type's binary form becomes its text form. Undefined where that cannot be told: an extension's
 * types may send anything, regclass and its kin are sent as the oid of what they name, and statistics
 * (pg_ndistinct and so on) as they lie in memory.
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
      // Asked for again with each value: it may be altered while the relation stays as it is.
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

/** Of a field whose type is not known: where it is NULL, the row can be told all the same. */
const unknown: TextForm = (reader) => {
  throw reader.unfit();
};
