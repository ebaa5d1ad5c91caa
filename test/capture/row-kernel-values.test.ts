/** Values one by one, by the kernel and by JavaScript: what random ones seldom hit. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encodeCapture } from "../support/wire/captures.ts";
import { type WireMessage, encodeMessage } from "../support/wire/pgoutput-encoder.ts";
import { print } from "./kernel-print.ts";

const OID = 0x41414141;
const NESTED = (depth: number): string => "[".repeat(depth) + "7" + "]".repeat(depth);

/** Latin-1: each character is a byte. */
const VALUES: readonly string[] = [
  "",
  "t",
  "f",
  "T",
  "tt",
  "null",
  "NULL",
  "true",
  "0",
  "-0",
  "00",
  "01",
  "-",
  "+1",
  "1.",
  ".5",
  "1.50",
  "-12.0e+7",
  "1E5",
  "1e",
  "1e+",
  "1234567890123456",
  "12345678901234567",
  "0123456789",
  "NaN",
  "-Infinity",
  "123456789012345x",
  "9".repeat(40),
  "1:2",
  "1;2",
  "0x1f",
  " 1",
  "1 ",
  'a"b',
  "\\",
  "\\x00ff",
  "\b\t\n\f\r\v\x00\x1b\x7f",
  "x".repeat(15) + '"',
  "x".repeat(16) + "\n",
  "\xc2\x80",
  "\xc2\x9f",
  "\xc2\xa0",
  "\xc2",
  "\xc1\xbf",
  "\xe0\x9f\xbf",
  "\xe0\xa0\x80",
  "\xe2\x82",
  "\xed\x9f\xbf",
  "\xed\xa0\x80",
  "\xef\xbb\xbf",
  "\xf0\x8f\xbf\xbf",
  "\xf0\x90\x80\x80",
  "\xf4\x8f\xbf\xbf",
  "\xf4\x90\x80\x80",
  "\xf5\x80\x80\x80",
  "\xff",
  "\x80",
  "\xe2\x82\xac",
  "x".repeat(14) + "\xe2\x82\xac" + "y".repeat(20),
  "\xc3\xa9".repeat(40),
  "\xf0\x9f\x98\x80\xf0\x9f",
  "2026-11-29 07:00:00",
  "2026-11-29 07:00:00.1",
  "2026-11-29 07:00:00.123456",
  "infinity",
  "2026-11-29 07:00:00.",
  "2026-11-29 07:00:00.1234567",
  "2026-11-29 07:00:00 BC",
  "-infinity",
  "2026-11-29 07:00:00+00",
  "2026-11-29 07:00:00.5-05:30",
  "2026-11-29 07:00:00+05:30:15",
  "2026-11-29 07:00:00+05:30:15:20",
  "2026-11-29 07:00:00+0",
  "2026-11-29 07:00:00+00:",
  "2026-11-29 07:00:00+05:3",
  "12026-11-29 07:00:00+00",
  "1234567-11-29 07:00:00+00",
  "2026-11-29T07:00:00",
  "2026-11-2x 07:00:00",
  "2026-11-29 07:00.00",
  "2026-11-29 07:00:0:",
  "2026/11-29 07:00:00+00",
  "2026-11-29 07:00:00+00 BC",
  "2026-11-29 07:00:00*00",
  "/026-11-29 07:00:00",
  "{}",
  "[]",
  "{} ",
  " {}",
  "{ }",
  "[ ]",
  '{"a":1}',
  '{"a" : [1, -2.5e3, true, false, null]}',
  '{"a":1,}',
  '{"a"}',
  '{"a":}',
  "{1:2}",
  "[1,]",
  "[,1]",
  "[1 2]",
  "[1}",
  '{"a":1]',
  "]",
  "[",
  "{",
  '"a',
  '"a"b',
  '"\\"',
  '"\\u00e9\\/\\b\\f\\n\\r\\t\\"\\\\"',
  '"\\u00eg"',
  '"\\u00e',
  '"\\x"',
  '"\\',
  '"a\nb"',
  '"a\x7fb"',
  '"a\xc2\x85b"',
  '"\xc2\xa0"',
  '"\xe2\x82"',
  '"\xff"',
  '["\xc3\xa9"]',
  "tru",
  "nul",
  '{\n\t"a":\r\n1 }',
  "\x0b1",
  "1\x0b",
  "fals",
  "false",
  "falsE",
  "trueX",
  '{"a":1}\n',
  "-",
  "[-]",
  '"' + "x".repeat(15) + '"',
  '"' + "x".repeat(14) + '\\""',
  NESTED(6),
  NESTED(63),
  NESTED(64),
  NESTED(65),
  '{"a":{"b":[{"c":{}}]}}',
  '[{"a":1},{"b":2}]',
  '{"a":1}{"b":2}',
  "[[1],[2]],3",
  "{1}",
  "{1,2}",
  "{1,}",
  "{,1}",
  "{1,,2}",
  "{1",
  "1}",
  "{1}x",
  "{1} ",
  "{{1},{2}}",
  "{{1},2}",
  "{1,{2}}",
  "{{1},{{2}}}",
  "{{{{{{1}}}}}}",
  "{{{{{{{1}}}}}}}",
  "{{}}",
  "{{},{1}}",
  "{1}}",
  "{NULL}",
  "{null}",
  '{"NULL"}',
  '{NULL,"a b"}',
  '{"a\\"b"}',
  '{"a',
  '{"a"b}',
  '{a"b}',
  "{a b}",
  "{a\\b}",
  "{a\tb}",
  "[0:1]={1,2}",
  "[0:1]={1",
  '{""}',
  '{"",""}',
  '{"a,b","{c}"}',
  "{t,f}",
  "{t,x}",
  "{1.5,NaN}",
  '{"2026-11-29 07:00:00"}',
  '{"2026-11-29 07:00:00+00","infinity"}',
  '{"2026-11-29 07:00:00.5+05:30"}',
  "{\xc3\xa9}",
  "{\xff}",
  '{"\xc2\x85"}',
  "{[1]}",
  "{[1}",
  "{true}",
  '{"[1, 2]"}',
  "1 2 3",
  "1  2",
  "{" + Array.from({ length: 40 }, () => '""').join(",") + "}",
  "\x01".repeat(5000),
];
/** bool, int8, text, float8, json, timestamp, timestamptz, bytea, an unknown type; then arrays of some. */
const TYPES = [
  16, 20, 25, 701, 114, 1114, 1184, 17, 77_777, 1000, 1016, 1009, 199, 1115, 1185, 1006,
];

