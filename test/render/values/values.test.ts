import assert from "node:assert/strict";
import { test } from "node:test";
import type { ValueOptions } from "../../../src/render/values/values.ts";
import { encode, types } from "./support.ts";

const TEXT = 25;
const INT8 = 20;
const FLOAT8 = 701;
const NUMERIC = 1700;
const BOOL = 16;
const JSONB = 3802;
const TIMESTAMP = 1114;
const TIMESTAMPTZ = 1184;
const DATE = 1082;

test("strings are escaped, and no control character stays raw", () => {
  const texts = [
    "",
    "plain",
    'a "quoted" one',
    "back\\slash and a longer tail",
    "tab\tnl\ncr\rbs\bff\f",
    "\u0001\u001f\u007f",
    "C1 \u0080\u009f and \u00a0",
    "é😀 und mehr",
    "\u2028",
    `${"x".repeat(1000)}"${"y".repeat(1000)}\n`,
    "\u0000".repeat(100),
    '"\n'.repeat(1000),
    `${"\n".repeat(200)}\u0001${'a"'.repeat(200)}\u007f`,
  ];
  for (const text of texts) {
    const json = encode(TEXT, text);
    assert.equal(JSON.parse(json), text);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(json, /[\u0000-\u001f\u007f-\u009f]/);
  }
});

test("a special character is found at every place of a word", () => {
  for (const special of ['"', "\\", "\n", "\u007f", "\u0085", "é"]) {
    for (let length = 0; length < 12; length++) {
      for (let at = 0; at <= length; at++) {
        const text = "a".repeat(at) + special + "b".repeat(length - at);
        assert.equal(JSON.parse(encode(TEXT, text)), text);
      }
    }
  }
});

test("bytes that are not UTF-8 are given as they are", () => {
  const bytes = Buffer.from([0x61, 0xff, 0x22, 0xc2]);
  assert.equal(encode(TEXT, bytes), `{"bytes_base64":"${bytes.toString("base64")}"}`);
  assert.equal(encode(JSONB, bytes), `{"bytes_base64":"${bytes.toString("base64")}"}`);
});

test("numbers keep the digits that the server sent; NaN and the infinities are strings", () => {
  for (const digits of ["0", "-0", "9223372036854775807", "1.10", "1e+20", "-1.5e-07", "0.10"]) {
    assert.equal(encode(NUMERIC, digits), digits);
  }
  for (const text of ["NaN", "Infinity", "-Infinity"]) {
    assert.equal(encode(FLOAT8, text), `"${text}"`);
  }
  // A damaged capture must not break the line.
  for (const text of ["", "-", "1.", ".5", "1e", "0x10", "007", '1"', "1 2"]) {
    assert.equal(JSON.parse(encode(NUMERIC, text)), text);
  }
});

test("a byte that is no digit is found at every place of a whole number", () => {
  for (const other of ["a", "/", ":", " ", "-", "p", "\u0000", "é"]) {
    for (let length = 1; length < 20; length++) {
      const digits = "1234567890123456789".slice(0, length);
      assert.equal(encode(INT8, digits), digits);
      for (let at = 0; at < length; at++) {
        const text = digits.slice(0, at) + other + digits.slice(at + 1);
        const number = other === "-" && at === 0 && length > 1;
        assert.equal(encode(INT8, text), number ? text : JSON.stringify(text));
      }
    }
  }
  assert.equal(encode(INT8, "01234"), '"01234"');
});

test("safe numbers are strings where a double would change them", () => {
  const safe: ValueOptions = { values: "json", safeNumbers: true };
  for (const [text, json] of [
    ["9007199254740991", "9007199254740991"],
    ["9007199254740993", '"9007199254740993"'],
    ["-9223372036854775808", "-9223372036854775808"],
    ["9223372036854775807", '"9223372036854775807"'],
  ] as const) {
    assert.equal(encode(INT8, text, safe), json);
  }
  for (const [text, json] of [
    ["0.1", "0.1"],
    ["1.100000000000000000000", "1.100000000000000000000"],
    ["123456789012345678901234567890", '"123456789012345678901234567890"'],
    ["0.12345678901234567890", '"0.12345678901234567890"'],
    ["10000000000000000000000", "10000000000000000000000"],
  ] as const) {
    assert.equal(encode(NUMERIC, text, safe), json);
  }
});

test("booleans, JSON and times look as row_to_json prints them", () => {
  for (const [type, text, json] of [
    [BOOL, "t", "true"],
    [BOOL, "f", "false"],
    [JSONB, '{"a":  1,\n\t"b" : "x\\n"}', '{"a":  1,  "b" : "x\\n"}'],
    [TIMESTAMP, "2026-11-24 10:57:43.1", '"2026-11-24T10:57:43.1"'],
    [TIMESTAMP, "0044-03-15 12:00:00 BC", '"0044-03-15T12:00:00 BC"'],
    [TIMESTAMP, "infinity", '"infinity"'],
    [TIMESTAMPTZ, "2026-11-24 10:57:43.1+00", '"2026-11-24T10:57:43.1+00:00"'],
    [TIMESTAMPTZ, "2026-11-24 10:57:43-05:30", '"2026-11-24T10:57:43-05:30"'],
    [TIMESTAMPTZ, "0044-03-15 12:00:00+00 BC", '"0044-03-15T12:00:00+00:00 BC"'],
    [TIMESTAMPTZ, "294276-12-31 23:59:59+00", '"294276-12-31T23:59:59+00:00"'],
    [TIMESTAMPTZ, "-infinity", '"-infinity"'],
    [DATE, "0044-03-15 BC", '"0044-03-15 BC"'],
  ] as const) {
    assert.equal(encode(type, text), json);
  }
});

