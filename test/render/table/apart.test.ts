/** Two different values never look the same: old and new of an update, in any width, and rows of their own. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { TypeRegistry } from "../../../src/postgres/messages/type-registry.ts";
import { TableRenderer } from "../../../src/render/table/table.ts";
import { type TableView, WHOLE_VIEW } from "../../../src/render/table/view.ts";
import { updateStream } from "../../support/program/shop-stream.ts";
import { assertFits } from "../../support/program/tables.ts";

const [TEXT, JSON, JSONB] = [25, 114, 3802];
const LONG = "x".repeat(3000);

function update(
  before: string,
  after: string,
  typeOid: number,
  width: number,
  view: Partial<TableView> = {},
): string {
  const options = {
    look: { color: false },
    view: { ...WHOLE_VIEW, ...view },
    types: new TypeRegistry(),
  };
  const renderer = new TableRenderer({ ...options, width: () => width });
  for (const message of updateStream(before, after, typeOid)) renderer.render(message);
  renderer.finish();
  const text = new TextDecoder().decode(renderer.take());
  assertFits(text, width);
  return text;
}

/** The two values, or what stands in their place. */
function sides(text: string): readonly string[] {
  const lines = text
    .split("\n")
    .map((line) => line.replace(/^[└│]? +(?:│ {1,3})?(?:~ value +│ (?:value\.a=)?)?/, ""));
  const [, all = ""] =
    /(?:value(?:\.a)?=|~ value +│ |id +[│┃] 1)([^]*)$/.exec(lines.join("")) ?? [];
  return all.split(/ ?→ /).map((side) => side.replace(/ ?\d+(?:\.\d)? k?B$/, ""));
}

/** What tells a person that it is another one: no quotes, no mark of a cut. */
function seen(side: string): string {
  const inside = side
    .normalize("NFKC")
    .replace(/(?:…|\.\.\.)$/, "")
    .replace(/^…?(E?)'(.*?)'?$/s, "$1$2");
  return inside.includes("\\") ? inside : inside.replace(/^E/, "");
}

interface Case {
  readonly what: string;
  readonly before: string;
  readonly after: string;
  readonly type?: number;
  readonly width?: number;
  readonly view?: Partial<TableView>;
  readonly shown: readonly string[];
}

const CASES: readonly Case[] = [
  {
    what: "JSON, far into a string",
    before: `{"a":"${LONG}1"}`,
    after: `{"a":"${LONG}2"}`,
    type: JSONB,
    shown: [`…'xxxxxx1"'`, `…'xxxxxx2"'`],
  },
  {
    what: "JSON, far into a string, expanded",
    before: `{"a":"${LONG}1"}`,
    after: `{"a":"${LONG}2"}`,
    type: JSONB,
    view: { expanded: true },
    shown: [`…'xxxxxx1"'`, `…'xxxxxx2"'`],
  },
  {
    what: "JSON, cut to five columns",
    before: `{"a":"${LONG}1"}`,
    after: `{"a":"${LONG}2"}`,
    type: JSONB,
    view: { valueWidthMax: 5 },
    shown: [`…'1"'`, `…'2"'`],
  },
  {
    what: "a text, cut to five columns before it differs",
    before: "abcde1",
    after: "abcde2",
    view: { valueWidthMax: 5 },
    shown: ["…'1'", "…'2'"],
  },
  {
    what: "a text, in 40 columns",
    before: `${LONG}A${LONG}`,
    after: `${LONG}B${LONG}`,
    width: 40,
    shown: ["…'xxxxxxAxxx'…", "…'xxxxxxBxxxx'…"],
  },
  {
    what: "a space and U+00A0",
    before: "a b",
    after: "a\u00a0b",
    shown: ["a b", String.raw`E'a\u00a0b'`],
  },
  {
    what: "a space and U+00A0, cut to five columns",
    before: "a b",
    after: "a\u00a0b",
    view: { valueWidthMax: 5 },
    shown: ["a b", String.raw`E'a\u00a0b'`],
  },
  {
    what: "U+00A0 within JSON",
    before: '{"a":"x y"}',
    after: '{"a":"x\u00a0y"}',
    type: JSONB,
    shown: ['"x y"', String.raw`E'"x\u00a0y"'`],
  },
  {
    what: "the normal forms of é within JSON",
    before: '{"a":"\u00e9"}',
    after: '{"a":"e\u0301"}',
    type: JSONB,
    shown: ['"é"', String.raw`E'"e\u0301"'`],
  },
  {
    what: "an escape of JSON and the character",
    before: '{"a":"\\u00a0"}',
    after: '{"a":"\u00a0"}',
    type: JSON,
    shown: [String.raw`"\u00a0"`, String.raw`E'"\u00a0"'`],
  },
  {
    what: "white space in JSON of several lines",
    before: '{"a": 1}',
    after: '{"a":\n1}',
    type: JSON,
    shown: ['{"a": 1}', String.raw`E'{"a":\n1}'`],
  },
  {
    what: "a Cyrillic letter",
    before: "paypal",
    after: "p\u0430ypal",
    shown: ["paypal", String.raw`E'p\u0430ypal'`],
  },
  {
    what: "an emoji's selector",
    before: "❤",
    after: "❤\ufe0f",
    shown: [String.raw`E'\u2764'`, String.raw`E'\u2764\ufe0f'`],
  },
  {
    what: "a long text, expanded: from shortly before the place",
    before: LONG + "A",
    after: LONG + "B",
    view: { expanded: true },
    shown: [`…'${"x".repeat(40)}A'`, `…'${"x".repeat(40)}B'`],
  },
  {
    what: "a long JSON of which the white space differs, expanded",
    before: `{"a": "${"x".repeat(90)}", "b": 1}`,
    after: `{"a": "${"x".repeat(90)}",\n"b": 1}`,
    type: JSON,
    view: { expanded: true },
    shown: [
      `{"a": "${"x".repeat(90)}", "b": 1}`,
      String.raw`E'{"a": "${"x".repeat(90)}",\n"b": 1}'`,
    ],
  },
  {
    what: "a space that only the end of a line shows",
    before: "ccce\u0301x",
    after: "ccc e\u0301",
    width: 20,
    view: { expanded: true, valueWidthMax: 5 },
    shown: ["…"],
  },
  {
    what: "a space that only the start of a line shows",
    before: "e\u0301 ",
    after: "e\u0301",
    width: 20,
    view: { expanded: true },
    shown: ["…' '", "…''"],
  },
  {
    what: "a doubled quote behind the opening one: it is not cut in two",
    before: " 'x",
    after: " ",
    width: 20,
    view: { expanded: true, valueWidthMax: 4 },
    shown: ["' ''x'", "' '"],
  },
];

