import assert from "node:assert/strict";
import { test } from "node:test";
import {
  findRowFilterFault,
  withoutOuterParentheses,
} from "../../../src/server/publication/row-filter.ts";

const KEPT: readonly string[] = [
  "a > 1",
  "(a > 1) and (b < 2)",
  "name = ')'",
  "name = 'it''s ;)'",
  `"odd ) name" = 1`,
  `"a""b)" = 1`,
  String.raw`name = E'\'); DROP TABLE x; --'`,
  String.raw`name = '\' and a > 1`,
  "name = $$);$$",
  "name = $q$ $$ ) $q$",
  "name = $q$ $x$q$",
  "a$b$c > (1)",
  "a > 1 -- why)\n and b",
  "a > 1 /* ) /* ( */ ; */",
  "a - -1 > 0",
  "a / 2 > 0",
  "été > 1",
  "a > $1",
];

const CLOSES = "it closes a parenthesis that it has not opened";
const OPEN = "a parenthesis in it is not closed";
const QUOTE = "a quote or comment in it is not closed";
const SEMICOLON = "a semicolon cannot be part of it";

const REFUSED: ReadonlyArray<readonly [expression: string, fault: string]> = [
  ["true); DROP TABLE x; --", CLOSES],
  ["a) OR (b", CLOSES],
  ["(a", OPEN],
  ["a; b", SEMICOLON],
  ["a = 'x", QUOTE],
  [`"a = 1`, QUOTE],
  ["a = $$x", QUOTE],
  ["a = $q$x$$", QUOTE],
  // The closing parenthesis would be part of the comment.
  ["a > 1 -- x", QUOTE],
  ["a > 1 /* x", QUOTE],
  ["a > 1 /* /* */", QUOTE],
  ["a + -- )", QUOTE],
  // For the server \' goes on in the continued string, which so ends elsewhere than it seems.
  [String.raw`a = E'x'` + "\n" + String.raw`'\' ' ); DROP TABLE x; --'`, QUOTE],
  [String.raw`a = E'x' -- y` + "\n" + String.raw`'\' ' ); DROP TABLE x; --'`, QUOTE],
  // An identifier before a dollar sign takes it, a number does not.
  ["a$q$ ) $q$", CLOSES],
];

test("a row filter may hold anything that stays between its parentheses", () => {
  for (const expression of KEPT) {
    assert.equal(findRowFilterFault(expression), undefined, expression);
  }
});

test("a row filter that would get out of its parentheses is refused", () => {
  for (const [expression, fault] of REFUSED) {
    assert.equal(findRowFilterFault(expression), fault, expression);
  }
});

test("parentheses around the whole of a row filter are taken off, others are not", () => {
  const table: ReadonlyArray<readonly [string, string]> = [
    ["(a > 1)", "a > 1"],
    ["  ( a > 1 )", "a > 1 "],
    ["(a) OR (b)", "(a) OR (b)"],
    ["()", "()"],
    ["(a = ')')", "a = ')'"],
    // The line break ends the comment: without it the closing parenthesis would be in it.
    ["(a -- x\n)", "a -- x\n"],
  ];
  for (const [given, kept] of table) assert.equal(withoutOuterParentheses(given), kept, given);
});
