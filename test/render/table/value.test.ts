import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ColumnValue } from "../../../src/pgoutput/tuple.ts";
import { formatDifference } from "../../../src/render/table/difference.ts";
import { valueLines } from "../../../src/render/table/lines.ts";
import { formatValue } from "../../../src/render/table/value.ts";

const WIDTH = 200;

const valueOf = (bytes: Uint8Array | string): ColumnValue => ({
  kind: "text",
  bytes: Buffer.from(bytes),
});
const onOneLine = (value: ColumnValue): string => formatValue(value, WIDTH, false);
const onLines = (value: ColumnValue): string =>
  valueLines(value, { width: WIDTH, valueWidthMax: Number.POSITIVE_INFINITY }, false).join("\n");

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
      const long = ["\\x010", "\u00010", "\\u200d", "\u200d", "a\\u{e0041}", "a\u{e0041}"];
      for (const bytes of [...upTo(4), ...long.map((text) => [...Buffer.from(text)])]) {
        const hex = Buffer.from(bytes).toString("hex");
        const drawn = draw(valueOf(Uint8Array.from(bytes)));
        assert.equal(seen.get(drawn) ?? hex, hex, drawn);
        seen.set(drawn, hex);
      }
    });

    it(`${form}: with a backslash of its own it is quoted`, () => {
      const drawn = ["a\tb", "a\\tb", "\\x00ff", "\u0001ff", "C:\\it's"].map(valueOf).map(draw);
      assert.deepEqual(drawn, ["a\\tb", "'a\\\\tb'", "\\x00ff", "'\\x01ff'", "'C:\\\\it''s'"]);
    });
  }

  it("in a difference, which may begin behind the first half of one", () => {
    const [common, end] = ["c".repeat(30), "e".repeat(60)];
    const from = valueOf(`${common}\\tabcde1${end}`);
    const to = valueOf(`${common}\tabcde2${end}`);
    assert.deepEqual(formatDifference(from, valueOf(`${common}\\tabcde2${end}`), 20, false), [
      "…'tabcde1eeeeeeeee'…",
      "…'tabcde2eeeeeeeee'…",
    ]);
    assert.deepEqual(formatDifference(from, to, 20, false), [
      "…'cccccc\\\\tabcde1e'…",
      "…'cccccc\\tabcde2ee'…",
    ]);
  });
});
