import assert from "node:assert/strict";
import { deflateRawSync } from "node:zlib";
import { describe, it } from "node:test";
import { CAPTURE_FORMATS } from "../../src/capture/formats/capture-reader.ts";
import { NotACapture } from "../../src/capture/sniffing-reader.ts";
import { sniff } from "../../src/capture/sniff.ts";
import { cut, decodeChunks, encodeCapture, messagesOf } from "../support/wire/captures.ts";
import { fixture } from "../support/golden/golden.ts";

const messages = messagesOf(fixture("fixtures/captures/pg18-misc-p1.recvlogical"));

describe("the format is told from the first bytes", () => {
  for (const format of CAPTURE_FORMATS) {
    it(format, () => {
      const bytes = encodeCapture(format, messages.slice(0, 8));
      assert.deepEqual(sniff(bytes, false), { kind: "capture", format });
      const outcome = decodeChunks("auto", cut(bytes, "bytewise"));
      assert.deepEqual(outcome, decodeChunks(format, [bytes]));
      assert.equal(outcome.messages.length, 8);
    });
  }

  it("needs no more than the first message and the byte behind it", () => {
    const first = messages[0]?.length ?? 0;
    for (const format of ["recvlogical", "raw"] as const) {
      const bytes = encodeCapture(format, messages.slice(0, 2));
      assert.equal(sniff(bytes.subarray(0, first), false).kind, "undecided");
      assert.deepEqual(sniff(bytes.subarray(0, first + 2), false), { kind: "capture", format });
    }
  });

  it("tells what is damaged or cut in its first message from a message", () => {
    const bytes = encodeCapture("recvlogical", messages.slice(1, 2)).slice(0, 20);
    assert.deepEqual(sniff(bytes, true), { kind: "capture", format: "recvlogical" });
  });

  it("an empty capture is one", () => {
    assert.deepEqual(decodeChunks("auto", []).messages, []);
  });
});

/** The first page of a segment, as PostgreSQL 18 writes it on x86: XLogLongPageHeaderData and a record. */
function walPage(magic: number): Uint8Array {
  const page = Buffer.alloc(8192);
  page.writeUInt16LE(magic, 0);
  page.writeUInt16LE(2, 2);
  page.writeUInt32LE(1, 4);
  page.writeBigUInt64LE(0x1000000n, 8);
  page.writeBigUInt64LE(7_381_204_930_112_233_445n, 24);
  page.writeUInt32LE(16_777_216, 32);
  page.writeUInt32LE(8192, 36);
  return page;
}

const FOREIGN: readonly (readonly [story: string, bytes: Uint8Array | string, what: RegExp])[] = [
  ["a segment of PostgreSQL 18", walPage(0xd118), /physical write-ahead log/],
  ["a segment of PostgreSQL 11", walPage(0xd098), /physical write-ahead log/],
  ["bzip2", Uint8Array.from(Buffer.from("BZh91AY&SY\u0001\u0002", "latin1")), /bzip2/],
  ["a dump", Uint8Array.of(...Buffer.from("PGDMP"), 1, 15, 0), /pg_dump/],
  ["NDJSON", '{"kind":"begin","lsn":null}\n', /JSON/],
  ["JSON with an indent", '[\n  {"change": []}\n]\n', /JSON/],
  ["SQL", "BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n", /text/],
  ["test_decoding's lines", "BEGIN 740\ntable public.t: INSERT: id[integer]:1\n", /text/],
  ["a line of text without a line feed", "hello", /text/],
  ["noise", deflateRawSync("noise, compressed, and not known"), /no|not/],
];

describe("what is no capture is named", () => {
  for (const [story, bytes, what] of FOREIGN) {
    it(story, () => {
      for (const how of ["whole", "bytewise"] as const) {
        assert.throws(
          () => decodeChunks("auto", cut(Buffer.from(bytes), how)),
          (error: unknown) =>
            error instanceof NotACapture && what.test(error.message) && error.foreign.hint !== "",
        );
      }
    });
  }
});
