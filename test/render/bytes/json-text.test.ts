import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/render/bytes/byte-writer.ts";
import { writeString } from "../../../src/render/bytes/json-text.ts";

/** What needs an escape, is not ASCII, or stands beside these. */
const SPECIAL = Array.from('\n"\\\u0001\u001f\u007f\u0080\u009f !#[]~ä漢😀', (text) =>
  Buffer.from(text),
);

interface Written {
  readonly text: string;
  readonly large: boolean;
}

function written(value: Buffer, out = new ByteWriter()): Written {
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  writeString(out, value, view, 0, value.length);
  const large = out.kernel !== undefined;
  return { text: Buffer.from(out.take()).toString(), large };
}

test("large values are what JSON.parse reads, whatever is in them and wherever", () => {
  for (const length of [63_000, 70_000, 70_001, 200_063, 262_144]) {
    for (const [index, special] of SPECIAL.entries()) {
      for (const at of [
        0,
        1023,
        1024,
        2047,
        2048,
        5000 + index,
        length - 70,
        length - special.length,
      ]) {
        const value = Buffer.alloc(length, "abcdefghijklmnopqrstuvwxyz");
        special.copy(value, at);
        const { text, large } = written(value);
        assert.equal(large, length > 64 * 1024, "memory that WebAssembly reads");
        assert.equal(JSON.parse(text), value.toString());
        assert.doesNotMatch(text, /\p{Cc}/u, `${special.toString("hex")} at ${at}`);
      }
    }
  }
});

test("a large value that is not UTF-8 is base64, wherever that shows", () => {
  for (const at of [0, 1500, 69_999]) {
    const value = Buffer.alloc(70_000, "x");
    value[at] = 0xff;
    assert.deepEqual(JSON.parse(written(value).text), { bytes_base64: value.toString("base64") });
  }
});

const run = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...SPECIAL) },
  fc
    .constantFrom(1, 15, 16, 17, 63, 64, 65, 900)
    .map((length) => Buffer.alloc(length, "plain text")),
  {
    weight: 2,
    arbitrary: fc.string({ unit: "binary", minLength: 1 }).map((text) => Buffer.from(text)),
  },
);
const stray = fc.oneof(
  fc.constant(""),
  fc.constantFrom("ff", "80", "c3", "c0af", "e0809f", "eda080", "f09f98", "f4908080", "f5808080"),
);

/** Repeated, so that anything comes where one piece ends and the next one starts. */
const value = fc
  .tuple(fc.array(run, { minLength: 1 }), fc.nat({ max: 40_000 }), stray)
  .map(([runs, at, hex]) => {
    const once = Buffer.concat(runs);
    const all = Buffer.alloc(once.length * Math.ceil(70_001 / once.length), once);
    return Buffer.concat([all.subarray(0, at), Buffer.from(hex, "hex"), all.subarray(at)]);
  });

test("the kernel writes large values as JavaScript does", () => {
  // Both are used again and again: what was written before is no part of a value.
  const byKernel = new ByteWriter();
  const byJavaScript = new ByteWriter();
  byJavaScript.reserve(1 << 20);
  byJavaScript.kernel = undefined;
  fc.assert(
    fc.property(value, (bytes) => {
      const { text, large } = written(bytes, byKernel);
      assert.ok(large);
      const expected = written(bytes, byJavaScript);
      assert.ok(!expected.large);
      assert.ok(text === expected.text);
    }),
    { numRuns: 300, seed: 20_261_129, endOnFailure: true },
  );
});
