import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CaptureFormat } from "../../src/capture/formats/capture-reader.ts";
import { SniffingReader } from "../../src/capture/sniffing-reader.ts";
import { Pipeline } from "../../src/messages/pipeline/pipeline.ts";
import { TypeRegistry } from "../../src/postgres/messages/type-registry.ts";
import { NdjsonRenderer } from "../../src/render/ndjson/ndjson.ts";
import {
  cut,
  decodeChunks,
  encodeCapture,
  finish,
  messagesOf,
  seeded,
} from "../support/wire/captures.ts";
import { fixture, matchGolden } from "../support/golden/golden.ts";

/** What decode-file prints, without the program around it. */
function ndjsonOf(chunks: Iterable<Uint8Array>): string {
  const types = new TypeRegistry();
  const lines: Buffer[] = [];
  const pipeline = new Pipeline({
    typeWatch: undefined,
    capture: undefined,
    journal: undefined,
    types,
    accepts: () => true,
    renderer: new NdjsonRenderer({ types, values: "json", safeNumbers: false }),
    sink: { write: (bytes) => void lines.push(Buffer.from(bytes)), sync: () => undefined },
    warn: ({ message }) => assert.fail(message),
  });
  const reader = new SniffingReader({
    keepGoing: false,
    listener: {
      message: (message) => pipeline.message(message),
      skipped: () => assert.fail("skipped"),
      metadata: () => {},
    },
  });
  for (const chunk of chunks) {
    const buffer = Uint8Array.from(chunk);
    finish(reader.push(buffer));
    void pipeline.flush();
    buffer.fill(0xee);
  }
  finish(reader.end());
  void pipeline.flush();
  return Buffer.concat(lines).toString("utf8");
}

/** The capture, and whose lines it gives: the same changes, printed by the server in many forms. */
const CAPTURES: readonly (readonly [capture: string, lines: string])[] = [
  ["pg15-misc-p1.recvlogical", "pg15-misc-p1"],
  ["pg15-misc-p1-binary.recvlogical", "pg15-misc-p1-binary"],
  ["pg15-twophase-p3.recvlogical", "pg15-twophase-p3"],
  ["pg17-misc-p1-origin-none.recvlogical", "pg17-misc-p1-origin-none"],
  ["pg18-misc-p1.recvlogical", "pg18-misc-p1"],
  ["pg18-misc-p1-binary.recvlogical", "pg18-misc-p1-binary"],
  ["pg18-misc-p1.walctl", "pg18-misc-p1-lsn"],
  ["pg18-stream-abort-p2.recvlogical", "pg18-stream-abort-p2"],
  ["pg18-stream-parallel-p4.recvlogical", "pg18-stream-parallel-p4"],
  ["pg18-twophase-p3-stream.recvlogical", "pg18-twophase-p3-stream"],
  ["pg19-types-p1.recvlogical", "pg19-types-p1"],
  ["pg19-types-p1-binary.recvlogical", "pg19-types-p1-binary"],
  ["pg18-orders.hex", "pg18-orders"],
  ["pg18-orders-aligned.hex", "pg18-orders"],
  ["pg18-orders-unaligned.hex", "pg18-orders"],
  ["pg18-orders-escape.hex", "pg18-orders"],
  ["pg18-orders.copy-text", "pg18-orders"],
  ["pg18-orders-header.copy-text", "pg18-orders"],
  ["pg18-orders-escape.copy-text", "pg18-orders"],
  ["pg18-orders.copy-csv", "pg18-orders"],
  ["pg18-orders-quoted.copy-csv", "pg18-orders"],
  ["pg18-orders-escape.copy-csv", "pg18-orders"],
  ["pg18-orders.copy-binary", "pg18-orders"],
  ["pg18-orders-data.hex", "pg18-orders-data"],
  ["pg18-orders-data-escape.copy-text", "pg18-orders-data"],
  ["pg18-orders-data.copy-binary", "pg18-orders-data"],
];

