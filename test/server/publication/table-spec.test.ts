import assert from "node:assert/strict";
import { test } from "node:test";
import { WalctlError } from "../../../src/errors.ts";
import {
  type TableSpec,
  parseIdentifier,
  parseTableSpec,
} from "../../../src/server/publication/table-spec.ts";

const NOTHING_MORE = { columns: undefined, where: undefined };

const PARSED: ReadonlyArray<readonly [text: string, spec: TableSpec]> = [
  ["orders", { schema: undefined, name: "orders", ...NOTHING_MORE }],
  ["Sales.Orders", { schema: "sales", name: "orders", ...NOTHING_MORE }],
  [' sales . "Orders" ', { schema: "sales", name: "Orders", ...NOTHING_MORE }],
  ['"S 1"."T;drop"', { schema: "S 1", name: "T;drop", ...NOTHING_MORE }],
  ['"a""b"."c.d"', { schema: 'a"b', name: "c.d", ...NOTHING_MORE }],
  // The server folds ASCII letters only.
  ["ÉTÉ_A", { schema: undefined, name: "ÉtÉ_a", ...NOTHING_MORE }],
  ["a$b", { schema: undefined, name: "a$b", ...NOTHING_MORE }],
  ['t(Id,"B c")', { schema: undefined, name: "t", columns: ["id", "B c"], where: undefined }],
  ["t WHERE a > 1", { schema: undefined, name: "t", columns: undefined, where: "a > 1" }],
  ["t where(a > 1)", { schema: undefined, name: "t", columns: undefined, where: "a > 1" }],
  ["s.t (a) Where (A > 1) or B", { schema: "s", name: "t", columns: ["a"], where: "(A > 1) or B" }],
  ["1a-b", { schema: undefined, name: "1a-b", ...NOTHING_MORE }],
  ["where", { schema: undefined, name: "where", ...NOTHING_MORE }],
];

test("-t is read by SQL's rules for names", () => {
  for (const [text, spec] of PARSED) assert.deepEqual(parseTableSpec(text), spec, text);
});

const REFUSED: readonly string[] = [
  "",
  "a.b.c",
  "a.",
  ".a",
  "a b",
  'a"b"',
  '"a',
  '""',
  "a.*",
  "a*",
  "t ()",
  "t (a",
  "t (a,)",
  "t (a, a)",
  "t; DROP TABLE x",
  "t); DROP TABLE x",
  "t WHERE",
  "t WHERE true); DROP TABLE x; --",
  "t wherever",
];

test("a malformed -t is a usage error", () => {
  for (const text of REFUSED) {
    assert.throws(
      () => parseTableSpec(text),
      (error) => error instanceof WalctlError && error.exitCode === 2,
      text,
    );
  }
});

test("--schema takes one name, by the same rules", () => {
  assert.equal(parseIdentifier("--schema", "Sales"), "sales");
  assert.equal(parseIdentifier("--schema", '"S 1"'), "S 1");
  assert.throws(() => parseIdentifier("--schema", "S 1"), WalctlError);
  assert.throws(() => parseIdentifier("--schema", ""), WalctlError);
});
