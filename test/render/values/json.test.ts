/** Values of type json and jsonb: embedded as they are where they are JSON, their text where they are not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "./support.ts";

const JSON_TYPE = 114;
const JSONB = 3802;

test("json is embedded as it is, and what is no JSON is a string", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  for (const json of [
    "null",
    "-0",
    "1e400",
    '"\\ud800"',
    "[]",
    "{}",
    '{"a":1,"a":[2,{"b":"é"}]}',
    deep,
    '{"":[true,false,null,-1.5E-7]}',
    `{"${"k".repeat(500)}":"${"v".repeat(500)}"}`,
  ]) {
    assert.equal(encode(JSON_TYPE, json), json);
  }
  assert.equal(encode(JSON_TYPE, '["\u007f\u0085é"]'), '["\\u007f\\u0085é"]');
  assert.equal(encode(JSON_TYPE, `["${"\u0085".repeat(200)}"]`).length, 4 + 200 * 6);
  for (const damaged of [
    "",
    " ",
    "nul",
    "truefalse",
    "01",
    "1.",
    "+1",
    "- 1",
    '"',
    '"\\x"',
    '"\\u12g4"',
    '"a\nb"',
    "[1,]",
    "[,1]",
    "[1 2]",
    "{1:2}",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "[}",
    "{]",
    "]",
    "[1]]",
    "NaN",
    "'a'",
    '{"a":1 "b":2}',
    "[1\u00002]",
    "1,2",
    '{"a":1}{',
    deep.slice(1),
  ]) {
    const printed = encode(JSON_TYPE, damaged);
    assert.equal(printed[0], '"', damaged.slice(0, 20));
    assert.equal(JSON.parse(printed), damaged);
  }
});

/** What JSON.parse says of the text; undefined: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

test("json with any one byte of it replaced, added or cut off is what it says, its text, or base64", () => {
  const bytesOfInterest = Buffer.from(
    "0009 0a0d1f2022 2b2c2d2e2f30313a5b5c5d65 6e7475 7b7d7f 8085 9fa0bfc0c1c2c3e0edf0f4f5ff".replaceAll(
      " ",
      "",
    ),
    "hex",
  );
  for (const text of [
    '{"a": [1.5e-7, -20, true], "u\\u00e9\\n":\n"word, word", "": {"n":null}}',
    '["é\u0085", "ẞ", "😀"]',
  ]) {
    const json = Buffer.from(text);
    for (let at = 0; at <= json.length; at++) {
      for (const byte of bytesOfInterest) {
        const before = Buffer.concat([json.subarray(0, at), Buffer.from([byte])]);
        for (const after of [json.subarray(at), json.subarray(at + 1), Buffer.of()]) {
          assertJsonValue(Buffer.concat([before, after]));
        }
      }
    }
  }
});

function assertJsonValue(bytes: Buffer): void {
  const text = bytes.toString();
  const printed = encode(JSONB, bytes);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(printed, /[\u0000-\u001f\u007f-\u009f]/);
  if (Buffer.compare(Buffer.from(text), bytes) !== 0) {
    assert.equal(printed, `{"bytes_base64":"${bytes.toString("base64")}"}`);
  } else {
    const value = parsed(text);
    assert.deepEqual(JSON.parse(printed), value === undefined ? text : value);
  }
}
