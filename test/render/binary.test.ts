/** Binary values, without a server: what is damaged, and what has no text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { binaryEncoder } from "../../src/render/values/binary-encoder.ts";
import { binaryToText } from "../../src/render/values/binary-to-text.ts";
import { ByteWriter } from "../../src/render/bytes/byte-writer.ts";
import { writeString } from "../../src/render/bytes/json-text.ts";
import { seededRandom } from "../support/tools/random.ts";

const BYTEA = 17;
const INTERVAL = 1186;
const NUMERIC = 1700;
const REGCLASS = 2205;
const JSONB = 3802;

/** Binary forms, by the oid of their type, in hexadecimal digits. */
const WIRES: Readonly<Record<number, string>> = {
  16: "01",
  [BYTEA]: "00ff",
  27: "00000001 0002",
  602: "01 00000001 3ff0000000000000 4000000000000000",
  701: "3ff8000000000000",
  774: "08002b0102030405",
  869: "02 20 00 04 0a000001",
  1007: "00000001 00000000 00000017 00000001 00000001 00000004 00000001",
  1184: "0002f2f2f2f2f2f2",
  [INTERVAL]: "0000000000000001 00000002 fffffffe",
  1266: "00000001f2f2f2f2 00000e10",
  1562: "00000009 aa80",
  [NUMERIC]: "0002 0000 0000 0001 0001 1388",
  2950: "a0eebc999c0b4ef8bb6d6bb9bd380a11",
  3614: "00000001 6100 0001 c001",
  3615: "00000003 02 02 01 00 00 6200 01 00 00 6100",
  [JSONB]: "01 7b7d",
  3906: "12 0000000a 0001 0000 0000 0000 0001",
  4535: "00000001 00000009 12 00000004 00000001",
  5038: "00000001 0000000000000001 0000000000000005 0000000000000003",
};
/** Any number of bytes is a value of these. */
const ENDLESS = new Set([BYTEA, JSONB]);

const types = new TypeRegistry();

test("what cannot be told as text is given as it is", () => {
  // regclass is sent as a number and shown as a name; of other types only their own code knows.
  for (const oid of [REGCLASS, 16_999]) {
    const out = new ByteWriter();
    const bytes = Buffer.from("x\u0000\u0000\u0004\u00d2y", "latin1");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    binaryEncoder(oid, types, writeString)(out, bytes, view, 1, 5);
    assert.equal(Buffer.from(out.take()).toString(), '{"binary_base64":"AAAE0g=="}');
  }
});

test("stored bytes are given as they are, whatever their type: nothing takes them for what is sent", () => {
  const stored = new TypeRegistry("stored");
  for (const oid of [23, REGCLASS, 16_999]) {
    const out = new ByteWriter();
    const bytes = bytesOf("000004d2");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    binaryEncoder(oid, stored, writeString)(out, bytes, view, 0, 4);
    assert.equal(Buffer.from(out.take()).toString(), '{"disk_base64":"AAAE0g=="}');
    assert.equal(binaryToText(oid, stored)(bytes), undefined);
  }
});

test("bytes that are not UTF-8 stay as they came", () => {
  const wire = "00000001 00000000 00000019 00000001 00000001 00000003 ff22c2";
  const array = binaryToText(1009, types)(bytesOf(wire));
  assert.deepEqual(array && Buffer.from(array), Buffer.from('{"\xff\\"\xc2"}', "latin1"));
});

test("a query of 100,000 terms needs no deep stack", () => {
  const [header, or, term] = ["00030d41", "0203", "0100006100"];
  const wire = header + (or + term).repeat(100_000) + term;
  assert.equal(textOf(3615, wire), `${"'a' | ".repeat(100_000)}'a'`);
});

test("damaged values are given as they are and do no harm", () => {
  const random = seededRandom(7);
  for (const [oid, wire] of Object.entries(WIRES)) {
    const toText = binaryToText(Number(oid), types);
    const whole = bytesOf(wire);
    assert.notEqual(toText(whole), undefined, oid);
    if (!ENDLESS.has(Number(oid))) {
      for (let length = 0; length < whole.length; length++) {
        assert.equal(toText(whole.subarray(0, length)), undefined, `${oid} cut to ${length} bytes`);
      }
      assert.equal(toText(Buffer.concat([whole, Buffer.alloc(1)])), undefined, `${oid} and more`);
    }
    for (let round = 0; round < 500; round++) {
      const mutated = Buffer.from(whole);
      mutated[Math.floor(random() * mutated.length)] = Math.floor(random() * 256);
      toText(mutated);
      toText(Buffer.from(whole.map(() => Math.floor(random() * 256))));
    }
  }
});

function bytesOf(wire: string): Buffer {
  return Buffer.from(wire.replaceAll(" ", ""), "hex");
}

function textOf(oid: number, wire: string): string {
  // Somewhere inside of a chunk, as in life.
  const chunk = Buffer.from(`ffff${wire}ffff`, "hex");
  const text = binaryToText(oid, types)(chunk.subarray(2, -2));
  return text === undefined ? "(undefined)" : Buffer.from(text).toString("utf8");
}