test("arrays are nested as they are, with NULLs, bounds, quotes and delimiters of their own", () => {
  for (const [type, text, json] of [
    [1007, "{}", "[]"],
    [1007, "{1,NULL,-3}", "[1,null,-3]"],
    [1007, "[2:3][-1:0]={{1,2},{3,4}}", "[[1,2],[3,4]]"],
    [1009, '{a,"b,\\"c\\"",NULL,"NULL","",null}', '["a","b,\\"c\\"",null,"NULL","","null"]'],
    [1009, '{"{x}","\\\\"}', '["{x}","\\\\"]'],
    [1020, "{(1,1),(0,0);(2,2),(1,1)}", '["(1,1),(0,0)","(2,2),(1,1)"]'],
    [3807, '{"{\\"a\\": [1, 2]}"}', '[{"a": [1, 2]}]'],
    [1185, '{"2026-11-24 10:57:43+00"}', '["2026-11-24T10:57:43+00:00"]'],
    [22, "1 2 3", "[1,2,3]"],
    [30, "", "[]"],
    [30, "16384 2", '["16384","2"]'],
  ] as const) {
    assert.equal(encode(type, text), json);
  }
  for (const damaged of ["", "{", "{1", "{1}}", "1,2", '{"a', "[1:2]", "{1},{2}"]) {
    assert.equal(JSON.parse(encode(1007, damaged)), damaged);
  }
});

test("as text every value is the string that the server sent", () => {
  const text: ValueOptions = { values: "text", safeNumbers: false };
  assert.equal(encode(INT8, "1", text), '"1"');
  assert.equal(encode(BOOL, "t", text), '"t"');
  assert.equal(encode(1007, "{1,2}", text), '"{1,2}"');
});

test("a domain follows the base type that its Type message names; other types are text", () => {
  types.announce(70000, "", "int4");
  types.announce(70001, "public", "mood");
  types.announce(70002, "public", "int4");
  assert.equal(encode(70000, "5"), "5");
  assert.equal(encode(70001, "happy"), '"happy"');
  assert.equal(encode(70002, "5"), '"5"');
  assert.equal(encode(99999, "5"), '"5"');
});

const JSON_TYPE = 114;

test("safe numbers reach into json, arrays and rows", () => {
  const safe: ValueOptions = { values: "json", safeNumbers: true };
  for (const [type, text, json] of [
    [JSON_TYPE, "9007199254740993", '"9007199254740993"'],
    [
      JSONB,
      '{"id": 9007199254740993, "n": [1.10, 1e400, -0], "s": "9007199254740993"}',
      '{"id": "9007199254740993", "n": [1.10, "1e400", -0], "s": "9007199254740993"}',
    ],
    [JSONB, '"\\"9007199254740993\\\\"', '"\\"9007199254740993\\\\"'],
    [3807, '{"[9007199254740993]"}', '[["9007199254740993"]]'],
    [JSON_TYPE, "[1 9007199254740993", '"[1 9007199254740993"'],
  ] as const) {
    assert.equal(encode(type, text, safe), json);
  }
});

test("an array, a vector or a timestamp that is none is its text, whole", () => {
  for (const [type, damaged] of [
    ...["{1,,2}", "{,1}", "{1,}", "{}}", "{{1},2}", "{1,{2}}", "[x]={1}", "[1:1]{1}", "{{}}"].map(
      (text) => [1007, text] as const,
    ),
    ...['{"a"b}', '{a"b"}', "{a b}", String.raw`{a\b}`, `{"a""b"}`].map(
      (text) => [1009, text] as const,
    ),
    ...["1  2", " 1", "1 ", " "].map((text) => [22, text] as const),
    ...[
      "2026-11-24 10:57",
      "2026-11-24 10:57:43+00",
      "2026-11-24 10:57:43.",
      "yesterday, noon",
    ].map((text) => [TIMESTAMP, text] as const),
    ...["2026-11-24 10:57:43", "2026-11-24 10:57:4x+00", "2026-11-24 10:57:43+0", "soon +01"].map(
      (text) => [TIMESTAMPTZ, text] as const,
    ),
  ]) {
    assert.equal(encode(type, damaged), JSON.stringify(damaged));
  }
  const bytes = Buffer.from("2026-11-24 10:57:43\xff+00", "latin1");
  assert.equal(encode(TIMESTAMPTZ, bytes), `{"bytes_base64":"${bytes.toString("base64")}"}`);
});

test("what a capture says of its types may branch without end", { timeout: 20_000 }, () => {
  const row = (oid: number, type: number) =>
    ({
      oid,
      name: "r",
      shape: { kind: "composite", fields: ["a", "b", "c"].map((name) => ({ name, type })) },
    }) as const;
  types.catalogue(
    [],
    Array.from({ length: 30 }, (_, level) => row(80_000 + level, 80_001 + level)),
  );
  types.catalogue([], [row(80_100, 80_100)]);
  assert.equal(encode(80_000, "(,,)"), '{"a":null,"b":null,"c":null}');
  assert.equal(encode(80_100, "(x,,)"), '{"a":"x","b":null,"c":null}');
  // Fields of one name would be one key.
  const fields = ["a", "a"].map((name) => ({ name, type: 23 }));
  types.catalogue([], [{ oid: 80_200, name: "r", shape: { kind: "composite", fields } }]);
  assert.equal(encode(80_200, "(1,2)"), '"(1,2)"');
});
