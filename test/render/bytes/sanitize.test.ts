import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sanitizeLine } from "../../../src/render/bytes/sanitize.ts";

const CASES: readonly (readonly [story: string, text: string, expected: string])[] = [
  [
    "plain text stays",
    "It's 5 o'clock: ünï, 日本語, नमस्ते, 😀",
    "It's 5 o'clock: ünï, 日本語, नमस्ते, 😀",
  ],
  ["line ends stay in the line", "a\nb\r\nc\td", "a\\nb\\r\\nc\\td"],
  ["other separators of lines too", "a\u2028b\u2029c\u0085d", "a\\u2028b\\u2029c\\u0085d"],
  ["an escape sequence is text", "\u001b[2J\u001b]0;owned\u0007", "\\x1b[2J\\x1b]0;owned\\x07"],
  ["its one-byte form too", "\u009b2J", "\\u009b2J"],
  ["NUL and DEL", "\0\u007f", "\\x00\\x7f"],
  ["text does not run backwards", "a\u202egpj.exe\u2066b\u061c", "a\\u202egpj.exe\\u2066b\\u061c"],
  ["what has no width is seen", "a\u200bb\u00adc\ufeffd\u3164", "a\\u200bb\\u00adc\\ufeffd\\u3164"],
  ["nor is a blank none", "a\u2800b\u070fc\uffff", "a\\u2800b\\u070fc\\uffff"],
  ["tags hide no text", "a\u{e0041}", "a\\u{e0041}"],
  ["joined emoji come apart", "👨\u200d👩", "👨\\u200d👩"],
  ["an emoji's selector goes", "❤\ufe0f 1\ufe0f\u20e3", "❤ 1\u20e3"],
  ["any other is seen", "a\ufe0f", "a\\ufe0f"],
  ["half a surrogate pair", "a\ud800", "a\\ud800"],
  ["marks do not pile up", `a${"\u0301".repeat(7)}`, `a${"\u0301".repeat(6)}\\u0301`],
];

for (const [story, text, expected] of CASES) {
  test(`sanitize: ${story}`, () => assert.equal(sanitizeLine(text), expected));
}

test("sanitize: no control character and nothing invisible gets through, whatever the text", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(
        sanitizeLine(text),
        /[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Surrogate}]/u,
      );
    }),
  );
});
