import assert from "node:assert/strict";
import { test } from "node:test";
import { cutToWidth, startWithin, textWidth } from "../../../src/render/terminal/text-width.ts";

/** As tmux 3.5 counts them, asked where its cursor stands behind each. */
const WIDTHS: readonly (readonly [text: string, width: number])[] = [
  ["", 0],
  ["plain", 5],
  ["…→─│", 4],
  ["日本語", 6],
  ["한", 2],
  ["\u1112\u1161", 2],
  ["か\u3099", 2],
  ["ｱ", 1],
  ["ＡＢ", 4],
  ["e\u0301", 1],
  ["नमस्ते", 4],
  ["ไทยก็", 4],
  ["😀", 2],
  ["🫠🛜", 4],
  ["👍🏽", 2],
  ["🏽", 2],
  ["🇩🇪", 2],
  ["🇩🇪🇫🇷", 4],
  ["⚡☺✔", 4],
  ["〈〿", 3],
];

for (const [text, width] of WIDTHS) {
  test(`width: "${text}" is ${width} wide`, () => assert.equal(textWidth(text), width));
}

const CUTS: readonly (readonly [text: string, width: number, expected: string])[] = [
  ["abcdef", 6, "abcdef"],
  ["abcdef", 5, "abcd…"],
  ["日本語", 6, "日本語"],
  // The third does not fit and the second leaves no room for the mark.
  ["日本語", 5, "日本…"],
  ["日本語", 4, "日…"],
  ["e\u0301e\u0301e\u0301", 2, "e\u0301…"],
  ["👍🏽👍🏽", 3, "👍🏽…"],
  ["🇩🇪🇫🇷", 3, "🇩🇪…"],
];

for (const [text, width, expected] of CUTS) {
  test(`width: "${text}" cut to ${width}`, () =>
    assert.equal(cutToWidth(text, width, "…"), expected));
}

test("width: a start never has half a character", () => {
  assert.equal(startWithin("a日", 2), "a");
  assert.equal(startWithin("abc", 0), "");
});