const text = (value: string) => ({ kind: "text", bytes: Buffer.from(value, "latin1") }) as const;
const insert = (...values: readonly string[]): WireMessage => ({
  kind: "insert",
  oid: OID,
  xid: null,
  new: values.map(text),
});
const relation = (...types: readonly number[]): WireMessage => ({
  kind: "relation",
  oid: OID,
  schema: "public",
  table: "t",
  replicaIdentity: "full",
  xid: null,
  columns: types.map((typeOid, index) => ({
    name: `c${index}`,
    key: index === 0,
    typeOid,
    typeModifier: -1,
  })),
});

/** Returns how many rows the kernel printed. */
function compare(
  messages: readonly WireMessage[],
  change = (bytes: Buffer): Buffer => bytes,
): number {
  const bytes = change(Buffer.from(encodeCapture("raw", messages.map(encodeMessage))));
  const expected = print("raw", [bytes], { kernel: false, keepGoing: true });
  const printed = print("raw", [bytes], { kernel: true, keepGoing: true });
  const [lines, others] = [printed.output.split("\n"), expected.output.split("\n")];
  for (const [index, line] of others.entries()) assert.equal(lines[index], line);
  assert.equal(printed.output.length, expected.output.length);
  assert.deepEqual(printed.faults, expected.faults);
  return expected.rowMessages - printed.rowMessages;
}

describe("the kernel prints a value as JavaScript does, or leaves it", () => {
  for (const type of TYPES) {
    it(`type ${type}`, () => {
      // Between them rows that it knows: after many in vain it would leave some out.
      const known: WireMessage = {
        kind: "insert",
        oid: OID,
        xid: null,
        new: [text("2"), { kind: "null" }],
      };
      const rows = VALUES.flatMap((value) => [insert("1", value), known]);
      const printed = compare([relation(20, type), known, known, ...rows]);
      const least = type === 1006 ? 0 : VALUES.length + (type < 100 ? VALUES.length / 2 : 3);
      assert.ok(printed >= least, `${printed}`);
    });
  }

  it("rows that need more room than it has", () => {
    const rows = Array.from({ length: 16 }, () => insert("\x01".repeat(100_000), "1"));
    const after = Array.from({ length: 9 }, () => insert("a", "1"));
    compare([relation(25, 20), ...after, ...rows, ...after]);
  });

  it("a row cut anywhere", () => {
    const rows = [relation(25, 20), ...["a", "b", "c", "d"].map((value) => insert(value, "12"))];
    const { length } = encodeCapture("raw", rows.map(encodeMessage));
    for (let end = length - 40; end < length; end++)
      compare(rows, (bytes) => bytes.subarray(0, end));
  });

  it("unchanged values, keys and old rows, of a table with keys and of one without", () => {
    const [one, none, kept] = [text("1"), { kind: "null" }, { kind: "unchanged" }] as const;
    const common = { oid: OID, xid: null };
    const rows = [
      [one, kept],
      [none, none],
      [one, none],
      [kept, kept],
      [kept, one],
    ].flatMap((row): WireMessage[] => [
      { kind: "update", ...common, key: null, old: row, new: [one, kept] },
      { kind: "update", ...common, key: row, old: null, new: row },
      { kind: "delete", ...common, key: row, old: null },
      { kind: "delete", ...common, key: null, old: row },
      { kind: "insert", ...common, new: row },
    ]);
    for (const keyed of [true, false]) {
      const table = relation(20, 25) as WireMessage & { kind: "relation" };
      const columns = table.columns.map((column) => ({ ...column, key: keyed && column.key }));
      const printed = compare([{ ...table, columns }, insert("1", "a"), ...rows, ...rows]);
      assert.ok(printed >= rows.length, `${printed}`);
    }
  });

  it("what a row before damage looks like: only the last one is forgotten", () => {
    const first = [relation(25, 20), insert("a", "1"), insert("b", "2")];
    const rows = Array.from({ length: 6 }, () => insert("c", "3"));
    // It looks like the table's announcement.
    const suspect = insert("RAAAA", "4");
    for (const before of [
      [suspect, ...rows],
      [...rows, suspect],
    ]) {
      const sound = [...first, ...before].map(encodeMessage);
      const at = encodeCapture("raw", sound).length;
      compare([...first, ...before, ...rows, ...rows], (bytes) => bytes.fill(0xee, at, at + 3));
    }
  });
});
