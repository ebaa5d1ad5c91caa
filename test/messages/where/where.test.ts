/** --where on real captures and made ones: the printed lines are those for which it holds, and no others. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readExactLine } from "../../../src/messages/where/exact-line.ts";
import { fixture } from "../../support/golden/golden.ts";
import { walctl } from "../../support/program/cli.ts";
import { walctlInside } from "../../support/program/inside.ts";
import { encodeCapture } from "../../support/wire/captures.ts";
import { encodeMessage } from "../../support/wire/pgoutput-encoder.ts";

interface Line {
  readonly kind: string;
  readonly xid: number | null;
  readonly table?: string;
  readonly new?: Readonly<Record<string, unknown>>;
}

const MISC = "pg18-misc-p1.recvlogical";
const LINES = Buffer.from(fixture("fixtures/captures/pg18-misc-p1.ndjson"))
  .toString("utf8")
  .trimEnd()
  .split("\n");

async function decode(...args: readonly string[]): ReturnType<typeof walctlInside> {
  return await walctlInside(["decode-file", ...args, `fixtures/captures/${MISC}`]);
}

const INT8 = 20;
const TEXT = 25;
const JSONB = 3802;
const NUMERIC = 1700;

/** A capture of one table with a row for each list of values. */
function rows(
  columns: ReadonlyArray<readonly [name: string, typeOid: number]>,
  ...values: ReadonlyArray<readonly string[]>
): Buffer {
  return Buffer.from(
    encodeCapture("walctl", [
      encodeMessage({
        kind: "relation",
        oid: 16_385,
        schema: "public",
        table: "t",
        xid: null,
        replicaIdentity: "default",
        columns: columns.map(([name, typeOid]) => ({
          name,
          key: false,
          typeOid,
          typeModifier: -1,
        })),
      }),
      ...values.map((row) =>
        encodeMessage({
          kind: "insert",
          oid: 16_385,
          xid: null,
          new: row.map((text) => ({ kind: "text", bytes: Buffer.from(text) })),
        }),
      ),
    ]),
  );
}