describe("an update of which old and new are alike", () => {
  for (const { what, before, after, type = TEXT, width = 80, view, shown } of CASES) {
    it(what, () => {
      assert.deepEqual(sides(update(before, after, type, width, view)), shown);
    });
  }

  for (const [plain, like] of [
    ["xcy", "x\u03f2y"],
    ["home", "h\u0585me"],
    ["a/b", "a\u2215b"],
    ["10:30", "10\u058930"],
    ["pal", "pa\u04cf"],
  ] as const) {
    it(`marks ${like} beside ${plain}`, () => {
      const [, shown = ""] = sides(update(plain, like, TEXT, 80));
      assert.match(shown, /^E'.*\\u[\da-f]{4}/);
    });
  }

  it("says that there is a change where there is no room to show it", () => {
    assert.match(update("paypal", "p\u0430ypal", TEXT, 20), /value=\(changed\)|~ value +│ \(chan/);
  });

  it("shows two values that differ, or says so, in every width and view", () => {
    const part = fc.constantFrom("x", " ", "\u00a0", "é", "e\u0301", "\t", "\\t", "'", '"', "а");
    const middle = fc.array(part, { minLength: 1, maxLength: 4 });
    const size = fc.constantFrom(0, 3, 30, 700);
    fc.assert(
      fc.property(
        size,
        middle,
        middle,
        size,
        fc.integer({ min: 20, max: 120 }),
        fc.option(fc.integer({ min: 1, max: 30 })),
        fc.boolean(),
        (common, one, other, rest, width, max, expanded) => {
          const [before, after] = [one, other].map(
            (text) => `${"c".repeat(common)}${text.join("")}${"r".repeat(rest)}`,
          );
          if (before === undefined || after === undefined || before === after) return;
          const view = { expanded, valueWidthMax: max ?? undefined };
          const text = update(before, after, TEXT, width, view);
          const [old = "", now = ""] = sides(text);
          if (/\(changed\)|…$/.test(old) && now === "") return;
          assert.notEqual(seen(old), seen(now), text);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("values in rows of their own", () => {
  const PAIRS: ReadonlyArray<readonly [string, string]> = [
    ["it's a", "it's\u00a0a"],
    ["a\u2003b", "a\u3000b"],
    ["café", "cafe\u0301"],
    ["가", "\u1100\u1161"],
    ["Ω", "\u2126"],
  ];
  for (const [one, other] of PAIRS) {
    it(`${one}: white space and normal forms are escaped`, () => {
      for (const expanded of [false, true]) {
        const drawn = [one, other].map((value) => {
          const text = update("", value, TEXT, 80, { expanded });
          return sides(text).at(-1) ?? "";
        });
        assert.match(drawn.join(), /\\u[\da-f]{4}/);
        assert.notEqual(seen(drawn[0] ?? ""), seen(drawn[1] ?? ""));
      }
    });
  }
});
