/** The types of pg_catalog that a column can have, and their arrays. */
import { multirangeOf, rangeOf } from "./ranges.ts";
import { FLOATS } from "./floats.ts";
import { SHAPES } from "./geometry.ts";
import { INTEGERS } from "./integers.ts";
import { JSONS } from "./json.ts";
import { NETWORKS } from "./network.ts";
import { NUMERICS } from "./numeric.ts";
import { SYSTEM_TYPES } from "./system.ts";
import { SEARCHES } from "./text-search.ts";
import { TEXTS } from "./texts.ts";
import { TIMES } from "./times.ts";
import { type BuiltinType, type Family, builtin } from "./type.ts";

/** FirstNormalObjectId (access/transam.h): what has a lower oid comes with the server. */
export const FIRST_NORMAL_OID = 16384;

const BOUNDS = [...INTEGERS, ...NUMERICS, ...TIMES];

/** A range and its multirange, each with the oids of itself and of its array. Their stored forms are those of their bounds. */
function ranges(
  name: string,
  bound: string,
  [range, array]: readonly [number, number],
  [multirange, multiarray]: readonly [number, number],
): readonly BuiltinType[] {
  const form = rangeOf(BOUNDS.find((type) => type.name === bound)!.sent!);
  return [
    builtin(range, `${name}range`, array, "range", { sent: form }),
    builtin(multirange, `${name}multirange`, multiarray, "multirange", {
      sent: multirangeOf(form),
    }),
  ];
}

export const BUILTIN_TYPES: readonly BuiltinType[] = [
  ...INTEGERS,
  ...FLOATS,
  ...NUMERICS,
  ...TEXTS,
  ...JSONS,
  ...TIMES,
  ...NETWORKS,
  ...SHAPES,
  ...SEARCHES,
  ...SYSTEM_TYPES,
  ...ranges("int4", "int4", [3904, 3905], [4451, 6150]),
  ...ranges("int8", "int8", [3926, 3927], [4536, 6157]),
  ...ranges("num", "numeric", [3906, 3907], [4532, 6151]),
  ...ranges("ts", "timestamp", [3908, 3909], [4533, 6152]),
  ...ranges("tstz", "timestamptz", [3910, 3911], [4534, 6153]),
  ...ranges("date", "date", [3912, 3913], [4535, 6155]),
];

/** Also of category A, but not arrays: vectors of a base type, with subscripts from 0. */
export const BUILTIN_VECTORS = [
  { oid: 22, name: "int2vector", array: 1006, element: 21 },
  { oid: 30, name: "oidvector", array: 1013, element: 26 },
] as const;
const VECTOR_OIDS: ReadonlySet<number> = new Set(BUILTIN_VECTORS.map(({ oid }) => oid));

export function isVector(oid: number): boolean {
  return VECTOR_OIDS.has(oid);
}

const BY_OID = new Map(BUILTIN_TYPES.map((type) => [type.oid, type]));
const BY_NAME = new Map(BUILTIN_TYPES.map((type) => [type.name, type]));

export function builtinType(oid: number): BuiltinType | undefined {
  return BY_OID.get(oid);
}

export function builtinNamed(name: string): BuiltinType | undefined {
  return BY_NAME.get(name);
}

/** Undefined: it is not built in, or an array. */
export function familyOf(oid: number): Family | undefined {
  return BY_OID.get(oid)?.family;
}