/** The values of the first column in the rows that are printed. */
async function found(capture: Buffer, where: string, status = 0): Promise<string[]> {
  const result = await walctlInside(["decode-file", "--where", where, "--only", "insert", "-"], {
    stdin: [capture],
  });
  assert.equal(result.status, status, result.stderr);
  return Array.from(result.stdout.matchAll(/"new":\{"[^"]*":([^,}]*)/g), ([, value = ""]) => value);
}

describe("--where", () => {
  const cases: ReadonlyArray<readonly [string, (line: Line) => boolean]> = [
    [`kind == "insert"`, ({ kind }) => kind === "insert"],
    [`kind in ["begin", "commit"]`, ({ kind }) => kind === "begin" || kind === "commit"],
    [`table == "misc"`, ({ table }) => table === "misc"],
    [`table != "misc"`, ({ table }) => table !== "misc"],
    [`new != null && "id" in new`, (line) => line.new?.["id"] !== undefined],
    [`new == null`, (line) => line.new === undefined],
    [`new.id == 1 || kind == "begin"`, (line) => line.new?.["id"] === 1 || line.kind === "begin"],
  ];
  for (const [where, holds] of cases) {
    it(`prints the lines for which it holds: ${where}`, async () => {
      const { status, stdout, stderr } = await decode("--where", where);
      const wanted = LINES.filter((line) => holds(JSON.parse(line) as Line));
      assert.ok(wanted.length > 0 && wanted.length < LINES.length, "it tells lines apart");
      assert.deepEqual(stdout.trimEnd().split("\n"), wanted);
      assert.deepEqual([status, stderr], [0, ""]);
    });
  }

  it("all of several must hold", async () => {
    const { stdout } = await decode("--where", `kind == "insert"`, "--where", `table == "misc"`);
    const wanted = LINES.filter((line) => /"kind":"insert".*"table":"misc"/.test(line));
    assert.equal(stdout, wanted.map((line) => `${line}\n`).join(""));
  });

  it("means the same whatever is printed", async () => {
    const where = ["--where", `kind == "insert" && new.id == 1`];
    const { stdout: json } = await decode(...where);
    const { stdout: text } = await decode(...where, "--values", "text");
    assert.equal(json.split("\n").length, text.split("\n").length);
    const { stdout: summary } = await decode(...where, "--summary", "-F", "ndjson");
    const counts = Array.from(
      summary.matchAll(/^.*relation_summary.*"inserts":(\d+)/gm),
      ([, count]) => Number(count),
    );
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      json.split("\n").length - 1,
    );
  });

  it("knows every key that a line may have", async () => {
    const { stdout } = await walctlInside(["schema"]);
    const { $defs } = JSON.parse(stdout) as {
      $defs: Record<string, { properties?: Record<string, { const?: string }> }>;
    };
    const kinds = new Set(LINES.map((line) => (JSON.parse(line) as Line).kind));
    const { stderr } = await decode("--only", "none");
    const all = /The kinds are (.*)\./.exec(stderr)?.[1]?.split(", ") ?? [];
    assert.ok(all.length >= kinds.size);
    const keys = new Set(all.flatMap((kind) => Object.keys($defs[kind]?.properties ?? {})));
    assert.ok(keys.has("rollback_end_lsn") && keys.has("kind"));
    keys.delete("kind");
    const where = [...keys].map((key) => `(${key} == null || true)`).join(" && ");
    assert.equal(
      (await decode("--where", where)).stdout,
      LINES.map((line) => `${line}\n`).join(""),
    );
  });

  it("--help lists the kinds that the filter knows", async () => {
    const { stderr } = await decode("--only", "none");
    const [, kinds = ""] = /The kinds are (.*)\./.exec(stderr) ?? [];
    for (const command of ["tail", "decode-file"]) {
      const { stdout } = await walctl([command, "--help", "--all"], { env: { COLUMNS: "2000" } });
      assert.ok(stdout.includes(`The kinds: ${kinds}`), stdout);
    }
  });
});

describe("--where and numbers", () => {
  const big = rows(
    [
      ["id", INT8],
      ["n", NUMERIC],
      ["j", JSONB],
    ],
    ["9007199254740992", "12345678901234567.88", '{"v": 9007199254740993}'],
    ["9007199254740993", "12345678901234567.89", '{"v": 0.1}'],
    ["9007199254740994", "0.10", '{"v": 18446744073709551617}'],
  );
  const cases: ReadonlyArray<readonly [string, readonly string[]]> = [
    ["new.id == 9007199254740993", ["9007199254740993"]],
    ["new.id > 9007199254740993", ["9007199254740994"]],
    ["new.id in [9007199254740992, 1]", ["9007199254740992"]],
    [`new.n == decimal("12345678901234567.89")`, ["9007199254740993"]],
    [`new.n < decimal("12345678901234567.89")`, ["9007199254740992", "9007199254740994"]],
    ["new.n > 12345678901234567", ["9007199254740992", "9007199254740993"]],
    ["new.n == 0.1", ["9007199254740994"]],
    ["new.j.v == 9007199254740993", ["9007199254740992"]],
    [`new.j.v > 0.1 && new.id > 9007199254740993`, ["9007199254740994"]],
  ];
  for (const [where, ids] of cases) {
    it(where, async () => assert.deepEqual(await found(big, where), ids));
  }

  it("a literal that would be compared inexactly is refused, with what is exact", async () => {
    const { status, stderr } = await decode("--where", "new.id > 12345678901234567.89");
    assert.equal(status, 2);
    assert.match(stderr, /--where, character 10: a double does not hold 12345678901234567\.89/);
    assert.match(stderr, /HINT: Write decimal\("12345678901234567\.89"\)/);
  });
});

describe("--where and values", () => {
  it("columns are called what they like", async () => {
    const odd = rows(
      [
        ["__proto__", TEXT],
        ["constructor", TEXT],
        ["two words", TEXT],
      ],
      ["a", "b", `c"\\`],
      ["x", "y", "z"],
    );
    const where = `new.__proto__ == "a" && new.constructor == "b" && new["two words"].endsWith("\\\\")`;
    assert.deepEqual(await found(odd, where), ['"a"']);
  });

  it("JSON of any depth", async () => {
    const deep = `${"[".repeat(5000)}1${"]".repeat(5000)}`;
    const capture = rows([["j", JSONB]], [deep], ["[[2]]"]);
    assert.deepEqual(await found(capture, "new.j[0][0] == 2"), ["[[2]]"]);
    const line = readExactLine(`{"a":${deep},"b":"]\\"}","c":1}`, new Set(["b"]));
    assert.deepEqual([...line], [["b", `]"}`]]);
  });
});

describe("mistakes in --where are usage errors that point at the place", () => {
  const cases: ReadonlyArray<readonly [where: string, stderr: RegExp]> = [
    [`stat == 5`, /--where, character 1: no line has a field "stat"\nDETAIL: stat <-- HERE == 5\n/],
    [
      `new.a == 1 && nwe.b == 2`,
      /character 15: no line has a field "nwe"\nDETAIL: new\.a == 1 && nwe <-- HERE \.b/,
    ],
    [`new.a = 5`, /character 7: unexpected character: =\nDETAIL: new\.a = <-- HERE 5/],
    [`new.a ==`, /character 9: it ends too early/],
    [`kind == 3`, /character 1: no such overload: string == int/],
    [`nope(new.a)`, /found no matching overload for 'nope/],
    [
      `kind == "updat"`,
      /character 9: no message is of the kind "updat"\nDETAIL: kind == "updat" <-- HERE\nHINT: Did you mean update\? /,
    ],
    [
      `"ä" == new.a || 'zzzz' != kind`,
      /character 17: no message is of the kind "zzzz"\n.*\nHINT: The/,
    ],
    [
      `kind in ["insert", "deletes"]`,
      /character 20: .* "deletes"\n.*\nHINT: Did you mean delete\? /,
    ],
    [`size(kind)`, /it gives int, not true or false/],
    [
      `new.a.matches("(")`,
      /character 15: invalid regular expression: "\("\nDETAIL: new\.a\.matches\("\(" <-- HERE \)/,
    ],
    [`decimal("abc") == new.a`, /character 9: no decimal number: "abc"/],
    [`commit_time > timestamp("soon")`, /character 25: .*"soon"/],
    [`"ä" == stat`, /character 8: no line has a field/],
  ];
  for (const [where, expected] of cases) {
    it(where, async () => {
      const { status, stdout, stderr } = await decode("--where", where);
      assert.deepEqual([status, stdout], [2, ""]);
      assert.match(stderr, expected);
      assert.equal(stderr.split("\n").filter((line) => line !== "").length, 3, stderr);
    });
  }

  it("an empty one is refused", async () => {
    const { status, stdout, stderr } = await decode("--where", "");
    assert.deepEqual([status, stdout], [2, ""]);
    assert.match(stderr, /^walctl: error: the value of --where is empty\nHINT: .*\n$/);
  });

  it("a pattern's time is linear in the value, whoever wrote that", async () => {
    const capture = rows([["a", TEXT]], [`${"a".repeat(40)}!`], ["aaa"]);
    const args = ["decode-file", "--where", 'new.a.matches("^(a+)+$")', "-"];
    const { status, stdout, stderr } = await walctl(args, { stdin: capture });
    assert.deepEqual([status, stderr], [0, ""]);
    assert.deepEqual(stdout.match(/"a":"[^"]*"/g), ['"a":"aaa"']);
    const mistaken = await walctl(args.with(2, "new.a.matches(5)"), { stdin: capture });
    assert.match(mistaken.stderr, /no (?:such|matching) overload.*matches\(int\)/);
  });

  it("what fails on lines is told once, without values", async () => {
    const capture = rows([["secret", TEXT]], ["hush"], ["hush"]);
    const args = ["decode-file", "--where", "new.secret > 5 || int(new.secret) == 1", "-"];
    const { status, stdout, stderr } = await walctl(args, { stdin: capture });
    assert.deepEqual([status, stdout], [0, ""]);
    assert.match(
      stderr,
      /^walctl: warning: --where fails on a line of kind insert, which is left out: /,
    );
    assert.equal(stderr.match(/warning/g)?.length, 1, stderr);
    assert.doesNotMatch(stderr, /hush/);
  });

  it("a field that no change has is told at the end", async () => {
    const { stderr } = await decode("--where", "new.nope == 1");
    assert.equal(stderr, "walctl: warning: no change had the column new.nope (--where)\n");
    assert.equal((await decode("--where", "new.id == 99")).stderr, "");
  });
});

it("A column's text compared with a time, which would match nothing, is refused with what matches.", async () => {
  for (const where of ['new.ts == timestamp("2026-11-24T10:57:43Z")', "timestamp('x') != old.ts"]) {
    const { status, stderr } = await decode("--where", where);
    assert.equal(status, 2);
    assert.match(stderr, /--where compares (new|old)\.ts, which is text, with a time: .*\nHINT: /);
  }
  assert.equal(
    (await decode("--where", 'timestamp(commit_time) > timestamp("2020-01-01T00:00:00Z")')).status,
    0,
  );
});