const BYTEWISE = 50_000;

describe("captures of real servers", () => {
  for (const [capture, lines] of CAPTURES) {
    it(capture, () => {
      const bytes = fixture(`fixtures/captures/${capture}`);
      const whole = ndjsonOf(cut(bytes, "whole"));
      matchGolden(`fixtures/captures/${lines}.ndjson`, whole);
      assert.equal(ndjsonOf(cut(bytes, seeded(1))), whole);
      // All of a large one would take seconds.
      const bytewise = [...cut(bytes.subarray(0, BYTEWISE), "bytewise"), bytes.subarray(BYTEWISE)];
      assert.equal(ndjsonOf(bytewise), whole);
    });
  }

  it("what was sent in binary has the same messages as what was sent as text", () => {
    for (const name of ["pg15-misc-p1", "pg18-misc-p1"]) {
      const [binary, text] = [`${name}-binary`, name].map((base) =>
        decodeChunks("auto", [fixture(`fixtures/captures/${base}.recvlogical`)]),
      );
      const kinds = text?.messages.map(({ kind }) => kind);
      assert.equal(binary?.fault, null);
      assert.deepEqual(
        binary?.messages.map(({ kind }) => kind),
        kinds,
      );
    }
  });

  it("the walctl capture holds what pg_recvlogical received", () => {
    const [walctl, recvlogical] = ["pg18-misc-p1.walctl", "pg18-misc-p1.recvlogical"].map(
      (name) => decodeChunks("auto", [fixture(`fixtures/captures/${name}`)]).messages,
    );
    assert.deepEqual(walctl, recvlogical);
  });
});

describe("a capture whose front was cut off", () => {
  const messages = messagesOf(fixture("fixtures/captures/pg18-stream-parallel-p4.recvlogical"));
  const whole = decodeChunks("raw", [encodeCapture("raw", messages)]).messages;
  /** Before each message: whether it is one of a stream block. */
  const streaming = messages.map(
    (_, at) =>
      whole.slice(0, at).findLast((m) => m.kind.startsWith("stream_st"))?.kind === "stream_start",
  );

  for (const format of ["recvlogical", "raw", "walctl", "hex"] satisfies CaptureFormat[]) {
    it(`inside a stream block or not, ${format} tells from its bytes`, () => {
      for (let at = 0; at < messages.length; at += at > 550 && at < 640 ? 1 : 50) {
        const rest = encodeCapture(format, messages.slice(at, at + 60));
        const options = { streaming: streaming[at] ?? false };
        for (const how of ["whole", seeded(at)] as const) {
          const outcome = decodeChunks(format, cut(rest, how), options);
          assert.equal(outcome.fault, null, `at message ${at}`);
          assert.deepEqual(outcome.messages, whole.slice(at, at + 60), `at message ${at}`);
        }
      }
    });
  }

  it("inside a stream block's last row is enough", () => {
    const last = streaming.lastIndexOf(true) - 1;
    for (const format of ["recvlogical", "raw"] satisfies CaptureFormat[]) {
      const rest = encodeCapture(format, messages.slice(last, last + 1));
      const outcome = decodeChunks(format, [rest], { streaming: true });
      assert.deepEqual(outcome.messages, whole.slice(last, last + 1));
    }
  });

  it("a stream block that a lost connection cut short ends where the next transaction begins", () => {
    const start = whole.findIndex((m) => m.kind === "stream_start");
    const begin = whole.findIndex((m) => m.kind === "begin");
    const spliced = [...messages.slice(start, start + 5), ...messages.slice(begin)];
    for (const format of ["recvlogical", "raw", "walctl"] satisfies CaptureFormat[]) {
      const outcome = decodeChunks(format, [encodeCapture(format, spliced)]);
      assert.equal(outcome.fault, null);
      assert.deepEqual(outcome.messages, [...whole.slice(start, start + 5), ...whole.slice(begin)]);
    }
  });
});
