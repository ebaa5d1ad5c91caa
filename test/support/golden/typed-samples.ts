/** Values of every type, as text, and types that are not built in. */
import { BUILTIN_TYPES } from "../../../src/postgres/types/table.ts";
import type { CatalogueType } from "../../../src/postgres/messages/type-registry.ts";
import { NASTY_VALUES } from "./nasty-values.ts";

const [DOMAIN, ROW, ROWS_OF, HSTORE, HSTORES, ENUM] = [70001, 70002, 70003, 70004, 70005, 70006];
export const OWN_TYPES: readonly CatalogueType[] = [
  { oid: DOMAIN, name: "positive", shape: { kind: "domain", base: 23 } },
  {
    oid: ROW,
    name: "item",
    shape: {
      kind: "composite",
      fields: [
        ["a", 23],
        ["b", 25],
        ["c", 114],
        ["d", 1184],
        ["e", 1007],
        ["f", HSTORE],
      ].map(([name, type]) => ({ name: String(name), type: Number(type) })),
    },
  },
  { oid: ROWS_OF, name: "_item", shape: { kind: "array", element: ROW, delimiter: "," } },
  { oid: HSTORE, name: "hstore", shape: { kind: "hstore" } },
  { oid: HSTORES, name: "_hstore", shape: { kind: "array", element: HSTORE, delimiter: "," } },
  { oid: ENUM, name: "mood", shape: null },
];

export interface Sample {
  readonly oid: number;
  readonly values: readonly string[];
}

const ITEM = String.raw`(1,"a ""b"" \\",null,"2026-11-24 10:57:43+00","{1,NULL,3}","""k""=>""v"", ""n""=>NULL")`;
const OWN: readonly Sample[] = [
  { oid: DOMAIN, values: ["7", "-1"] },
  { oid: ENUM, values: ["happy", ""] },
  { oid: ROW, values: [ITEM, "(,,,,,)", '(5,é,"{""x"": [1, 2]}",infinity,{},)'] },
  { oid: ROWS_OF, values: [`{"${ITEM.replace(/["\\]/g, String.raw`\$&`)}",NULL}`, "{}"] },
  { oid: HSTORE, values: ['"a"=>"1", "b"=>NULL', "", String.raw`"\"k\\"=>"é"`] },
  { oid: HSTORES, values: [String.raw`{"\"a\"=>\"1\", \"b\"=>NULL"}`] },
  { oid: 1184, values: ["2026-11-24 10:57:43.5+05:30", "10000-01-01 00:00:00+00 BC"] },
  {
    oid: 3802,
    values: [
      '{"a": [1, 2.50, -0, 1e400, "x\\ny\\u00e9"], "a": {}, "é": null}',
      "12345678901234567890",
    ],
  },
];

function samples(): readonly Sample[] {
  const oids = new Map<string, number>([
    ["int2vector", 22],
    ["oidvector", 30],
  ]);
  for (const { array, name, oid } of BUILTIN_TYPES) oids.set(name, oid).set(`${name}[]`, array);
  const named = Object.entries(NASTY_VALUES).map(([name, values]) => ({
    oid: oids.get(name.replace(/\(.*?\)|"/g, "")) ?? 25,
    values: values.filter((value) => value.length < 2000),
  }));
  return [...named, ...OWN];
}

export const SAMPLES: readonly Sample[] = samples();
