import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { textWidth } from "../../../src/render/terminal/text-width.ts";
import type { ColumnValue } from "../../../src/postgres/messages/tuple.ts";
import { drawPair } from "../../../src/render/cells/difference.ts";
import { valueLines } from "../../../src/render/cells/lines.ts";
import type { Kind } from "../../../src/render/cells/kinds.ts";
import { drawValue } from "../../../src/render/cells/value.ts";
import { createPalette } from "../../../src/render/terminal/painted.ts";

const WIDTH = 200;
const PALETTE = createPalette({ color: false });

const valueOf = (bytes: Uint8Array | string): ColumnValue => ({
  kind: "text",
  bytes: Buffer.from(bytes),
});
const onOneLine = (value: ColumnValue, width = WIDTH): string =>
  drawValue(value, width, "text", PALETTE).text;
const onLines = (value: ColumnValue): string => {
  const limits = { width: WIDTH, valueWidthMax: Number.POSITIVE_INFINITY };
  return valueLines(value, limits, false, PALETTE)
    .lines.map(({ text }) => text)
    .join("\n");
};

const pair = (before: string, after: string, width: number, valueMax = Infinity): string => {
  const options = { width, valueMax, kind: "text", arrow: { text: " → ", width: 3 } } as const;
  return drawPair(valueOf(before), valueOf(after), options, PALETTE).text;
};

/** What escapes are made of, and what is escaped; 0xff is no UTF-8. */
const BYTES = [..."\\xf01t'\n\t\u0001".split("").map((one) => one.charCodeAt(0)), 0xff];

function* upTo(length: number): Generator<readonly number[]> {
  yield [];
  if (length === 0) return;
  for (const start of upTo(length - 1)) {
    if (start.length === length - 1) for (const byte of BYTES) yield [...start, byte];
    else if (start.length > 0) yield start;
  }
}

describe("a value's escapes", () => {
  for (const [form, draw] of [
    ["in a table", onOneLine],
    ["expanded", onLines],
  ] as const) {
    it(`${form}: no two values look the same`, () => {
      const seen = new Map<string, string>();
      const long = [
        "\\x010",
        "\u00010",
        "\\u200d",
        "\u200d",
        "a\\u{e0041}",
        "a\u{e0041}",
        "E'\\n'",
      ];
      // U+0085, and the byte of it alone.
      const others = [[0xc2, 0x85], [0x85]];
      for (const bytes of [...upTo(4), ...long.map((text) => [...Buffer.from(text)]), ...others]) {
        const hex = Buffer.from(bytes).toString("hex");
        const drawn = draw(valueOf(Uint8Array.from(bytes)));
        assert.equal(seen.get(drawn) ?? hex, hex, drawn);
        seen.set(drawn, hex);
      }
    });

    it(`${form}: escapes stand in E'…', where a backslash of its own is doubled`, () => {
      const drawn = ["a\tb", "a\\tb", "\\x00ff", "\u0001ff", "C:\\it's\t"]
        .map(valueOf)
        .map((one) => draw(one));
      const shown = [
        String.raw`E'a\tb'`,
        String.raw`'a\tb'`,
        String.raw`\x00ff`,
        String.raw`E'\x01ff'`,
        String.raw`E'C:\\it''s\t'`,
      ];
      assert.deepEqual(drawn, shown);
    });
  }

  it("in a difference, which may begin behind the first half of one", () => {
    const [common, end] = ["c".repeat(30), "e".repeat(60)];
    const difference = (before: string, after: string): readonly string[] =>
      pair(before, after, 55).split(" → ");
    const from = `${common}\\tabcde1${end}`;
    assert.deepEqual(difference(from, `${common}\\tabcde2${end}`), [
      "…'tabcde1eeeeeeeeee'… 98 B",
      "…'tabcde2eeeeeeeeee'… 98 B",
    ]);
    assert.deepEqual(difference(from, `${common}\tabcde2${end}`), [
      String.raw`…'cccccc\tabcde1eee'… 98 B`,
      String.raw`…E'cccccc\tabcde2ee'… 97 B`,
    ]);
  });

  it("are never cut in two", () => {
    for (let width = 1; width < 30; width++) {
      const drawn = onOneLine(valueOf("'\u0001\u200d\\\t".repeat(20)), width);
      assert.ok(textWidth(drawn) <= width, drawn);
      const inside = drawn.replace(/….*$/, "").replace(/^E'/, "").replace(/'$/, "");
      assert.match(inside, /^(?:''|\\x01|\\u200d|\\\\|\\t)*$/, drawn);
    }
  });
});

describe("a value that is cut", () => {
  const cases: ReadonlyArray<readonly [value: string, width: number, shown: string]> = [
    ["x".repeat(1000), 20, "xxxxxxxxxxxx… 1.0 kB"],
    ["x".repeat(1_300_000), 20, "xxxxxxxxxxxx… 1.2 MB"],
    ["it's ".repeat(20), 20, "'it''s it''s'… 100 B"],
    ["é".repeat(20), 13, "ééééééé… 40 B"],
    ["x".repeat(100), 4, "xxx…"],
  ];
  for (const [value, width, shown] of cases) {
    it(`tells its size: ${shown}`, () => assert.equal(onOneLine(valueOf(value), width), shown));
  }
});

describe("a value that is not text", () => {
  it("is hexadecimal digits, on lines of their own too", () => {
    const value: ColumnValue = { kind: "binary", bytes: Buffer.from([1, 0xff]) };
    assert.equal(onOneLine(value), "\\x01ff");
    assert.equal(onLines(value), "\\x01ff");
  });
});

describe("a scalar that does not fit", () => {
  const drawn = (text: string, kind: Kind, width: number): string =>
    drawValue(valueOf(text), width, kind, PALETTE).text;
  const TIME = "2026-12-02 09:24:32.552903+00";
  const UUID = "44e71bd8-b9d8-454c-90ae-4c0115b02175";
  const CASES: ReadonlyArray<readonly [text: string, kind: Kind, width: number, shown: string]> = [
    [TIME, "moment", 29, TIME],
    [TIME, "moment", 28, "2026-12-02 09:24:32…"],
    [TIME, "moment", 20, "2026-12-02 09:24:32…"],
    [TIME, "moment", 19, "2026-12-02…"],
    ["09:24:32.552903+00", "moment", 17, "09:24:32…"],
    [TIME, "moment", 8, "…"],
    ["infinity", "moment", 7, "…"],
    [UUID, "uuid", 35, "44e71bd8-b9d8-454c-90ae-4c0115b021…"],
    [UUID, "uuid", 9, "44e71bd8…"],
    [UUID, "uuid", 8, "…"],
    ["1234567.50", "number", 10, "1234567.50"],
    ["1234567.50", "number", 9, "…"],
    ["9".repeat(60), "number", 30, `${"9".repeat(29)}…`],
    ["true", "number", 3, "…"],
  ];
  for (const [text, kind, width, shown] of CASES) {
    it(`${text} is ${shown} in ${width} columns: no other value, and no size`, () => {
      assert.equal(drawn(text, kind, width), shown);
    });
  }

  it("still differs from the value before it", () => {
    const options = {
      width: 40,
      valueMax: 40,
      kind: "moment",
      arrow: { text: " → ", width: 3 },
    } as const;
    const other = TIME.replace("552903", "552904");
    const { text } = drawPair(valueOf(TIME), valueOf(other), options, PALETTE);
    const [before, after] = text.split(" → ");
    assert.notEqual(before, after);
    assert.doesNotMatch(text, / B\b/);
  });
});
