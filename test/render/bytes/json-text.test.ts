import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "../../../src/render/bytes/byte-writer.ts";
import { writeString } from "../../../src/render/bytes/json-text.ts";

/** What needs an escape, is not ASCII, or stands beside these. */
const SPECIAL = Array.from('\n"\\\u0001\u001f\u007f\u0080\u009f !#[]~ä漢😀', (text) =>
  Buffer.from(text),
);

function written(value: Buffer): { readonly text: string; readonly large: boolean } {
  const out = new ByteWriter();
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  writeString(out, value, view, 0, value.length);
  const large = out.plainEnd !== undefined;
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
